"""`viewer_node`: the graph on a page, in a real browser; what it shows, in the process itself."""

from __future__ import annotations

import socket
import threading
import time

import numpy as np
import pytest

pytest.importorskip('rclpy')

import rclpy
from rclpy.action import ActionClient, ActionServer, CancelResponse
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.executors import MultiThreadedExecutor, SingleThreadedExecutor
from scipy.spatial.transform import Rotation
from std_msgs.msg import Header

from dexgrasp_msgs.action import ExecuteGrasp
from dexgrasp_msgs.msg import Contact, Grasp, GraspArray, Object, ObjectArray
from dexgrasp_ros.bridge.client import GraspClient
from dexgrasp_ros.bridge.geometry import mesh_message, plane_message, point, pose_message, vector
from dexgrasp_ros.bridge.qos import latched_publisher
from dexgrasp_ros.bridge.transforms import StaticTransformPublisher
from dexgrasp_ros.core.errors import ErrorCode
from dexgrasp_ros.core.poses import compose, transform_points
from dexgrasp_ros.hand import load_hand
from dexgrasp_ros.nodes.graph import start_graph
from dexgrasp_ros.nodes.viewer.viewer_node import ViewerNode

SEARCH = {'synthesis.seed_count': 16, 'synthesis.iterations': 60, 'synthesis.max_grasps': 3}
# Where the camera stands in the world, half a metre beside the origin and on its side.
CAMERA = np.array([0.5, 0.1, 0.3, *Rotation.from_euler('xyz', [-1.9, 0, 1.2]).as_quat()])


@pytest.fixture(scope='module')
def hand():
    return load_hand('allegro')


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


def box() -> Object:
    """10 cm wide, in the camera's frame."""
    import trimesh

    mesh = trimesh.creation.box((0.1, 0.1, 0.1))
    return Object(
        header=Header(frame_id='camera'),
        id='object_1',
        label=1,
        name='box',
        mesh=mesh_message(mesh.vertices, mesh.faces),
        pose=pose_message([0.1, 0, 0.5, 0, 0, 0, 1]),
        has_support_plane=True,
        support_plane=plane_message([0, -1.0, 0, 0.05]),
    )


def grasp(hand, frame='camera', **changes) -> Grasp:
    """Half-open hand beside the box."""
    half = 0.5 * (hand.lower + hand.upper)
    message = Grasp(
        header=Header(frame_id=frame),
        object_id='object_1',
        object_label=1,
        hand=hand.name,
        hand_frame=hand.hand_frame,
        pose=pose_message([0.2, 0, 0.5, 0, 0, 0, 1]),
        pregrasp_pose=pose_message([0.3, 0, 0.5, 0, 0, 0, 1]),
        joint_names=list(hand.joint_names),
        pregrasp=hand.lower.tolist(),
        grasp=half.tolist(),
        squeeze=(half + 0.1).tolist(),
        joint_stiffness=hand.joint_stiffness.tolist(),
        contacts=[
            Contact(
                link=hand.link_names[-1],
                point=point([0.15, 0, 0.5]),
                normal=vector([-1, 0, 0]),
                force=vector([-2, 0, 0]),
            )
        ],
    )
    message.quality.score = 0.7
    for name, value in changes.items():
        setattr(message, name, value)
    return message


class Bench:
    """Publishes objects and grasps, latched as the nodes do."""

    def __init__(self, node):
        self._publishers = {
            kind: node.create_publisher(kind, topic, latched_publisher())
            for kind, topic in ((ObjectArray, 'objects'), (GraspArray, 'grasps'))
        }

    def objects(self, *objects):
        frame = Header(frame_id='camera')
        self._publishers[ObjectArray].publish(ObjectArray(header=frame, objects=objects))

    def grasps(self, *grasps):
        frame = Header(frame_id=grasps[0].header.frame_id if grasps else '')
        self._publishers[GraspArray].publish(GraspArray(header=frame, grasps=grasps))


def wait_for(condition, timeout=60.0):
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


# --- In a browser


@pytest.mark.usefixtures('ros_domain')
def test_buttons_work_the_graph(scene, open_page):
    lines, port = [], free_port()
    parameters = {'grasp_node': SEARCH, 'viewer_node': {'port': port}}
    with (
        start_graph(scene=scene, viewer=True, parameters=parameters, log=lines.append),
        GraspClient() as client,
    ):
        client.wait_until_ready(300)
        wait_for(lambda: any('The page is at' in line for line in lines), 300)
        page = open_page(f'http://127.0.0.1:{port}')
        page.wait(lambda: page.says().startswith('Ready'))
        empty = page.settled_picture()

        page.press('Reconstruct')
        page.wait(lambda: page.says().startswith('1 object in '))
        page.wait(lambda: 'object_5' in page.tab.content())
        with_object = page.wait_for_change(empty, 0.01)

        page.press('Synthesise')
        page.wait(lambda: 'of 1 object in' in page.says() and page.rows.count() > 0)
        page.wait_for_change(with_object, 0.01)
        assert page.selected() == '0'

        # Commands are off unless somebody turns them on.
        action = ActionClient(client.node, ExecuteGrasp, 'execute_grasp')
        offered = action.wait_for_server(5.0)
        expected = 'COMMAND_DISABLED: ' if offered else "Nobody offers 'execute_grasp'"
        page.tab.wait_for_timeout(1500)  # a click so soon after new grasps is not taken
        page.press('Execute')
        page.wait(lambda: page.says().startswith(expected))
        assert page.tab.locator('.dg-say.bad').count() == 1


class Hand:
    """Offers `execute_grasp`: holds each goal until it is told how it ends."""

    def __init__(self, domain):
        self._context = rclpy.Context()
        rclpy.init(context=self._context, domain_id=domain)
        self.node = rclpy.create_node('test_hand', context=self._context)
        self.goals, self.end, self.outcome = [], threading.Event(), None
        self._server = ActionServer(
            self.node,
            ExecuteGrasp,
            'execute_grasp',
            execute_callback=self._execute,
            cancel_callback=lambda _goal: CancelResponse.ACCEPT,
            callback_group=ReentrantCallbackGroup(),
        )
        self._executor = MultiThreadedExecutor(2, context=self._context)
        self._executor.add_node(self.node)
        self._thread = threading.Thread(target=self._executor.spin, daemon=True)
        self._thread.start()

    def _execute(self, handle):
        self.goals.append(handle.request)
        while not self.end.wait(0.05) and not handle.is_cancel_requested:
            handle.publish_feedback(ExecuteGrasp.Feedback(phase='squeeze', fraction=0.6))
        self.end.clear()
        if handle.is_cancel_requested:
            handle.canceled()
            return ExecuteGrasp.Result(
                error_code=int(ErrorCode.CANCELLED), error_message='The goal was cancelled.'
            )
        if self.outcome is None:
            handle.succeed()
            return ExecuteGrasp.Result()
        handle.abort()
        return self.outcome

    def close(self):
        self.end.set()
        self._executor.shutdown()
        self._thread.join()
        self._server.destroy()
        self.node.destroy_node()
        self._context.try_shutdown()


def test_an_execution_is_watched_stopped_and_its_errors_shown(hand, ros_domain, open_page):
    lines, port = [], free_port()
    robot = Hand(ros_domain)
    viewer = {'viewer_node': {'port': port, 'speed_scale': 0.3, 'stop_before_lift': True}}
    try:
        with start_graph(nodes=['viewer_node'], parameters=viewer, log=lines.append):
            bench = Bench(robot.node)
            bench.objects(box())
            bench.grasps(grasp(hand), grasp(hand, object_label=2))
            wait_for(lambda: any('The page is at' in line for line in lines), 120)
            page = open_page(f'http://127.0.0.1:{port}')
            page.wait(lambda: page.rows.count() == 2)
            page.tab.wait_for_timeout(1500)
            page.rows.nth(1).click()
            page.wait(lambda: page.selected() == '1')
            page.press('Execute')
            page.wait(lambda: page.says().startswith('squeeze'))
            (goal,) = robot.goals
            assert goal.grasp.object_label == 2
            assert (goal.speed_scale, goal.stop_before_lift) == (0.3, True)
            page.press('Stop')
            page.wait(lambda: page.says() == 'CANCELLED: The goal was cancelled.')
            assert page.tab.locator('.dg-say.bad').count() == 0  # it was asked for

            page.press('Execute')
            page.wait(lambda: page.says().startswith('squeeze'))
            robot.end.set()
            page.wait(lambda: page.says() == 'The grasp was carried out.')

            robot.outcome = ExecuteGrasp.Result(
                error_code=int(ErrorCode.COMMAND_DISABLED), error_message='Turn it on first.'
            )
            page.press('Execute')
            page.wait(lambda: page.says().startswith('squeeze'))
            robot.end.set()
            page.wait(lambda: page.says() == 'COMMAND_DISABLED: Turn it on first.')
            assert page.tab.locator('.dg-say.bad').count() == 1
    finally:
        robot.close()


@pytest.mark.usefixtures('ros_domain')
def test_a_page_that_is_open_finds_a_node_that_starts_again(hand, open_page):
    lines, port = [], free_port()
    viewer = {'viewer_node': {'port': port}}
    with GraspClient() as client:
        bench = Bench(client.node)
        bench.objects(box())
        bench.grasps(grasp(hand))
        with start_graph(nodes=['viewer_node'], parameters=viewer, log=lines.append):
            wait_for(lambda: any('The page is at' in line for line in lines), 120)
            page = open_page(f'http://127.0.0.1:{port}')
            page.wait(lambda: page.rows.count() == 1)
        bench.grasps(grasp(hand), grasp(hand))
        with start_graph(nodes=['viewer_node'], parameters=viewer, log=print):
            page.wait(lambda: page.rows.count() == 2)
            page.rows.nth(1).click()
            page.wait(lambda: page.selected() == '1')


# --- In this process


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
