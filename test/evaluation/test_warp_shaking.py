"""The shake test in batches: the verdicts of the one that goes grasp by grasp."""

from __future__ import annotations

import dataclasses
import sys

import numpy as np
import pytest
from toy_hands import LID_OPEN, grasp_set

from dexgrasp_ros import evaluate
from dexgrasp_ros.core.errors import ErrorCode, InputError
from dexgrasp_ros.evaluation.protocols import Protocol
from dexgrasp_ros.evaluation.shake_test import Cause, Motion
from dexgrasp_ros.evaluation.warp_shaking import _Watched

HOME = [0, 0, 0, 0, 0, 0, 1.0]
SHUT = 0.001  # m, of the lid's joint: 1 mm above the sphere


@pytest.fixture(scope='module')
def grasps(cage):
    """One that holds, an open one, one that starts in the sphere, one that pushes it away."""
    lids = [[SHUT], [LID_OPEN], [LID_OPEN], [LID_OPEN]]
    inside, pushed = [0.012, 0, 0, 0, 0, 0, 1.0], [0.07, 0, 0, 0, 0, 0, 1.0]
    base = grasp_set(
        *(cage, [HOME, HOME, inside, HOME], lids),
        pregrasp=[[LID_OPEN]] * 4,
        squeeze=[[0.0], *lids[1:]],
    )
    moved = base.base_pose.copy()
    moved[3] = pushed
    return dataclasses.replace(base, base_pose=moved)


@pytest.mark.slow  # MuJoCo Warp's kernels are compiled; verdicts on made-up worlds are always run
def test_verdicts_and_causes_are_those_of_mujoco(grasps, sphere):
    pytest.importorskip('mujoco_warp')
    one = evaluate(grasps, object=sphere, protocol='hard')
    other = evaluate(grasps, object=sphere, protocol='hard', physics='mujoco_warp', device='cpu')
    assert one.cause.tolist() == ['held', 'direction +z', 'pregrasp', 'closing']
    for name in ('held', 'cause', 'motion', 'pregrasp_depth', 'piece_depth', 'self_penetration'):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    for name in ('displacement', 'closing_displacement'):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), atol=1e-3)
    assert (one.summary()['physics'], other.summary()['physics']) == ('mujoco', 'mujoco_warp')


class Worlds:
    """Objects that go their ways whatever is done."""

    count = 4

    def __init__(self) -> None:
        self.steps = 0

    def step(self, count: int) -> None:
        self.steps += count

    def object_places(self):
        center, turned = np.zeros((4, 3)), np.tile([1.0, 0, 0, 0], (4, 1))
        center[1, 0] = 0.01 * self.steps
        center[2] = np.nan if self.steps > 2 else 0.0
        half = 0.1 * self.steps
        turned[3] = [np.cos(half), np.sin(half), 0, 0]
        return center, turned


def test_the_first_failure_counts_and_is_kept():
    start = np.tile([1.0, 0, 0, 0], (4, 1))
    protocol = Protocol(name='', max_displacement=0.05, max_rotation=0.5)
    watched = _Watched(Worlds(), protocol, np.zeros((4, 3)), start, None)
    for k in range(9):
        watched.phase = Cause.CLOSING if k < 4 else Cause.SQUEEZING
        watched.advance()
    assert watched.held.tolist() == [True, False, False, False]
    assert watched.cause.tolist() == [*(Cause.HELD, Cause.SQUEEZING, Cause.CLOSING, Cause.CLOSING)]
    assert watched.motion.tolist() == [Motion.NONE, Motion.MOVED, Motion.UNSTABLE, Motion.TURNED]
    assert watched.moved[1] == pytest.approx(0.06)  # and no more, though it went on
    assert watched.turned[3] == pytest.approx(0.6)


def test_where_nothing_is_held_time_stands_still():
    worlds = Worlds()
    protocol = Protocol(name='', max_displacement=-1.0)
    watched = _Watched(worlds, protocol, np.zeros((4, 3)), np.zeros((4, 4)), None)
    watched.wait(1.0)
    assert worlds.steps == 5


def test_what_is_not_there_is_told(grasps, sphere, monkeypatch):
    with pytest.raises(InputError, match="'mujoco', 'mujoco_warp'") as caught:
        evaluate(grasps, object=sphere, physics='bullet')
    assert caught.value.code == ErrorCode.OUT_OF_RANGE
    monkeypatch.setitem(sys.modules, 'mujoco_warp', None)
    with pytest.raises(InputError, match=r'dexgrasp-ros\[gpu\]'):
        evaluate(grasps, object=sphere, physics='mujoco_warp', device='cpu')


def test_a_protocol_of_jumps_is_refused(grasps, sphere):
    with pytest.raises(InputError, match="'tabletop-bench' moves in jumps") as caught:
        evaluate(grasps, object=sphere, protocol='tabletop-bench', physics='mujoco_warp')
    assert caught.value.code == ErrorCode.OUT_OF_RANGE
