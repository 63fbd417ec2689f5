"""The shake test: settings, controls that must hold or fail, causes, other processes."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import trimesh
from in_process import shaken_elsewhere
from toy_hands import LID_OPEN, grasp_set, light_jaws, turntable

from dexgrasp_ros import SynthesisConfig, evaluate, load_hand, load_object, synthesize
from dexgrasp_ros.core.errors import DexGraspError, ErrorCode, InputError
from dexgrasp_ros.core.grasp_set import GraspSet
from dexgrasp_ros.core.poses import compose, invert
from dexgrasp_ros.evaluation import find_protocol
from dexgrasp_ros.evaluation.shake_test import Postures, _Shaking, shake
from dexgrasp_ros.simulation import build_physics

HOME = [0, 0, 0, 0, 0, 0, 1.0]
SHUT = 0.001  # m, of the lid's joint: 1 mm above the sphere


@pytest.fixture(scope='module')
def ball():
    mesh = trimesh.creation.icosphere(subdivisions=3, radius=0.025)
    return load_object((mesh.vertices, mesh.faces))


@pytest.fixture(scope='module')
def good(ball):
    """Grasps of a ball that hold, found with the package's own search."""
    hand = load_hand('allegro')
    found = synthesize(hand, ball, SynthesisConfig(seed_count=32, max_grasps=4))
    held = np.flatnonzero(evaluate(found, object=ball).held)
    assert len(held) >= 2
    return found.select(held[:2])


@pytest.fixture(scope='module')
def judged(good, ball):
    with shaken_elsewhere():
        return evaluate(good, object=ball, processes=2)


def test_a_cage_holds_a_sphere_and_an_open_one_loses_it_upward(cage, sphere):
    grasps = grasp_set(
        cage, HOME, [[SHUT], [LID_OPEN]], pregrasp=[[LID_OPEN]] * 2, squeeze=[[0.0], [LID_OPEN]]
    )
    found = evaluate(grasps, object=sphere)
    assert found.held.tolist() == [True, False]
    assert found.causes() == {'held': 1, 'direction +z (moved)': 1}
    assert found.displacement[0] < 0.003 < 0.05 < found.displacement[1]
    low, high = found.interval
    assert low < found.success_rate == 0.5 < high


def test_what_is_not_to_be_shaken_is_measured_only(cage, sphere):
    grasps = grasp_set(
        cage, HOME, [[SHUT], [LID_OPEN], [SHUT]], pregrasp=[[LID_OPEN]] * 3, squeeze=[[0.0]] * 3
    )
    whole = evaluate(grasps.select([1]), object=sphere)
    found = evaluate(grasps, object=sphere, shaken=[False, True, False])
    assert found.shaken.tolist() == [False, True, False]
    assert found.cause.tolist() == ['not shaken', *whole.cause, 'not shaken']
    assert not found.held[[0, 2]].any() and np.isnan(found.displacement[[0, 2]]).all()
    assert found.summary()['shaken'] == 1
    assert found.success_rate == whole.success_rate and found.interval == whole.interval
    measured = evaluate(grasps, object=sphere, shaken=np.zeros(3, dtype=bool))
    np.testing.assert_array_equal(measured.epsilon, found.epsilon)
    assert np.isnan(measured.success_rate) and measured.interval == (0.0, 1.0)
    with pytest.raises(InputError, match='expected a truth value for each of 3 grasps'):
        evaluate(grasps, object=sphere, shaken=[True])


def test_every_kind_of_failure_has_its_cause(cage, sphere):
    inside = [0.012, 0, 0, 0, 0, 0, 1.0]  # a wall 11 mm in the sphere
    pushed = [0.07, 0, 0, 0, 0, 0, 1.0]
    base = grasp_set(cage, [HOME, inside, HOME], [[LID_OPEN]] * 3)
    moved = base.base_pose.copy()
    moved[2] = pushed
    found = evaluate(dataclasses.replace(base, base_pose=moved), object=sphere)
    assert found.cause.tolist() == ['direction +z', 'pregrasp', 'closing']
    assert found.motion.tolist() == ['moved', '', 'moved']
    assert found.pregrasp_depth[1] == pytest.approx(0.011, abs=5e-4)
    assert np.isnan(found.displacement[1])


def test_a_turn_is_told_from_a_shift():
    """A hand that carries a bar round by 40° does not move its centre."""
    hand, bar = turntable()
    found = evaluate(grasp_set(hand, HOME, [[0.7]], pregrasp=[[0.0]], squeeze=[[0.7]]), object=bar)
    assert found.cause.tolist() == ['closing']
    assert found.motion.tolist() == ['turned']


@pytest.mark.parametrize('effort', [20.0, 100.0, 300.0])
def test_light_jaws_hold_a_box_by_opposite_faces_however_strong_they_are(effort):
    """A box of 4 cm between the pads, with half of the effort; short of it they hold nothing."""
    hand = light_jaws(effort)
    mesh = trimesh.creation.box([0.03, 0.04, 0.03])
    box = load_object((mesh.vertices, mesh.faces))
    poses = np.array([[0, 0, -0.047, 0, 0, 0, 1.0], [0, 0, -0.08, 0, 0, 0, 1.0]])
    closed = grasp_set(
        hand, poses[0], [[0.0205]] * 2, pregrasp=[[0.03]] * 2, squeeze=[[0.0175]] * 2
    )
    grasps = dataclasses.replace(closed, base_pose=poses, pregrasp_base_pose=poses)
    found = evaluate(grasps, object=box)
    assert found.held.tolist() == [True, False]
    assert found.closing_displacement[0] < 5e-4
    assert found.displacement[0] < 2e-3


@pytest.mark.parametrize('shift', [[0, 0.04, 0], [0, -0.04, 0]])
def test_grasps_beside_the_object_hold_nothing(good, ball, shift):
    """Across the hand; along the fingers, or back, a hand may still close on a ball of 5 cm."""
    palm = load_hand('allegro').palm_pose
    moved = compose(compose(palm, [*shift, 0, 0, 0, 1.0]), invert(palm))
    beside = dataclasses.replace(
        good,
        base_pose=compose(good.base_pose, moved),
        pregrasp_base_pose=compose(good.pregrasp_base_pose, moved),
    )
    assert evaluate(beside, object=ball).success_rate == 0.0


@pytest.mark.parametrize('axis', [0, 1, 2])
@pytest.mark.parametrize('shift', [0.04, -0.04])
def test_a_cage_beside_the_sphere_holds_nothing(cage, sphere, axis, shift):
    """In five directions a wall stands in the sphere, in the sixth the lid would."""
    beside = np.array(HOME)
    beside[axis] = shift
    found = evaluate(grasp_set(cage, beside, [[SHUT]]), object=sphere)
    assert found.cause.tolist() == ['pregrasp']


def test_an_open_hand_holds_nothing(good, ball):
    hand = load_hand('allegro')
    straight = np.tile(np.clip(0.0, hand.lower, hand.upper), (len(good), 1))
    still = dataclasses.replace(good, pregrasp=straight, grasp=straight, squeeze=straight)
    assert evaluate(still, object=ball).success_rate == 0.0


def test_gravity_drops_what_stands_on_no_table(cage, sphere):
    beside = [0.3, 0, 0, 0, 0, 0, 1.0]
    floor = [0, 0, 1.0, 0.30]  # 27 cm below the sphere; it passes 5 cm after 0.1 s
    found = evaluate(
        grasp_set(cage, beside, [[SHUT]]),
        object=sphere,
        protocol='tabletop',
        support_plane=floor,
    )
    assert (found.cause[0], found.motion[0]) == ('closing', 'moved')
    assert found.displacement[0] == pytest.approx(0.05, abs=0.005)


def test_a_cage_lifts_a_sphere_from_a_table(cage, sphere):
    """Turned over, the cage stands around the sphere, and the lid slides below it."""
    over = [0, 0, 0, 1.0, 0, 0, 0]
    floor = [0, 0, 1.0, 0.08]
    found = evaluate(
        grasp_set(cage, over, [[SHUT], [LID_OPEN]], squeeze=[[-0.003], [LID_OPEN]]),
        object=sphere,
        protocol='tabletop',
        support_plane=floor,
    )
    assert found.held[0]
    assert found.cause[1] == 'pregrasp'  # The open lid would be 2 cm below the floor.
    assert found.pregrasp_depth[1] == pytest.approx(0.021, abs=1e-3)


def test_the_benchmarks_lift_jumps_and_is_judged_when_it_is_over(cage, sphere, monkeypatch):
    """Ten jumps of 1 cm, each with ten time steps, as those of its closing."""
    wrist, verdicts = [], []
    move, judge = _Shaking._move_wrist, _Shaking._judge

    def watched_move(self, position, quaternion):
        wrist.append(position[2])
        move(self, position, quaternion)

    def watched_judge(self):
        verdicts.append(len(wrist))
        judge(self)

    monkeypatch.setattr(_Shaking, '_move_wrist', watched_move)
    monkeypatch.setattr(_Shaking, '_judge', watched_judge)
    grasps = grasp_set(cage, [0, 0, 0, 1.0, 0, 0, 0], [[SHUT]], squeeze=[[-0.003]])
    higher = dataclasses.replace(grasps, pregrasp_base_pose=np.array([[0, 0, 1e-3, 1.0, 0, 0, 0]]))
    found = evaluate(
        higher, object=sphere, protocol='tabletop-bench', support_plane=[0, 0, 1.0, 0.08]
    )
    assert found.held[0]
    np.testing.assert_allclose(wrist[:100], np.repeat(np.arange(9, -1, -1) / 1e4, 10), atol=1e-9)
    np.testing.assert_allclose(wrist[100:], np.repeat(np.arange(1, 11) / 100, 10), atol=1e-9)
    assert verdicts == [200]
    # Left behind, it is lost in the lift, not before.
    left = evaluate(
        grasp_set(cage, [0.3, 0, 0, 1.0, 0, 0, 0], [[SHUT]]),
        object=sphere,
        protocol='tabletop-bench',
        support_plane=[0, 0, 1.0, 0.08],
    )
    assert (left.cause[0], left.motion[0]) == ('lifting', 'moved')


def test_the_floor_is_the_arguments_else_the_objects_else_that_of_the_grasps(cage):
    """Planes of 3, 4 and 5 cm below a brick of 4 cm: the pre-grasp of a hand at 12 cm tells."""
    mesh = trimesh.creation.box([0.04, 0.04, 0.04])
    mine, own, given = ([0, 0, 1.0, d] for d in (0.05, 0.04, 0.03))
    free = load_object((mesh.vertices, mesh.faces))
    standing = load_object((mesh.vertices, mesh.faces), support_plane=own)
    grasps = dataclasses.replace(
        grasp_set(cage, [0.3, 0, 0, 0, 0, 0, 1.0], [[SHUT]]), support_plane=np.array(mine)
    )

    def depth(obj, **options) -> float:
        """How deep the cage, whose lowest face is at -4.1 cm, stands in the floor."""
        found = evaluate(grasps, object=obj, protocol='tabletop', **options)
        assert not any('no table' in w for w in found.warnings)
        return found.pregrasp_depth[0]

    assert depth(free) == 0.0
    assert depth(standing) == pytest.approx(0.001, abs=2e-4)
    assert depth(standing, support_plane=given) == pytest.approx(0.011, abs=2e-4)


def test_an_object_that_does_not_rest_gives_a_warning(cage):
    """A slab of 1 cm by 10 cm on its edge, 10° off the vertical, falls over."""
    mesh = trimesh.creation.box([0.1, 0.01, 0.1])
    beside = grasp_set(cage, [0.3, 0, 0.2, 0, 0, 0, 1.0], [[SHUT]])
    tilted = [0, np.sin(np.radians(10)), np.cos(np.radians(10))]
    slab = load_object((mesh.vertices, mesh.faces))
    found = evaluate(beside, object=slab, protocol='tabletop', support_plane=[*tilted, 0.051])
    assert [w for w in found.warnings if 'moves by itself' in w and '80 degrees' in w]
    assert sum('Planned for no table' in w for w in found.warnings) == 1
    flat = evaluate(beside, object=slab, protocol='tabletop', support_plane=[0, 1, 0, 0.005])
    assert not [w for w in flat.warnings if 'moves by itself' in w]


def test_hard_is_harder(good, judged, ball):
    """Half the friction costs every grasp that resists all wrenches some of its ε."""
    hard = evaluate(good, object=ball, protocol='hard')
    closed = judged.epsilon > 0
    assert closed.any()
    assert (hard.epsilon[closed] < judged.epsilon[closed]).all()
    assert (hard.closing_displacement != judged.closing_displacement).any()


def test_the_number_of_processes_does_not_change_the_result(good, judged, ball):
    one = evaluate(good, object=ball, processes=1)
    np.testing.assert_array_equal(one.cause, judged.cause)
    np.testing.assert_array_equal(one.displacement, judged.displacement)


def test_results_are_written_beside_the_grasps(judged, tmp_path):
    judged.save(tmp_path / 'e.npz')
    again = GraspSet.load(tmp_path / 'e.npz')
    np.testing.assert_array_equal(again.epsilon, judged.epsilon)
    with np.load(tmp_path / 'e.npz', allow_pickle=False) as file:
        np.testing.assert_array_equal(file['evaluation_held'], judged.held)
        assert file['evaluation_cause'].tolist() == judged.cause.tolist()


def test_a_squeeze_for_other_joints_than_those_of_the_test_is_told():
    """5.0 N m/rad there; a sliding lid has no part in it."""
    hand, bar = turntable()
    grasps = grasp_set(hand, HOME, [[0.0]])
    for planned, told in ((5.0, False), (5.04, False), (20.0, True)):
        meant = dataclasses.replace(grasps, joint_stiffness=np.array([planned]))
        found = evaluate(meant, object=bar)
        assert any('20 N m/rad' in w and 'has 5' in w for w in found.warnings) == told


def test_finer_pieces_keep_a_hollow_free(cage):
    """An L of two bars of 2 by 2 by 6 cm, and its hull."""
    bars = [trimesh.creation.box(size) for size in ([0.06, 0.02, 0.02], [0.02, 0.02, 0.06])]
    for bar, place in zip(bars, ([0.02, 0, 0], [0, 0, 0.02]), strict=True):
        bar.apply_translation(place)
    mesh = trimesh.boolean.union(bars)
    corner = load_object((mesh.vertices, mesh.faces))
    grasps = grasp_set(cage, [0.3, 0, 0, 0, 0, 0, 1.0], [[SHUT]])
    coarse = evaluate(grasps, object=corner, piece_threshold=1.0)
    # Hull: the square of 6 cm less half the square of 4 cm; the L is five squares of 2 cm.
    assert coarse.volume_ratio == pytest.approx(28 / 20, abs=0.01)
    assert coarse.summary()['piece_threshold'] == 1.0
    assert [
        w for w in coarse.warnings if '1.40 times' in w and 'piece_threshold of 0.01 to 1' in w
    ]
    fine = evaluate(grasps, object=corner)
    assert fine.summary()['piece_threshold'] == 0.05
    assert fine.volume_ratio == pytest.approx(1.0, abs=0.02)
    assert not [w for w in fine.warnings if 'times the volume' in w]


def test_no_grasps_give_an_empty_result(cage, sphere):
    found = evaluate(grasp_set(cage, HOME, np.empty((0, 1))), object=sphere)
    assert len(found.rows()) == 0
    assert found.interval == (0.0, 1.0)
    assert np.isnan(found.success_rate)


@pytest.mark.usefixtures('processes')
def test_progress_counts_up_and_a_stop_ends_it(cage, sphere):
    seen = []
    grasps = grasp_set(cage, HOME, [[LID_OPEN]] * 3)
    evaluate(grasps, object=sphere, progress=lambda p: seen.append(p.fraction))
    assert seen == pytest.approx([1 / 3, 2 / 3, 1])
    with pytest.raises(DexGraspError) as stopped:
        evaluate(grasps, object=sphere, should_stop=lambda: True)
    assert stopped.value.code == ErrorCode.CANCELLED


@pytest.mark.parametrize(
    ('change', 'options', 'code'),
    [
        ({}, {'protocol': 'soft'}, ErrorCode.OUT_OF_RANGE),
        ({}, {'processes': 0}, ErrorCode.OUT_OF_RANGE),
        ({}, {'object': None}, ErrorCode.MISSING_KEY),
        ({}, {'support_plane': [0, 0, 1.0]}, ErrorCode.WRONG_SHAPE),
        ({}, {'support_plane': [0, 0, 0.0, 0]}, ErrorCode.OUT_OF_RANGE),
        ({}, {'support_plane': [0, 0, 2.0, 0]}, ErrorCode.OUT_OF_RANGE),
        ({}, {'support_plane': [0, 0, 1.0, math.nan]}, ErrorCode.OUT_OF_RANGE),
        (
            {},
            {'protocol': 'tabletop', 'support_plane': [0, 0, 1.0, math.inf]},
            ErrorCode.OUT_OF_RANGE,
        ),
        (
            {'support_plane': np.array([0, 0, 2.0, 0])},
            {'protocol': 'tabletop'},
            ErrorCode.OUT_OF_RANGE,
        ),
        ({}, {'piece_threshold': 0.001}, ErrorCode.OUT_OF_RANGE),
        ({'joint_names': ('other',)}, {}, ErrorCode.INVALID_INPUT),
        ({'grasp': np.array([[np.nan]])}, {}, ErrorCode.INVALID_INPUT),
        ({'base_pose': np.zeros((1, 7))}, {}, ErrorCode.INVALID_INPUT),
        ({'squeeze': np.zeros((1, 4))}, {}, ErrorCode.WRONG_SHAPE),
        ({'joint_stiffness': np.zeros(2)}, {}, ErrorCode.WRONG_SHAPE),
        ({'urdf': '<robot'}, {}, ErrorCode.INVALID_URDF),
    ],
)
def test_wrong_input_is_refused(cage, sphere, change, options, code):
    grasps = dataclasses.replace(grasp_set(cage, HOME, [[SHUT]]), **change)
    with pytest.raises(InputError) as refused:
        evaluate(grasps, **({'object': sphere} | options))
    assert refused.value.code == code


def test_the_protocols_are_those_of_the_benchmark():
    fc, hard, tabletop = (find_protocol(n) for n in ('fc', 'hard', 'tabletop'))
    assert (fc.pull, fc.pull_time, fc.closing_time, fc.squeezing_time) == (10.0, 2.0, 0.4, 0.4)
    assert (fc.max_displacement, fc.max_pregrasp_depth) == (0.05, 0.01)
    assert np.degrees(fc.max_rotation) == pytest.approx(15.0)
    assert (hard.physics.sliding_friction, hard.physics.torsional_friction) == (0.3, 0.002)
    assert (hard.physics.impedance_ratio, hard.physics.noslip_iterations) == (1.0, 0)
    assert (tabletop.lift_height, tabletop.physics.gravity) == (0.1, 9.81)
    bench = find_protocol('tabletop-bench')
    assert (bench.lift_height, bench.physics.gravity) == (0.1, 10.0)
    assert (bench.lift_time, bench.hold_time, bench.jumps) == (0.4, 0.0, 10)


@pytest.mark.parametrize('protocol', ['fc', 'hard', 'tabletop'])
def test_looking_at_near_pairs_changes_nothing(good, ball, protocol):
    """To the last bit; of grasps that hold and of one that lets the ball go."""
    hand, test = load_hand('allegro'), find_protocol(protocol)
    floor = np.array([0, 0, 1.0, 0.025]) if test.lift_height else None
    physics = (build_physics(hand, ball, [ball.vertices], test.physics, floor=floor),)
    weak = dataclasses.replace(good, squeeze=good.grasp)
    for grasps, n in ((good, 0), (good, 1), (weak, 0)):
        postures = Postures(
            pregrasp_pose=grasps.pregrasp_base_pose[n],
            grasp_pose=grasps.base_pose[n],
            pregrasp=grasps.pregrasp[n],
            grasp=grasps.grasp[n],
            squeeze=grasps.squeeze[n],
            object_pose=np.array(HOME),
        )
        fast, whole = (
            dataclasses.asdict(shake(physics, test, postures, every_pair=every))
            for every in (False, True)
        )
        del fast['cpu_time'], whole['cpu_time']
        np.testing.assert_equal(fast, whole)


def test_an_object_at_rest_need_not_be_pulled_to_the_end(good, ball):
    """Of a grasp that holds and of one that lets the ball go."""
    hand, test = load_hand('allegro'), find_protocol('fc')
    physics = (build_physics(hand, ball, [ball.vertices], test.physics),)
    for squeeze in (good.squeeze[0], good.grasp[0]):
        postures = Postures(
            pregrasp_pose=good.pregrasp_base_pose[0],
            grasp_pose=good.base_pose[0],
            pregrasp=good.pregrasp[0],
            grasp=good.grasp[0],
            squeeze=squeeze,
            object_pose=np.array(HOME),
        )
        early = shake(physics, test, postures)
        whole = shake(physics, dataclasses.replace(test, to_the_end=True), postures)
        assert (early.cause, early.motion) == (whole.cause, whole.motion)
        assert early.closing_displacement == whole.closing_displacement
        assert early.displacement == pytest.approx(whole.displacement, abs=0.001)
