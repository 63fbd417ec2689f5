"""`planning_scene` over real DDS; needs moveit_msgs, and says so without it."""

from __future__ import annotations

import importlib.util
import time

import numpy as np
import pytest

pytest.importorskip('rclpy')

import rclpy
import trimesh
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState

from dexgrasp_msgs.msg import ObjectArray
from dexgrasp_ros.bridge.client import GraspClient
from dexgrasp_ros.bridge.objects import object_array_message
from dexgrasp_ros.bridge.qos import latched_publisher, standard
from dexgrasp_ros.core.errors import DexGraspError, ErrorCode
from dexgrasp_ros.core.object_model import ObservedObject
from dexgrasp_ros.nodes.graph import start_graph
from dexgrasp_ros.nodes.planning_scene.planning_scene_node import PlanningSceneNode

ABSENT = importlib.util.find_spec('moveit_msgs') is None


@pytest.mark.skipif(not ABSENT, reason='moveit_msgs is installed')
def test_without_its_package_the_node_says_what_to_install(ros_domain):
    rclpy.init()
    try:
        with pytest.raises(DexGraspError, match=r'install ros-\$ROS_DISTRO-moveit-msgs') as caught:
            PlanningSceneNode()
    finally:
        rclpy.try_shutdown()
    assert caught.value.code == ErrorCode.FILE_NOT_FOUND


def array_of(*labels):
    mesh = trimesh.creation.box([0.05, 0.05, 0.1])
    objects = [
        ObservedObject(
            label=label,
            name='',
            frame_id='world',
            stamp=7,
            vertices=np.add(mesh.vertices, [0.3 * label, 0, 0.05]),
            faces=np.array(mesh.faces),
            points=np.zeros((0, 3)),
            support_plane=np.array([0.0, 0, 1, 0]),
            obstacles=np.zeros((0, 3)),
            observed_fraction=0.5,
        )
        for label in labels
    ]
    return object_array_message(objects, 'world', 7)


class Scene:
    """What MoveIt would have: it adds and removes what it is told."""

    def __init__(self, node):
        from moveit_msgs.msg import PlanningScene

        self.kind, self.stands = PlanningScene, {}
        self.subscription = node.create_subscription(
            PlanningScene, 'planning_scene', self.take, standard()
        )

    def take(self, message):
        assert message.is_diff and message.robot_state.is_diff
        for entry in message.world.collision_objects:
            if entry.operation == entry.REMOVE:
                del self.stands[entry.id]
            else:
                self.stands[entry.id] = entry


@pytest.mark.skipif(ABSENT, reason='moveit_msgs is not installed')
def test_the_scene_follows_what_is_seen(ros_domain):
    with start_graph(nodes=['planning_scene_node'], log=print), GraspClient() as client:
        objects = client.node.create_publisher(ObjectArray, 'objects', latched_publisher())
        first = Scene(client.node)
        objects.publish(array_of(1, 2))
        wait(lambda: set(first.stands) == {'object_1', 'object_2', 'table'})
        objects.publish(array_of(2))
        wait(lambda: set(first.stands) == {'object_2', 'table'})
        later = Scene(client.node)
        wait(lambda: set(later.stands) == {'object_2', 'table'})
        # While the hand carries it, what is seen does not count.
        change_state(client, Transition.TRANSITION_DEACTIVATE)
        objects.publish(array_of(3))
        time.sleep(1.0)
        assert set(first.stands) == {'object_2', 'table'}
        change_state(client, Transition.TRANSITION_ACTIVATE)
        wait(lambda: set(first.stands) == {'object_3', 'table'})
        change_state(client, Transition.TRANSITION_DEACTIVATE)
        change_state(client, Transition.TRANSITION_CLEANUP)
        wait(lambda: not first.stands and not later.stands)


def change_state(client, transition):
    service = client.node.create_client(ChangeState, '/planning_scene_node/change_state')
    assert service.wait_for_service(30)
    future = service.call_async(ChangeState.Request(transition=Transition(id=transition)))
    wait(future.done)
    assert future.result().success
    client.node.destroy_client(service)


def wait(condition, timeout=60.0):
    until = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)
