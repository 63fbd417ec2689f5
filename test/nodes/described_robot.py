"""A robot that is described to nodes: an arm with a hand, a table before it, and what they say."""

from __future__ import annotations

import time

import numpy as np
import pytest

pytest.importorskip('rclpy')

import trimesh
from diagnostic_msgs.msg import DiagnosticArray
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter
from sensor_msgs.msg import JointState
from std_msgs.msg import String

from dexgrasp_msgs.action import SynthesizeGrasps
from dexgrasp_ros.bridge.client import GraspClient
from dexgrasp_ros.bridge.geometry import mesh_message
from dexgrasp_ros.bridge.qos import latched_publisher, standard
from dexgrasp_ros.bridge.transforms import StaticTransformPublisher
from dexgrasp_ros.core.resources import find_resource
from dexgrasp_ros.hand import attach

Goal = SynthesizeGrasps.Goal
ARM = find_resource('urdf/arms/simple_arm.urdf')
OFFSET = np.array([0.0, 0.01, 0.02, 0, 0, 0.6, 0.8])  # of the hand in the flange
ROOT = 'base_link'  # of Allegro and Barrett alike
# How good grasps are is not the subject.
SEARCH = {
    'synthesis.seed_count': 8,
    'synthesis.iterations': 50,
    'synthesis.seed_draws': 2,  # a long search is to begin soon
    'synthesis.simulate_closing': False,
    'tf_timeout': 0.2,
}
GARBAGE = '<robot name="x"><link'
LINK = '<link name="bh_finger_12_link">'
MISSING = '<collision><geometry><mesh filename="package://none/x.stl"/></geometry></collision>'
BARRETT, ALLEGRO = 'simple_arm_with_barrett_hand', 'simple_arm_with_allegro_hand_right'
# Of the table in the arm's base: what stands on it is before the arm, or out of its reach.
TABLE = np.array([0.1, 0.0, 0.05, 0, 0, np.sin(0.2), np.cos(0.2)])
NEAR, FAR = 0.4, 2.5  # m


def joined(hand: str) -> str:
    return attach(ARM, hand, flange='flange', origin=OFFSET)


def without_overrides(text: str) -> str:
    """Return a description that does not say where its hand begins."""
    return text[: text.index('<dexgrasp_ros>')] + '</robot>'


class Robot:
    """Publishes a description, joint states and the table, and hears what nodes say of it."""

    def __init__(self, client: GraspClient, log: list[str]) -> None:
        self.client, self.node, self.log = client, client.node, log
        self.diagnostics: dict[str, tuple] = {}
        self._description = self.node.create_publisher(
            String, 'robot_description', latched_publisher()
        )
        self._states = self.node.create_publisher(JointState, 'joint_states', 10)
        self._tf = StaticTransformPublisher(self.node)
        self._tf.publish('arm_base', 'table', 0, TABLE)
        self.node.create_subscription(DiagnosticArray, '/diagnostics', self._hear, standard())

    def place(self, frame: str, pose: np.ndarray) -> None:
        """Say where something stands on the table."""
        self._tf.publish('table', frame, 0, pose)

    def describe(self, text: str) -> None:
        self._description.publish(String(data=text))

    def describe_and_wait(self, text: str, name: str, node: str = '/grasp_node') -> None:
        self.describe(text)
        self.diagnostics.clear()  # they may be of the hand before
        wait_for(lambda: self.about(node).get('hand') == name, f'the hand {name}')

    def about(self, node: str) -> dict[str, str]:
        return self.diagnostics.get(f'{node}: hand', (None, '', {}))[2]

    def say(self, node: str) -> str:
        return self.diagnostics.get(f'{node}: hand', (None, '', {}))[1]

    def state(self, q: np.ndarray) -> None:
        names = [f'arm_joint_{i}' for i in range(1, 8)]
        self._states.publish(JointState(name=names, position=list(map(float, q))))

    def _hear(self, message: DiagnosticArray) -> None:
        for status in message.status:
            values = {v.key: v.value for v in status.values}
            self.diagnostics[status.name] = (status.level, status.message, values)


def wait_for(condition, what, timeout=120.0):
    until = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < until, f'{what} did not come about'
        time.sleep(0.02)


def goal(x=NEAR, size=(0.06, 0.06, 0.1), **fields) -> Goal:
    """Return a box that stands on the table, x before the arm."""
    box = trimesh.creation.box(size)
    goal = Goal(source=Goal.SOURCE_MESH, mesh=mesh_message(box.vertices, box.faces), **fields)
    goal.mesh_pose.header.frame_id = 'table'
    goal.mesh_pose.pose.position.x = x
    goal.mesh_pose.pose.position.z = size[2] / 2
    return goal


def set_parameters(node, name, **values) -> None:
    wanted = [Parameter(key, value=value).to_parameter_msg() for key, value in values.items()]
    answer = call(node, SetParameters, f'{name}/set_parameters', parameters=wanted)
    assert all(result.successful for result in answer.results)


def call(node, kind, name, **request):
    client = node.create_client(kind, name)
    assert client.wait_for_service(60)
    future = client.call_async(kind.Request(**request))
    wait_for(future.done, 'the response')
    node.destroy_client(client)
    return future.result()
