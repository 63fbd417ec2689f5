"""Simulated joints settle without ringing, whatever they weigh and however strong they are."""

from __future__ import annotations

import dataclasses
import itertools
import math

import mujoco
import numpy as np
import pytest

from dexgrasp_ros.core.hand_model import HandModel, JointType
from dexgrasp_ros.hand import load_hand, load_hand_text
from dexgrasp_ros.simulation import PhysicsSettings
from dexgrasp_ros.simulation.joint_dynamics import joint_dampings
from dexgrasp_ros.simulation.physics_model import add_wrist
from dexgrasp_ros.simulation.physics_scene import set_options

CUBE, ARM = 0.02, 0.06  # m, edge of a moving cube, and how far from a hinge its centre is
OVERSHOOT = 0.37  # most that a joint may overshoot, which few do
MASSES = (0.005, 0.03, 0.3, 2.0)  # kg
EFFORTS = {'prismatic': (1.0, 20.0, 100.0, 500.0), 'revolute': (0.1, 1.0, 10.0, 50.0)}  # N, N m


def hand_of(*joints: str, ratios=(1.0,), shape=f'<box size="{CUBE} {CUBE} {CUBE}"/>') -> HandModel:
    """A base with a cube at each joint; all but the first joint follow it by their ratio."""
    parts = []
    for number, (kind, ratio) in enumerate(zip(joints, ratios, strict=True)):
        mimic = f'<mimic joint="joint0" multiplier="{ratio}"/>' if number else ''
        parts.append(
            f'<link name="part{number}"><collision><origin xyz="0 0 {ARM}"/><geometry>{shape}'
            f'</geometry></collision></link><joint name="joint{number}" type="{kind}">'
            f'<parent link="base"/><child link="part{number}"/><origin xyz="0 {0.1 * number} 0"/>'
            '<axis xyz="0 1 0"/><limit lower="-1" upper="1" effort="1" velocity="1"/>'
            f'{mimic}</joint>'
        )
    return load_hand_text(
        '<robot name="toy"><link name="base"><collision><origin xyz="0 0 -0.1"/><geometry>'
        f'<box size="0.1 0.1 0.1"/></geometry></collision></link>{"".join(parts)}</robot>'
    )


def strong(hand: HandModel, effort: float) -> HandModel:
    """The same with another effort; slides give theirs at 5 mm."""
    sliding = hand.joint_types[1] == JointType.PRISMATIC
    gain = effort / 0.005 if sliding else 5.0
    return dataclasses.replace(
        hand, effort_limits=np.array([effort]), joint_stiffness=np.array([gain])
    )


def weighing(mass: float, **settings: float) -> PhysicsSettings:
    return PhysicsSettings(link_density=mass / CUBE**3, **settings)


class Bench:
    """A hand that is held by its wrist."""

    def __init__(self, hand: HandModel, settings: PhysicsSettings) -> None:
        spec = mujoco.MjSpec()
        spec.compiler.degree = False
        set_options(spec, settings, None)
        add_wrist(spec, hand, settings)
        self.model = spec.compile()
        self.data = mujoco.MjData(self.model)
        links = np.flatnonzero(hand.coordinates >= 0)
        self._joints = [self.model.joint(f'joint{k}') for k in links]
        self._addresses = [j.qposadr[0] for j in self._joints]
        self._dofs = [j.dofadr[0] for j in self._joints]

    def run(self, seconds: float) -> np.ndarray:
        """Positions [T, M] of the joints at all time steps."""
        positions = []
        for _ in range(math.ceil(seconds / self.model.opt.timestep)):
            mujoco.mj_step(self.model, self.data)
            positions.append(self.data.qpos[self._addresses])
        return np.array(positions)

    def load(self, joint: int, effort: float) -> None:
        self.data.qfrc_applied[self._dofs[joint]] = effort


def in_steps(inertia: float, damping: float, gain: float, step: float, seconds: float):
    """Course [T] to 1 as the integrator makes it of one joint: damping implicit, gain explicit."""
    q = v = 0.0
    course = []
    for _ in range(math.ceil(seconds / step)):
        v = (inertia * v + step * gain * (1.0 - q)) / (inertia + step * damping)
        q += step * v
        course.append(q)
    return np.array(course)


def dampings(gain: float, inertia: float, step: float) -> float:
    """What a hinge alone gets."""
    settings = PhysicsSettings(time_step=step, joint_gain=gain)
    return joint_dampings(HINGE, np.array([0.0, gain]), np.array([0.0, inertia]), settings)[1]


HINGE = hand_of('revolute')


@pytest.mark.parametrize('step', [0.001, 0.002, 0.004])
def test_no_joint_overshoots_far_or_swings_long(step):
    """From a joint without load to one of a hundred thousand times its own inertia."""
    for inertia in 2e-4 * np.geomspace(1.0, 1e5, 60):
        slow = math.sqrt(inertia / 5.0)
        course = in_steps(inertia, dampings(5.0, inertia, step), 5.0, step, 0.2 + 8.0 * slow)
        assert course.max() < 1.0 + OVERSHOOT
        assert course[-1] == pytest.approx(1.0, abs=0.02)


def test_the_damping_of_heavy_joints_is_critical_and_no_more():
    for inertia, step in itertools.product((0.02, 0.1, 1.0), (0.001, 0.004, 0.01)):
        damping, time = dampings(5.0, inertia, step), 20.0 * math.sqrt(inertia / 5.0)
        assert in_steps(inertia, damping, 5.0, step, time).max() <= 1.0
        assert in_steps(inertia, 0.9 * damping, 5.0, step, time).max() > 1.0 + 1e-6


def settling_time(kind: str, mass: float, gain: float, count: int = 1) -> float:
    """Seconds until nothing is left of a step: four times tau, or 8/omega of heavy joints."""
    return max(0.2, 8.0 * math.sqrt(count * total_inertia(kind, mass, gain) / gain))


def total_inertia(kind: str, mass: float, gain: float) -> float:
    """Of a joint with its cube: m a²/6 about its own axis, and 4e-5 s² k of the joint itself."""
    links = mass if kind == 'prismatic' else mass * (ARM**2 + CUBE**2 / 6.0)
    return links + 4e-5 * gain


@pytest.mark.parametrize('time_step', [0.001, 0.002, 0.004])
@pytest.mark.parametrize('kind', ['prismatic', 'revolute'])
def test_a_joint_follows_a_step_and_carries_a_load_as_one_can_work_out(kind, time_step):
    plain = hand_of(kind)
    for mass, effort in itertools.product(MASSES, EFFORTS[kind]):
        hand = strong(plain, effort)
        gain = hand.joint_stiffness[0]
        inertia, time = total_inertia(kind, mass, gain), 2.0 * settling_time(kind, mass, gain)
        # By the gain, 10 ms; by decay, 50 ms; but not beyond the critical damping.
        critical = 2.0 * math.sqrt(gain * inertia) + time_step * gain
        damping = min(max(0.01 * gain, 2.0 * inertia / 0.05), critical)
        bench = Bench(hand, weighing(mass, time_step=time_step))
        bench.data.ctrl[:] = step = min(0.5 * effort / gain, 0.2)
        course = bench.run(time)[:, 0] / step
        expected = in_steps(inertia, damping, gain, time_step, time)
        # The base weighs a hundred times as much, and gives way a little.
        np.testing.assert_allclose(course, expected, atol=0.03, err_msg=f'{mass} kg, {effort}')
        bench.load(0, gain * step)
        loaded = bench.run(time)[:, 0] / step
        np.testing.assert_allclose(loaded, 1.0 + expected, atol=0.03, err_msg=f'{mass}, {effort}')


@pytest.mark.parametrize('time_step', [0.001, 0.002, 0.004])
@pytest.mark.parametrize(('kind', 'give'), [('prismatic', 0.06), ('revolute', 0.25)])
def test_a_coupled_joint_follows_and_carries_a_load(kind, give, time_step):
    """Against a load the coupling gives way by less than a share of what the drive does."""
    plain = hand_of(kind, kind, ratios=(1.0, -1.0))
    for mass, effort in itertools.product(MASSES, EFFORTS[kind]):
        hand = strong(plain, effort)
        gain = hand.joint_stiffness[0]
        time = 2.0 * settling_time(kind, mass, gain, 2)
        bench = Bench(hand, weighing(mass, time_step=time_step))
        bench.data.ctrl[:] = step = min(0.5 * effort / gain, 0.2)
        course = bench.run(time) / step
        assert np.isfinite(course).all(), (mass, effort)
        assert course[:, 0].max() < 1.0 + OVERSHOOT, (mass, effort)
        off = np.abs(course.sum(axis=1))
        assert off.max() < 0.15 and off[-1] < 1e-3, (mass, effort)
        np.testing.assert_allclose(course[-1], [1.0, -1.0], atol=0.02)
        bench.load(1, gain * step)
        loaded = bench.run(time)[-20:] / step
        assert np.ptp(loaded, axis=0).max() < 0.01, (mass, effort)
        np.testing.assert_allclose(loaded[-1, 0], 0.0, atol=0.01)
        assert 0.0 < loaded[-1, 1] < give, (mass, effort)


@pytest.mark.parametrize('name', ['allegro', 'barrett', 'shadow'])
def test_light_fingers_have_what_fingers_have_in_the_model_collection(name):
    model = Bench(load_hand(name), PhysicsSettings()).model
    np.testing.assert_array_equal(model.dof_damping[6:], 0.05)
    np.testing.assert_array_equal(model.dof_armature[6:], 0.0002)


def test_a_rack_follows_its_pinion_under_load():
    """20 mm/rad: 20 N are 0.4 N m for the hinge, which turns by 80 mrad, the rack by 1.6 mm."""
    bench = Bench(hand_of('revolute', 'prismatic', ratios=(1.0, 0.02)), weighing(0.05))
    bench.data.ctrl[:] = 0.2
    np.testing.assert_allclose(bench.run(0.5)[-1], [0.2, 0.004], rtol=1e-3)
    bench.load(1, -20.0)
    loaded = bench.run(0.5)
    np.testing.assert_allclose(loaded[-1, 0], 0.2 - 0.08, rtol=1e-3)
    assert -0.25 * 0.0016 < loaded[-1, 1] - 0.02 * loaded[-1, 0] <= 0.0
    assert np.ptp(loaded[-50:], axis=0).max() < 1e-5


def test_a_linkage_of_many_joints_is_not_slow():
    """With thirteen joints' damping by the gain it would have a time constant of 130 ms."""
    bench = Bench(hand_of(*['revolute'] * 13, ratios=[1.0] * 13), weighing(0.005))
    bench.data.ctrl[:] = 0.1
    course = bench.run(settling_time('revolute', 0.005, 5.0, 13)) / 0.1
    assert course.max() < 1.05
    np.testing.assert_allclose(course[-1], 1.0, atol=0.02)


@pytest.mark.parametrize('ratio', [0.0, 1e-9, 1e-3, 0.1])
@pytest.mark.parametrize('kinds', [('revolute', 'prismatic'), ('prismatic', 'prismatic')])
def test_followers_that_hardly_move_do_not_hold_up_their_drive(kinds, ratio):
    bench = Bench(strong(hand_of(*kinds, ratios=(1.0, ratio)), 10.0), weighing(0.05))
    bench.data.ctrl[:] = 0.001
    np.testing.assert_allclose(bench.run(0.5)[-1], [0.001, 0.001 * ratio], rtol=0.01, atol=1e-9)


@pytest.mark.parametrize('kind', ['prismatic', 'revolute'])
@pytest.mark.parametrize(
    'shape',
    [
        '<sphere radius="0.00001"/>',
        '<box size="0.0000001 0.0000001 0.0000001"/>',
        '<cylinder radius="0.00001" length="0.001"/>',
    ],
    ids=['speck', 'mote', 'hair'],
)
def test_links_that_weigh_nothing_move_as_others_do(kind, shape):
    bench = Bench(hand_of(kind, shape=shape), PhysicsSettings())
    bench.data.ctrl[:] = 0.002
    course = bench.run(0.3) / 0.002
    assert course.max() < 1.1
    assert course[-1] == pytest.approx(1.0, abs=1e-3)


def test_a_link_without_geometry_is_no_lighter_than_a_screw():
    """The hand's first joint carries the second one only, on a link of no shape."""
    cube = f'<box size="{CUBE} {CUBE} {CUBE}"/>'
    limit = '<axis xyz="0 1 0"/><limit lower="-1" upper="1" effort="100" velocity="1"/>'
    hand = load_hand_text(
        f'<robot name="chain"><link name="base"><collision><geometry>{cube}</geometry>'
        '</collision></link><link name="bare"/><link name="tip"><collision><origin xyz="0 0 0.1"/>'
        f'<geometry>{cube}</geometry></collision></link><joint name="first" type="prismatic">'
        f'<parent link="base"/><child link="bare"/>{limit}</joint><joint name="second" '
        f'type="revolute"><parent link="bare"/><child link="tip"/>{limit}</joint></robot>'
    )
    bench = Bench(hand, PhysicsSettings())
    bench.data.ctrl[:] = target = np.array([0.004, 0.2])
    course = bench.run(0.5) / target
    assert course.max() < 1.0 + OVERSHOOT
    np.testing.assert_allclose(course[-1], 1.0, atol=1e-3)
