"""`viewer_node`: what it shows, in the process itself."""

from __future__ import annotations

import contextlib
import signal
import socket
import threading

import numpy as np
import pytest

pytest.importorskip('rclpy')

import rclpy
from node_door import try_some
from node_doors import short_doors
from node_session import NodeSession
from rclpy.executors import SingleThreadedExecutor
from scipy.spatial.transform import Rotation
from std_msgs.msg import Header
from viewer_bench import Bench, box, grasp, wait_for

from dexgrasp_msgs.msg import Contact
from dexgrasp_ros.bridge.client import GraspClient
from dexgrasp_ros.bridge.geometry import mesh_message, pose_message
from dexgrasp_ros.bridge.transforms import StaticTransformPublisher
from dexgrasp_ros.core.poses import compose, transform_points
from dexgrasp_ros.nodes.graph import start_graph
from dexgrasp_ros.nodes.viewer.viewer_node import ViewerNode

# Where the camera stands in the world, half a metre beside the origin and on its side.
CAMERA = np.array([0.5, 0.1, 0.3, *Rotation.from_euler('xyz', [-1.9, 0, 1.2]).as_quat()])


@pytest.fixture
def viewer(ros_domain):
    """The node itself, spun by a thread, and a bench that publishes to it."""
    rclpy.init(args=['--ros-args', '-p', 'port:=0'], domain_id=ros_domain)
    node = ViewerNode()
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    thread = threading.Thread(target=executor.spin, daemon=True)
    thread.start()
    wait_for(lambda: node.is_active, 120)
    with GraspClient(domain_id=ros_domain) as client:
        node.bench = Bench(client.node)
        StaticTransformPublisher(client.node).publish('world', 'camera', 0, CAMERA)
        yield node
    executor.create_task(node.close)
    wait_for(lambda: node._page is None)
    executor.shutdown()
    thread.join()
    node.destroy_node()
    rclpy.try_shutdown()


def hand_position(viewer):
    """Where the hand's root stands in the page's frame, None while none is shown."""
    poses = viewer._page.hand_link_poses()
    if poses is None:
        return None
    root = viewer._page.stage._root
    pose = np.concatenate([root.position, np.roll(root.wxyz, -1)])
    return transform_points(pose, poses[:1, :3])[0]


def test_everything_stands_on_a_level_table(viewer, hand):
    viewer.bench.objects(box())
    viewer.bench.grasps(grasp(hand))
    wait_for(lambda: hand_position(viewer) is not None and viewer._page._objects)
    # 10 cm beside the box's middle, as high as that: 5 cm.
    x, y, z = hand_position(viewer)
    np.testing.assert_allclose([np.hypot(x, y), z], [0.1, 0.05], atol=1e-6)
    assert viewer._page._shown.objects == ['box']


def test_grasps_in_another_frame_stand_in_the_same_place(viewer, hand):
    viewer.bench.objects(box())
    viewer.bench.grasps(grasp(hand))
    wait_for(lambda: hand_position(viewer) is not None and viewer._page._objects)
    expected = hand_position(viewer)
    poses = {
        name: pose_message(compose(CAMERA, [x, 0, 0.5, 0, 0, 0, 1]))
        for name, x in (('pose', 0.2), ('pregrasp_pose', 0.3))
    }
    viewer.bench.grasps(grasp(hand, frame='world', **poses), grasp(hand, frame='world', **poses))
    wait_for(lambda: viewer._page._shown is not None and len(viewer._page._shown.grasps) == 2)
    np.testing.assert_allclose(hand_position(viewer), expected, atol=1e-6)


def test_an_empty_message_clears_the_page(viewer, hand):
    viewer.bench.objects(box())
    viewer.bench.grasps(grasp(hand))
    wait_for(lambda: viewer._page.selected == 0 and viewer._page._objects)
    viewer.bench.grasps()
    wait_for(lambda: viewer._page.selected is None)
    viewer.bench.objects()
    wait_for(lambda: not viewer._page._objects)


BROKEN = {
    'of another hand': {'joint_names': ['a', 'b']},
    'without a posture': {'grasp': []},
    'not a number': {'squeeze': [float('nan')] * 16},
    'of no known link': {'contacts': [Contact(link='toe')]},
    'no rotation': {'pose': pose_message([0, 0, 0, 0, 0, 0, 9])},
    'in an unknown frame': {'header': Header(frame_id='moon')},
}


@pytest.mark.parametrize('case', BROKEN)
def test_what_cannot_be_shown_is_said_and_the_node_lives_on(case, viewer, hand):
    viewer.set_parameters([rclpy.Parameter('tf_timeout', value=0.1)])
    viewer.bench.objects(box())
    viewer.bench.grasps(grasp(hand))
    wait_for(lambda: viewer._page.selected == 0 and viewer._frame)
    viewer.bench.grasps(grasp(hand, **BROKEN[case]))
    wait_for(lambda: 'cannot be shown' in viewer._page.panel._status.content)
    assert viewer._page.selected is None  # what was there is not the newest any more
    viewer.bench.grasps(grasp(hand))
    wait_for(lambda: viewer._page.selected == 0)


def test_a_broken_object_does_not_hide_the_others(viewer):
    broken = box()
    broken.id, broken.name = 'object_2', 'hole'
    broken.mesh = mesh_message(np.zeros((0, 3)), np.zeros((0, 3)))
    viewer.bench.objects(broken, box())
    wait_for(lambda: 'INVALID_MESH' in viewer._page.panel._status.content)
    assert [o.name for o in viewer._page._objects] == ['box']


def test_objects_of_one_name_are_told_apart(viewer):
    other = box()
    other.id = 'object_2'
    viewer.bench.objects(box(), other)
    wait_for(lambda: len(viewer._page._objects) == 2)
    assert [o.name for o in viewer._page._objects] == ['box object_1', 'box object_2']


@pytest.mark.parametrize('door', short_doors('viewer_node'), ids=lambda door: door.way)
def test_spoilt_messages_are_dealt_with(door, viewer, ros_domain, capfd):
    with GraspClient(domain_id=ros_domain) as client:
        try_some(door, NodeSession(client, []))
    assert 'Traceback' not in capfd.readouterr().err


@pytest.mark.slow  # a node that was killed is taken for a living one for 20 s
@pytest.mark.parametrize('is_replaced', [False, True])
def test_a_reconstruction_whose_node_is_killed_is_given_up(viewer, is_replaced):
    """Also where another one offers the service by then; what it is asked next, it does."""
    options = {'nodes': ['reconstruction_node'], 'log': print}

    def says(words):
        return lambda: words in viewer._page.panel._status.content

    def press_reconstruct():
        viewer.executor.create_task(viewer._requests.reconstruct)

    with contextlib.ExitStack() as stack:
        first = stack.enter_context(start_graph(**options))['reconstruction_node']
        wait_for(viewer._requests._reconstruct.service_is_ready, 240)
        first.send_signal(signal.SIGSTOP)
        press_reconstruct()
        wait_for(says('Waiting for'))
        first.kill()
        if is_replaced:
            stack.enter_context(start_graph(**options))
        wait_for(says('is gone'), 90)
        if not is_replaced:
            stack.enter_context(start_graph(**options))
        wait_for(viewer._requests._reconstruct.service_is_ready, 240)
        press_reconstruct()
        wait_for(says('NO_IMAGES'))


@pytest.mark.usefixtures('ros_domain')
def test_a_port_in_use_is_said_in_the_log(hand):
    lines = []
    with socket.socket() as taken:
        taken.bind(('127.0.0.1', 0))
        taken.listen()
        port = taken.getsockname()[1]
        viewer = {'viewer_node': {'port': port}}
        with start_graph(nodes=['viewer_node'], parameters=viewer, log=lines.append) as processes:
            wait_for(lambda: any(f'port {port}' in line for line in lines), 120)
            assert processes['viewer_node'].poll() is None
    (line,) = (line for line in lines if f'port {port}' in line)
    assert 'in use' in line and 'Traceback' not in ''.join(lines)
