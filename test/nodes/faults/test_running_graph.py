"""What goes wrong about nodes that run: goals and diagnostics say so, and the next goal works.

A camera that stops or jumps in time, tf with a gap, a subscriber that is too slow, no memory,
ten clients at once.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import threading

import numpy as np
import pytest

pytest.importorskip('rclpy')

from action_msgs.msg import GoalStatus, GoalStatusArray
from many_clients import at_once
from sensor_msgs.msg import Image

from dexgrasp_msgs.action import SynthesizeGrasps
from dexgrasp_msgs.msg import GraspArray, ObjectArray
from dexgrasp_ros.bridge.diagnostics import WARN
from dexgrasp_ros.bridge.qos import latched_subscription, standard
from dexgrasp_ros.bridge.transforms import TransformPublisher
from dexgrasp_ros.core.errors import ErrorCode

pytestmark = pytest.mark.slow  # core/test_device_memory and test_clock_that_goes_back run always
HOUR = 3600.0  # s
TERMINAL = {GoalStatus.STATUS_SUCCEEDED, GoalStatus.STATUS_ABORTED, GoalStatus.STATUS_CANCELED}
SLOW_SUBSCRIBER = """
import rclpy
from sensor_msgs.msg import Image
from dexgrasp_ros.bridge.qos import standard
rclpy.init()
node = rclpy.create_node('slow_subscriber')
for topic in ('depth/image', 'segmentation'):
    node.create_subscription(Image, topic, lambda m: print('an image', flush=True), standard(1))
rclpy.spin(node)
"""


@pytest.fixture(scope='module')
def no_memory(tmp_path_factory):
    return tmp_path_factory.mktemp('faults') / 'no_memory'


@pytest.fixture(scope='module')
def graph(make_graph, no_memory):
    graph = make_graph()
    graph.start('reconstruction_node')
    graph.start_short_of_memory(no_memory)
    graph.client.wait_until_ready(180)
    return graph


@pytest.fixture(scope='module')
def camera(graph, module_ros_domain, small_frame, camera_type):
    camera = camera_type(module_ros_domain, small_frame)
    graph.until_grasps()
    yield camera
    camera.close()


def test_a_camera_that_stops_and_comes_back(graph, camera):
    camera.send({})
    assert 's old' in graph.until_code(ErrorCode.STALE_DATA)
    graph.until_said('reconstruction_node', lambda level, text, _: level == WARN and 'old' in text)
    graph.until_said('grasp_node', lambda _l, _t, v: v['last outcome'] == 'STALE_DATA')
    camera.show()
    graph.until_grasps()


@pytest.mark.parametrize(
    ('age', 'words'),
    [
        (-HOUR, 'ahead of the clock'),
        pytest.param(HOUR, 's old', marks=pytest.mark.slow),
    ],
)
def test_a_camera_whose_clock_jumps_and_comes_back(graph, camera, age, words):
    camera.show(age=age)
    assert words in graph.until_code(ErrorCode.STALE_DATA)
    graph.until_said('reconstruction_node', lambda level, text, _: level == WARN and words in text)
    camera.show()
    graph.until_grasps()


@pytest.mark.slow  # frames that never come: synthesis/test_grasp_node.py
def test_tf_with_a_gap(graph, camera):
    """The grasps are wanted in a frame that nobody speaks of for a while."""
    transforms, pose = TransformPublisher(graph.client.node), np.array([1.0, 0, 0, 0, 0, 0, 1])
    silent = threading.Event()

    def speak():
        if silent.is_set():
            return
        now = graph.client.node.get_clock().now().nanoseconds
        transforms.publish(['base'], ['camera'], now, pose[None])

    timer = graph.client.node.create_timer(0.05, speak)
    graph.until_grasps(reference_frame='base')
    silent.set()
    message = graph.until_code(ErrorCode.TRANSFORM_UNAVAILABLE, reference_frame='base')
    assert "'camera' to 'base'" in message
    graph.until_said('grasp_node', lambda _l, _t, v: v['last outcome'] == 'TRANSFORM_UNAVAILABLE')
    silent.clear()
    graph.until_grasps(reference_frame='base')
    graph.client.node.destroy_timer(timer)


def test_a_device_that_is_out_of_memory(graph, camera, no_memory):
    no_memory.touch()
    assert 'Memory ran out' in graph.until_code(ErrorCode.OUT_OF_MEMORY)
    graph.until_said('grasp_node', lambda level, text, _: level == WARN and 'Memory' in text)
    no_memory.unlink()
    graph.until_grasps()


def test_of_ten_clients_the_newest_goal_is_done_and_each_ends_once(graph, camera, until):
    """As `docs/execution.md` says."""
    states = {}

    def note(message):
        for entry in message.status_list:
            states.setdefault(bytes(entry.goal_info.goal_id.uuid), []).append(entry.status)

    def ask(client):
        handle = client.send_goal(SynthesizeGrasps.Goal(label=5, seed_count=64), timeout=240)
        stamp = handle.stamp.sec, handle.stamp.nanosec
        result = client.wait_for_result(handle, 240).result
        return stamp, bytes(handle.goal_id.uuid), result.error_code

    topic = 'synthesize_grasps/_action/status'
    node, profile = graph.client.node, latched_subscription(10)
    subscription = node.create_subscription(GoalStatusArray, topic, note, profile)
    replies = sorted(at_once(10, ask, reconstruction=False))
    codes = [code for *_, code in replies]
    assert codes == [ErrorCode.PREEMPTED] * 9 + [ErrorCode.SUCCESS]
    for _, uuid, _ in replies:
        until(lambda uuid=uuid: set(states.get(uuid, ())) & TERMINAL, 'the state')
        assert len(set(states[uuid]) & TERMINAL) == 1
    node.destroy_subscription(subscription)
    graph.until_grasps()
    graph.until_said('grasp_node', lambda _l, _t, v: v['last outcome'] == 'SUCCESS')


def test_a_subscriber_that_takes_nothing_holds_nobody_up(graph, camera, until):
    """One in a process that stands still, another one that nobody spins; both want all of it."""
    command = [sys.executable, '-c', SLOW_SUBSCRIBER]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as slow:
        assert slow.stdout.readline() == 'an image\n'
        slow.send_signal(signal.SIGSTOP)
        never_spun = camera.node
        subscriptions = [
            never_spun.create_subscription(kind, topic, print, profile)
            for kind, topic, profile in (
                (Image, 'depth/image', standard(1)),
                (ObjectArray, 'objects', latched_subscription()),
                (GraspArray, 'grasps', latched_subscription()),
            )
        ]
        until(lambda: never_spun.count_publishers('grasps'), 'the connection')
        graph.until_grasps()
        slow.kill()
    for subscription in subscriptions:
        never_spun.destroy_subscription(subscription)
