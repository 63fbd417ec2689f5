"""`execute_grasp`: goals that are cancelled, or that a newer one takes the place of."""

from __future__ import annotations

import time

import numpy as np
import pytest

pytest.importorskip('rclpy')

from action_msgs.msg import GoalStatus
from execute_goals import (
    PARAMETERS,
    PHASES,
    TERMINAL,
    check_end,
    grasp_of,
    put_near,
    set_parameters,
    start,
    stopped,
    wait_for,
)
from many_clients import at_once
from trajectory_msgs.msg import MultiDOFJointTrajectory

from dexgrasp_msgs.action import ExecuteGrasp
from dexgrasp_ros.core.errors import ErrorCode

SLOW_TEST = [pytest.mark.slow, pytest.mark.timeout(1500)]


def next_phase(phase):
    return PHASES[min(PHASES.index(phase) + 1, len(PHASES) - 1)]


@pytest.mark.parametrize('phase', PHASES)
def test_a_goal_can_be_cancelled_in_each_phase(client, robot, hand, states, phase):
    handle = start(client, robot, grasp_of(client, hand), phase)
    assert client.cancel(handle)
    result = check_end(
        client, robot, states, handle, GoalStatus.STATUS_CANCELED, ErrorCode.CANCELLED
    )
    assert result.phase in (phase, next_phase(phase))
    assert not client.cancel(handle)


@pytest.mark.parametrize(
    'count', [pytest.param(5, marks=pytest.mark.short), pytest.param(50, marks=SLOW_TEST)]
)
def test_each_of_many_cancels_ends_the_goal_once(
    client, robot, hand, states, record_property, count
):
    delays = np.linspace(0.0, 1.8, count)
    latencies, phases = [], []
    for delay in delays:
        grasp = grasp_of(client, hand)
        put_near(robot, grasp, away=0.45)
        goal = ExecuteGrasp.Goal(grasp=grasp, speed_scale=0.3, hold_time=0.3, open_at_end=True)
        handle = client.send_execution(goal)
        time.sleep(delay)
        asked = time.monotonic()
        assert client.cancel(handle)
        reply = client.wait_for_result(handle, 60)
        assert reply.status == GoalStatus.STATUS_CANCELED
        assert reply.result.error_code == ErrorCode.CANCELLED
        uuid = bytes(handle.goal_id.uuid)
        wait_for(lambda uuid=uuid: states[uuid][-1][0] in TERMINAL, 'a terminal state')
        latencies.append(states[uuid][-1][1] - asked)
        phases.append(reply.result.phase)
        assert sum(s in TERMINAL for s, _ in states[uuid]) == 1
    spread = np.percentile(latencies, [0, 50, 90, 100])
    record_property('cancel_latency_s', [round(float(x), 4) for x in spread])
    print('cancel to terminal state [s]: least, median, 90 %, most:', spread.round(4))
    print({p: phases.count(p) for p in PHASES})
    assert len(set(phases)) >= min(4, count // 2)


def test_a_newer_goal_takes_the_place_of_the_older_one(client, robot, hand, states):
    grasp = grasp_of(client, hand)
    older = start(client, robot, grasp, 'grasp')
    newer = client.send_execution(ExecuteGrasp.Goal(grasp=grasp, fingers_only=True))
    first, second = client.wait_for_result(older, 60), client.wait_for_result(newer, 60)
    assert first.status == GoalStatus.STATUS_ABORTED
    assert first.result.error_code == ErrorCode.PREEMPTED
    assert second.succeeded
    # The wrist was stopped, and is left alone by the newer goal.
    assert stopped(robot, MultiDOFJointTrajectory)
    for handle in (older, newer):
        uuid = bytes(handle.goal_id.uuid)
        wait_for(lambda uuid=uuid: states[uuid][-1][0] in TERMINAL, 'a terminal state')
        assert sum(s in TERMINAL for s, _ in states[uuid]) == 1


def test_a_time_limit_beyond_all_clocks_is_none(client, robot, hand, states):
    handle = start(client, robot, grasp_of(client, hand), 'pregrasp', time_limit=1e10)
    assert client.cancel(handle)
    check_end(client, robot, states, handle, GoalStatus.STATUS_CANCELED, ErrorCode.CANCELLED)


@pytest.fixture
def patience(client):
    """Let the robot, whose thread ten clients keep from its work, be late."""
    late = dict.fromkeys(('joint_state_max_age', 'wrist_max_age', 'tracking_delay'), 30.0)
    set_parameters(client, **late)
    yield
    set_parameters(client, **{name: PARAMETERS[name] for name in late})


@pytest.mark.slow
@pytest.mark.usefixtures('patience')
def test_of_ten_clients_the_newest_goal_moves_the_hand_and_each_ends_once(
    client, robot, hand, states
):
    """As `docs/execution.md` says."""
    grasp = grasp_of(client, hand)
    put_near(robot, grasp)
    goal = ExecuteGrasp.Goal(grasp=grasp, speed_scale=0.1, hold_time=1.0)

    def ask(other):
        handle = other.send_execution(goal, timeout=60)
        stamp = handle.stamp.sec, handle.stamp.nanosec
        result = other.wait_for_result(handle, 60).result
        return stamp, bytes(handle.goal_id.uuid), result.error_code

    replies = sorted(at_once(10, ask, grasps=False, reconstruction=False, execution=True))
    codes = [code for *_, code in replies]
    assert codes == [ErrorCode.PREEMPTED] * 9 + [ErrorCode.SUCCESS]
    for _, uuid, _ in replies:
        wait_for(lambda uuid=uuid: states.get(uuid, [(0, 0)])[-1][0] in TERMINAL, 'its end')
        assert sum(status in TERMINAL for status, _ in states[uuid]) == 1
    assert client.execute(grasp_of(client, hand), hold_time=0.1, timeout=60).succeeded
