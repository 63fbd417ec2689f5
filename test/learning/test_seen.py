"""Views: the same from wherever they are told, with and without a table, of few points not."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from dexgrasp_ros.core.errors import ErrorCode, InputError, PerceptionError
from dexgrasp_ros.learning.batches import TrainingBatches
from dexgrasp_ros.learning.config import TrainingConfig
from dexgrasp_ros.learning.curves import draw_curves
from dexgrasp_ros.learning.hand_tokens import PHASES, SCALE
from dexgrasp_ros.learning.seen import AROUND_GROUPS, OBJECT_GROUPS, see_object
from dexgrasp_ros.learning.starts import draw_starts
from dexgrasp_ros.learning.training_objects import draw_view

UP = np.array([0.0, 0.0, 1.0])
MIDDLE = np.array([0.1, 0.2, 0.05])
BESIDE = np.array([0.09, 0.0, 0.0])
CAMERA = np.array([-0.5, 0.0, 0.4])


def cloud(count=400, seed=0):
    return np.random.default_rng(seed).uniform(-0.04, 0.04, (count, 3)) + MIDDLE


def look(points, around=None, plane=None, up=UP, camera=CAMERA):
    rng = np.random.default_rng(3)
    around = np.empty((0, 3)) if around is None else around
    return see_object(points, around, plane, up=up, camera=camera, rng=rng)


def test_a_view_does_not_depend_on_the_frame_it_is_told_in():
    points, plane = cloud(), np.array([0.0, 0.0, 1.0, 0.0])
    here = look(points, points + BESIDE, plane)
    turn, shift = Rotation.random(rng=np.random.default_rng(1)).as_matrix(), np.array([1, 2, 3.0])
    moved = np.append(turn @ plane[:3], -(turn @ plane[:3]) @ shift)
    there = look(
        points @ turn.T + shift,
        (points + BESIDE) @ turn.T + shift,
        moved,
        camera=turn @ CAMERA + shift,
    )
    np.testing.assert_allclose(here.groups, there.groups, atol=1e-5)
    np.testing.assert_allclose(here.centers, there.centers, atol=1e-5)
    np.testing.assert_allclose(here.table, there.table, atol=1e-6)


def test_the_frame_is_level_and_looks_away_from_the_camera():
    seen = look(cloud(), plane=np.array([0.0, 0.0, 1.0, 0.0]))
    motion = seen.T_frame_camera
    np.testing.assert_allclose(motion[:3, :3] @ UP, UP, atol=1e-12)
    away = motion[:3, :3] @ (MIDDLE - CAMERA)
    assert away[0] > 0 and abs(away[1]) < 0.02
    assert seen.table[0] == 1.0
    assert seen.table[1] * SCALE == pytest.approx(-0.05, abs=0.005)
    assert look(cloud()).table.tolist() == [0.0, 0.0]


def test_what_is_near_counts_and_what_is_far_does_not():
    points = cloud()
    none = look(points, points + 20.0 * BESIDE)
    assert (none.centers[OBJECT_GROUPS:, 5] == 1.0).all()
    near = look(points, points + BESIDE)
    assert (near.centers[OBJECT_GROUPS:, 4] == 1.0).all()
    assert len(near.centers) == OBJECT_GROUPS + AROUND_GROUPS


def test_a_camera_straight_above_has_a_frame():
    points = cloud()
    seen = look(points, camera=points.mean(axis=0) + 0.5 * UP)
    assert np.linalg.det(seen.T_frame_camera[:3, :3]) == pytest.approx(1.0)


@pytest.mark.parametrize('count', [0, 31])
def test_too_few_points_and_those_that_are_no_numbers_do_not_count(count):
    points = cloud(200)
    points[count:] = np.nan
    with pytest.raises(PerceptionError) as caught:
        look(points)
    assert caught.value.code == ErrorCode.TOO_FEW_POINTS


def test_the_flow_starts_above_the_table(hands):
    seen = look(cloud(), plane=np.array([0.0, 0.0, 1.0, 0.0]))
    for tokens in hands.values():
        starts = draw_starts(tokens, seen, 64, np.random.default_rng(0))
        assert starts.shape[:3] == (64, len(tokens.links), PHASES)
        assert np.median(starts[..., 2].mean(axis=(1, 2, 3))) > seen.table[1]


def test_training_views_are_of_one_side_with_grasps_that_keep_off_the_table(boxes, hands):
    views = [draw_view(boxes[0], hands, np.random.default_rng(s), boxes[1]) for s in range(8)]
    with_table = [v for v in views if v.seen.table[0] == 1.0]
    assert 0 < len(with_table) < 8
    for view in with_table:
        for places in view.places.values():
            assert (places[..., 2] > view.seen.table[1]).all()
    # One side: no point is behind the box's middle by more than half of its breadth.
    assert all(np.isfinite(v.seen.groups).all() for v in views)
    assert any((v.seen.centers[OBJECT_GROUPS:, 4] == 1.0).any() for v in with_table)


def test_batches_repeat_and_take_hands_in_turns(boxes, hands):
    config = TrainingConfig(view_batch=2, grasp_batch=3, views_per_object=2)
    one, other = (TrainingBatches(boxes[:2], boxes[2:], hands, config) for _ in range(2))
    assert [one.training_batch(k).hand for k in range(3)] == ['allegro', 'barrett', 'allegro']
    other.training_batch(7)  # what was drawn before does not matter
    a, b = one.training_batch(4), other.training_batch(4)
    for name in ('groups', 'state', 'end', 'judged', 'holds', 'time'):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
    assert {batch.hand for batch in one.validation_batches()} == set(hands)
    assert (0.0 <= a.holds).all() and a.state.shape == a.end.shape == a.judged.shape


def test_hands_without_grasps_are_refused(boxes, hands):
    with pytest.raises(InputError, match='grasps by each'):
        TrainingBatches([], boxes, hands, TrainingConfig())
    with pytest.raises(InputError) as caught:
        TrainingConfig(width=0)
    assert caught.value.code == ErrorCode.OUT_OF_RANGE


def test_curves_become_a_picture(tmp_path):
    draw_curves(
        {'flow': [(1, 1.0), (10, 0.1)], 'empty': [], 'zero': [(1, 0.0)]}, tmp_path / 'c.png'
    )
    assert (tmp_path / 'c.png').read_bytes().startswith(b'\x89PNG')
