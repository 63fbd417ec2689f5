"""The fingers' commands as goals of a controller, and a controller that does not do them."""

from __future__ import annotations

import time

import numpy as np
import pytest

pytest.importorskip('rclpy')
pytest.importorskip('control_msgs.action')

from execute_goals import grasp_of, wait_for
from trajectory_controller import Controller

from dexgrasp_ros.bridge.client import GraspClient
from dexgrasp_ros.core.errors import ErrorCode
from dexgrasp_ros.nodes.graph import start_graph

PARAMETERS = {
    'hand_command_node': {
        'command_enabled': True,
        'controller_interface': 'follow_joint_trajectory',
        'joint_state_max_age': 5.0,
        'tracking_delay': 30.0,
        'max_tracking_error': 10.0,
        'settle_timeout': 20.0,  # a busy machine adds to how late the controller is
    }
}


@pytest.fixture
def bench(ros_domain, hand):
    controllers = []

    def start(behaviour):
        controllers.append(Controller(ros_domain, hand, behaviour))
        wait_for(controllers[-1].states.get_subscription_count, 'the connection')
        return client

    with (
        start_graph(nodes=['hand_command_node'], parameters=PARAMETERS),
        GraspClient() as client,
    ):
        client.wait_until_ready(240, grasps=False, reconstruction=False, execution=True)
        start.controllers = controllers
        yield start
        for controller in controllers:
            controller.close()


def execute(client, hand, **fields):
    time.sleep(1.0)  # until the node knows the controller and the state
    fields = {'fingers_only': True, 'hold_time': 0.1, 'timeout': 60} | fields
    return client.execute(grasp_of(client, hand), **fields)


def test_a_controller_gets_the_fingers_goals(bench, hand):
    client = bench('follow')
    reply = execute(client, hand, open_at_end=True)
    assert reply.result.error_message == ''
    grasp = grasp_of(client, hand)
    expected = [grasp.pregrasp, grasp.grasp, grasp.squeeze, grasp.pregrasp]
    assert np.allclose(bench.controllers[0].targets, [list(q) for q in expected])
    # Fingers that the object holds up are no failure; those that move freely must arrive.
    free, *touching, opening = bench.controllers[0].tolerances
    assert free == opening == {}
    assert all(t == dict.fromkeys(hand.joint_names, -1.0) for t in touching)


@pytest.mark.parametrize(
    ('behaviour', 'words'),
    [
        ('reject', 'rejected'),
        ('give up', 'motor too hot'),
        ('give up late', 'goal tolerance violated'),
    ],
)
def test_a_controller_that_refuses_ends_the_goal(bench, hand, behaviour, words):
    reply = execute(bench(behaviour), hand)
    assert reply.result.error_code == ErrorCode.TRACKING_FAILED
    assert words in reply.result.error_message
    assert reply.result.phase == 'pregrasp'


def test_the_next_phase_waits_for_the_word_of_the_controller(bench, hand):
    reply = execute(bench('late'), hand)
    assert reply.result.error_message == ''
    (controller,) = bench.controllers
    assert len(controller.begun) == 3
    for before, after in zip(controller.answered, controller.begun[1:], strict=False):
        assert before <= after


def test_where_there_is_no_controller_the_goal_says_so(bench, hand):
    reply = execute(bench('absent'), hand)
    assert reply.result.error_code == ErrorCode.INVALID_COMMAND
    assert 'follow_joint_trajectory' in reply.result.error_message


def test_an_early_end_sends_the_fingers_to_where_they_are(bench, hand):
    reply = execute(bench('wait'), hand, time_limit=1.0)
    assert reply.result.error_code == ErrorCode.TIME_LIMIT
    (controller,) = bench.controllers
    until = time.monotonic() + 20
    while len(controller.targets) < 2 and time.monotonic() < until:
        time.sleep(0.05)
    assert np.allclose(controller.targets[1:], [hand.lower])
