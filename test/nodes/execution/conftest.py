"""A `hand_command_node` in each file of tests, and an ideal robot that does what it says."""

from __future__ import annotations

import time

import pytest

pytest.importorskip('rclpy')

from action_msgs.msg import GoalStatusArray
from execute_goals import PARAMETERS, set_parameters, wait_for
from ideal_robot import IdealRobot

from dexgrasp_ros.bridge.client import GraspClient
from dexgrasp_ros.bridge.qos import latched_subscription
from dexgrasp_ros.hand import load_hand
from dexgrasp_ros.nodes.graph import start_graph


@pytest.fixture(scope='session')
def hand():
    return load_hand('allegro')


@pytest.fixture(scope='module')
def log():
    return []


@pytest.fixture(scope='module')
def graph(module_ros_domain, log):
    parameters = {'hand_command_node': PARAMETERS}
    with start_graph(nodes=['hand_command_node'], parameters=parameters, log=log.append) as nodes:
        yield nodes


@pytest.fixture(scope='module')
def client(graph):
    with GraspClient() as client:
        client.wait_until_ready(240, grasps=False, reconstruction=False, execution=True)
        yield client


@pytest.fixture(scope='module')
def connected_robot(module_ros_domain, hand, client):
    robot = IdealRobot(module_ros_domain, hand)
    wait_for(
        lambda: (
            robot.node.count_publishers('joint_trajectory')
            and robot.node.count_subscribers('joint_states')
            and robot.node.count_subscribers('/tf')
        ),
        'the connection',
    )
    yield robot
    robot.close()


@pytest.fixture
def robot(connected_robot, client):
    set_parameters(client, command_enabled=True, follow_grasps=False)
    connected_robot.wait_until_heard()  # nothing that was said before is on its way
    connected_robot.reset()
    connected_robot.wait_until_heard()
    return connected_robot


@pytest.fixture(scope='module')
def states(client):
    """Each state of each goal, in order, as the server publishes them."""
    states = {}

    def take(message):
        for entry in message.status_list:
            seen = states.setdefault(bytes(entry.goal_info.goal_id.uuid), [])
            if not seen or seen[-1][0] != entry.status:
                seen.append((entry.status, time.monotonic()))

    subscription = client.node.create_subscription(
        GoalStatusArray, 'execute_grasp/_action/status', take, latched_subscription(10)
    )
    yield states
    client.node.destroy_subscription(subscription)
