"""Simulated closings of a batch of grasps: buffers and launches of `kernels.closing`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import warp as wp
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from dexgrasp_ros.core.config import SynthesisConfig
from dexgrasp_ros.core.hand_model import HandModel, JointType
from dexgrasp_ros.core.object_model import ObjectModel
from dexgrasp_ros.core.progress import StopCallback, check_stop
from dexgrasp_ros.kernels import types
from dexgrasp_ros.kernels.closing import Dynamics, Motion, drive_hand, find_touch, step_dynamics
from dexgrasp_ros.kernels.kinematics import forward_kinematics
from dexgrasp_ros.kernels.optimizer import advance
from dexgrasp_ros.synthesis.device import resolve_device
from dexgrasp_ros.synthesis.launcher import repeat
from dexgrasp_ros.synthesis.postures import Closing, coordinate_types

# What a finger's motor feels of the finger: 50 g at 0.1 m; what a jaw's motor moves.
_ARMATURE = {JointType.REVOLUTE: 5e-4, JointType.PRISMATIC: 0.1}  # kg m^2, kg
_RESPONSE = 0.01  # s, of a position controller against its damping
_REACH = 0.005  # m, more than anything moves in a step
_ERROR_TIME = 0.02  # s, in which overlap is pushed apart
_SWEEPS = 12
_FAR = 1e9  # m
# Of one step: shares of the way at its beginning and end, friction, force on the object [N].
Course = tuple[float, float, float, float]
Watch = Callable[[Motion, wp.array], wp.Launch]
# What of `Motion` a simulation goes on from; the rest is found anew in each step.
_STATE = (
    *('pose', 'linear', 'angular', 'q', 'rate', 'impulse'),
    *('nearest', 'place', 'drift', 'cluster_bound'),
)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How N simulated closings ended; the object's frame has moved with the object."""

    displacement: NDArray[np.float64]  # [N] m, of the centre of mass
    rotation: NDArray[np.float64]  # [N] rad
    palm: NDArray[np.float64]  # [N, 7] in the object's frame
    q: NDArray[np.float64]  # [N, J]
    force: NDArray[np.float64]  # [N, G, 3] of the hand on the object, N
    touching: NDArray[np.bool_]  # [N, G] groups with a point within reach of the object
    # Of the others the force is zero, and these are left from when they last touched, or zero.
    point: NDArray[np.float64]  # [N, G, 3] where it acts
    normal: NDArray[np.float64]  # [N, G, 3] unit, into the object

    @property
    def normal_force(self) -> NDArray[np.float64]:
        """[N] sum of normal forces [N]."""
        return np.einsum('ngi,ngi->n', self.force, self.normal)


def upload_dynamics(
    hand: HandModel,
    obj: ObjectModel,
    config: SynthesisConfig,
    device: Any,
    *,
    step: float | None = None,
    creep: float = 0.0,
) -> Dynamics:
    """Copy the numbers of the simulation to `device`; the step [s] is by default its config's."""

    def array(values: NDArray) -> wp.array:
        return wp.array(values.astype(np.float32), dtype=float, device=device)

    s = Dynamics()
    s.step = config.simulation_step if step is None else step
    s.creep = creep
    s.mass = config.object_mass
    inertia = obj.inertia * (config.object_mass / obj.mass)
    s.inverse_inertia = wp.mat33(*np.linalg.inv(inertia).ravel().tolist())
    s.reach = _REACH
    s.error_time = _ERROR_TIME
    s.sweeps = _SWEEPS
    s.armature = array(np.array([_ARMATURE[kind] for kind in coordinate_types(hand)]))
    s.damping = array(hand.joint_stiffness * _RESPONSE)
    s.stiffness = array(hand.joint_stiffness)
    s.effort = array(hand.effort_limits)
    return s


def load_closing_kernels(device: str) -> None:
    """Compile what a simulated closing needs, or fetch it from the cache."""
    wp.load_module(drive_hand.module, device=resolve_device(device))


class ClosingSimulation:
    """Drives N hands from pre-grasp to grasp to squeeze about free objects."""

    def __init__(
        self,
        hand: types.Hand,
        obj: types.Object,
        dynamics: Dynamics,
        config: SynthesisConfig,
        count: int,
        device: Any,
        *,
        should_stop: StopCallback | None = None,
    ) -> None:
        self._should_stop = should_stop
        self._hand, self._object, self._dynamics, self._config = hand, obj, dynamics, config
        self._count, self._device, self._growth = count, device, 0.0
        self._groups = hand.group_bodies.shape[0]
        bodies, joints = hand.body_parents.shape[0], hand.lower.shape[0]
        m = self._motion = Motion()
        still = np.tile(np.eye(7, dtype=np.float32)[6], (count, 1))
        m.pose = wp.array(still, dtype=wp.transform, device=device)
        m.linear, m.angular, m.palm_velocity, m.pull = (
            self._zeros(count, wp.vec3) for _ in range(4)
        )
        m.palm = self._zeros(count, wp.transform)
        m.q, m.rate = (self._zeros((count, joints)) for _ in range(2))
        first = hand.cluster_points.numpy()[hand.group_clusters.numpy()[:-1]]
        m.nearest = wp.array(np.tile(first, (count, 1)), dtype=int, device=device)
        shape = (count, self._groups)
        m.place = self._zeros(shape, wp.transform)
        m.drift = wp.full(shape, _FAR, dtype=float, device=device)  # nothing is known yet
        clusters = (count, hand.cluster_spheres.shape[0])
        m.cluster_bound = wp.full(clusters, -_FAR, dtype=float, device=device)
        m.point, m.normal, m.impulse = (self._zeros(shape, wp.vec3) for _ in range(3))
        m.distance, m.normal_mass, m.tangent_mass = (self._zeros(shape) for _ in range(3))
        self._bodies = self._zeros((count, bodies), wp.transform)
        self._target, self._masses = (self._zeros((count, joints)) for _ in range(2))
        self._active = self._zeros(shape, int)
        self._counter = self._zeros(1, int)

    def _zeros(self, shape: Any, dtype: Any = float) -> wp.array:
        return wp.zeros(shape, dtype=dtype, device=self._device)

    @property
    def poses(self) -> wp.array:
        """Poses [N] of the objects' frames in those that they started in."""
        return self._motion.pose

    def run(self, closing: Closing, center: NDArray, *, growth: float) -> Outcome:
        """Close once.

        Parameters
        ----------
        closing
            The N closings.
        center
            [3] the object's centre of mass, in the frame of its mesh.
        growth
            The object's surface is moved outward by this [m].
        """
        self._growth = growth
        self._motion.q.assign(closing.pregrasp.astype(np.float32))
        start, palm = (
            self._upload(p, wp.transform) for p in (closing.pregrasp_palm, closing.palm)
        )
        opened, grasp, squeeze = (
            self._upload(q, float) for q in (closing.pregrasp, closing.grasp, closing.squeeze)
        )
        friction = self._config.friction
        self._drive(self._config.closing_time, friction, start, palm, opened, grasp)
        self._drive(self._config.squeezing_time, friction, palm, palm, grasp, squeeze)
        return self._outcome(center)

    def squeeze(self, closing: Closing, *, friction: float) -> None:
        """Squeeze from the grasp on, where nothing is touched yet."""
        self._motion.q.assign(closing.grasp.astype(np.float32))
        palm = self._upload(closing.palm, wp.transform)
        grasp, squeeze = (self._upload(q, float) for q in (closing.grasp, closing.squeeze))
        self._drive(self._config.squeezing_time, friction, palm, palm, grasp, squeeze)

    def copies(self, times: int, dynamics: Dynamics) -> ClosingSimulation:
        """Return so many simulations that go on from here for each of these, one after another.

        Steps of another length begin with impulses of the same forces.
        """
        parts = self._hand, self._object, dynamics, self._config, times * self._count
        other = ClosingSimulation(*parts, self._device, should_stop=self._should_stop)
        other._growth = self._growth
        for name in _STATE:
            values = getattr(self._motion, name).numpy()
            if name == 'impulse':
                values = values * np.float32(dynamics.step / self._dynamics.step)
            getattr(other._motion, name).assign(np.repeat(values, times, axis=0))
        return other

    def hold(
        self,
        closing: Closing,
        directions: NDArray,
        frictions: Sequence[float],
        pulls: Sequence[float],
        watch: Watch,
    ) -> None:
        """Pull the object while the hand squeezes, step by step with another friction and force.

        Parameters
        ----------
        closing
            As many closings as there are simulations; the hand stays where each squeezes.
        directions
            Of the pulls, unit [N, 3], in the frame that the object started in.
        frictions, pulls
            Of each step; pulls in N.
        watch
            Called with the state and the counter of steps; returns the launch that follows each
            step.
        """
        self._motion.pull.assign(directions.astype(np.float32))
        palm = self._upload(closing.palm, wp.transform)
        squeeze = self._upload(closing.squeeze, float)
        course = [(1.0, 1.0, *step) for step in zip(frictions, pulls, strict=True)]
        self._play((palm, palm, squeeze, squeeze), course, watch)

    def _upload(self, values: NDArray, dtype: Any) -> wp.array:
        values = np.ascontiguousarray(values, dtype=np.float32)
        return wp.array(values, dtype=dtype, device=self._device)

    def _drive(
        self,
        seconds: float,
        friction: float,
        *way: wp.array,  # palms and joints, start and end
    ) -> None:
        steps = max(1, round(seconds / self._dynamics.step))
        course = [(k / steps, (k + 1) / steps, friction, 0.0) for k in range(steps)]
        self._play(way, course)

    def _play(
        self, way: tuple[wp.array, ...], course: Sequence[Course], watch: Watch | None = None
    ) -> None:
        """Make a step for each entry of the course, which is on the device."""
        if not self._count:
            return
        hand, obj, dynamics, motion = self._hand, self._object, self._dynamics, self._motion
        self._counter.zero_()
        now = (self._upload(np.array(course), wp.vec4), self._counter)
        count, shape = self._count, (self._count, self._groups)
        launches = [
            self._noted(drive_hand, count, motion, *way, *now, dynamics.step, self._target),
            self._noted(forward_kinematics, count, hand, motion.palm, motion.q, self._bodies),
            self._noted(
                find_touch, shape, hand, obj, dynamics, self._growth, self._bodies, motion
            ),
            self._noted(
                step_dynamics,
                count,
                *(hand, obj, dynamics, self._bodies),
                *(self._target, self._masses, self._active, *now, motion),
            ),
        ]
        if watch is not None:
            launches.append(watch(motion, self._counter))
        launches.append(self._noted(advance, 1, self._counter))
        stop = partial(check_stop, self._should_stop)
        repeat(launches, len(course), self._device, between=stop)

    def _noted(self, kernel: Any, dim: Any, *arguments: Any) -> wp.Launch:
        inputs = list(arguments)
        return wp.launch(kernel, dim=dim, inputs=inputs, device=self._device, record_cmd=True)

    def _outcome(self, center: NDArray) -> Outcome:
        m = self._motion
        pose, palm, q, impulse, point, normal = (
            a.numpy().astype(np.float64)
            for a in (m.pose, m.palm, m.q, m.impulse, m.point, m.normal)
        )
        rotation = Rotation.from_quat(pose[:, 3:])
        moved = rotation.apply(center) + pose[:, :3] - center
        return Outcome(
            displacement=np.linalg.norm(moved, axis=1),
            rotation=rotation.magnitude(),
            palm=palm,
            q=q,
            force=impulse / self._dynamics.step,
            touching=m.distance.numpy() < np.float32(self._dynamics.reach),
            point=point,
            normal=normal,
        )
