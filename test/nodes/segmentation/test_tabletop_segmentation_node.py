"""`tabletop_segmentation_node` over real DDS: labels, prompts, and what may go wrong."""

from __future__ import annotations

import dataclasses
import threading
import time

import numpy as np
import pytest

pytest.importorskip('rclpy')

import rclpy
import trimesh
from box_view import LENSES, Lens, view_of_box
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PointStamped
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from sensor_msgs.msg import CameraInfo, Image, RegionOfInterest

from dexgrasp_ros.bridge.client import GraspClient
from dexgrasp_ros.bridge.color_images import color_message
from dexgrasp_ros.bridge.diagnostics import WARN
from dexgrasp_ros.bridge.geometry import header, point, stamp_to_nanoseconds
from dexgrasp_ros.bridge.images import depth_message, label_array
from dexgrasp_ros.bridge.intrinsics import camera_info_message
from dexgrasp_ros.bridge.qos import sensor_data, standard
from dexgrasp_ros.bridge.refusals import refusal_error
from dexgrasp_ros.bridge.transforms import StaticTransformPublisher
from dexgrasp_ros.core.errors import ErrorCode
from dexgrasp_ros.core.poses import matrix_to_pose
from dexgrasp_ros.nodes.graph import start_graph
from dexgrasp_ros.perception import segment_tabletop
from dexgrasp_ros.simulation import Body, PinholeCamera, render_depth_frame

NODE = 'tabletop_segmentation_node'
LEFT, RIGHT = 1, 2  # labels of the truth


@pytest.fixture(scope='module')
def two_boxes():
    """A red and a blue box, 20 cm apart, on a table."""
    shapes = (
        ((1.0, 1.0, 0.02), (0.0, 0.0, -0.01), 0, (0.5, 0.5, 0.5)),
        ((0.06, 0.06, 0.10), (-0.1, 0.0, 0.05), LEFT, (0.8, 0.1, 0.1)),
        ((0.06, 0.08, 0.06), (0.1, 0.0, 0.03), RIGHT, (0.1, 0.1, 0.8)),
    )
    bodies = []
    for size, place, label, color in shapes:
        mesh = trimesh.creation.box(size).apply_translation(place)
        bodies.append(Body(vertices=mesh.vertices, faces=mesh.faces, label=label, color=color))
    camera = PinholeCamera.looking_at(
        (0.0, -0.45, 0.4), (0.0, 0.0, 0.05), width=320, height=240, field_of_view=0.75
    )
    return render_depth_frame(bodies, camera)


class Camera:
    """Publishes a frame again and again, hears the labels, and sends prompts."""

    def __init__(self, domain: int, frame) -> None:
        self._context = Context()
        rclpy.init(context=self._context, domain_id=domain)
        self.node = rclpy.create_node('test_camera', context=self._context)
        self._publishers = {
            topic: self.node.create_publisher(kind, topic, standard(2))
            for topic, kind in (
                ('rgb/image', Image),
                ('depth/image', Image),
                ('depth/camera_info', CameraInfo),
            )
        }
        self.prompts = {
            topic: self.node.create_publisher(kind, topic, standard())
            for topic, kind in (
                ('segmentation_box', RegionOfInterest),
                ('clicked_point', PointStamped),
            )
        }
        self.sent, self.heard, self.refusals = [], [], []
        self.node.create_subscription(
            DiagnosticArray, 'segmentation_refusals', self.refusals.append, standard()
        )
        self.node.create_subscription(Image, 'segmentation', self.heard.append, sensor_data())
        self.frame, self._stop = frame, threading.Event()
        self.show()
        executor = SingleThreadedExecutor(context=self._context)
        executor.add_node(self.node)
        self._threads = [
            threading.Thread(target=self._run),
            threading.Thread(target=self._spin, args=(executor,)),
        ]
        for thread in self._threads:
            thread.start()

    def show(self, *, rgb=None, lens=None, **changes) -> None:
        """Show the frame, or one with other arrays, without colours unless `rgb` says so.

        With a lens camera_info tells of its distortion.
        """
        frame, head = dataclasses.replace(self.frame, **changes), header('camera', 0)
        messages = {
            'depth/image': depth_message(frame.depth, head),
            'depth/camera_info': camera_info_message(frame.intrinsics, frame.depth.shape, head),
        }
        if lens is not None:
            info = messages['depth/camera_info']
            info.distortion_model, info.d = lens.model, list(lens.coefficients)
        if rgb is not None:
            messages['rgb/image'] = color_message(rgb, head)
        self._messages = messages

    def stop_showing(self) -> None:
        self._messages = {}

    def labels_when(self, condition, timeout=60.0):
        """Labels of the first image from now on that fulfils `condition`."""
        self.heard.clear()
        until = time.monotonic() + timeout
        while True:
            for message in list(self.heard):
                labels = label_array(message)
                if condition(labels):
                    return labels
            assert time.monotonic() < until, [int(label_array(m).max()) for m in self.heard]
            time.sleep(0.05)

    def _run(self) -> None:
        while not self._stop.wait(0.1):
            stamp = self.node.get_clock().now().nanoseconds
            messages = dict(self._messages)
            for topic in self._publishers:
                if topic in messages:
                    messages[topic].header = header('camera', stamp)
                    self._publishers[topic].publish(messages[topic])
            self.sent.append(stamp)

    def _spin(self, executor) -> None:
        while not self._stop.is_set():
            executor.spin_once(timeout_sec=0.1)

    def close(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self.node.destroy_node()
        self._context.try_shutdown()


@pytest.fixture(scope='module')
def log():
    return []


@pytest.fixture(scope='module')
def running_camera(module_ros_domain, two_boxes, log):
    with start_graph(nodes=[NODE], parameters={NODE: {'rate': 20.0}}, log=log.append):
        camera = Camera(module_ros_domain, two_boxes)
        yield camera
        camera.close()


@pytest.fixture
def camera(running_camera):
    running_camera.show()
    return running_camera


def overlap(found, truth):
    return np.logical_and(found, truth).sum() / np.logical_or(found, truth).sum()


def matched(labels, frame):
    """Overlap of each true object with the found one that covers most of it."""
    result = {}
    for label in (LEFT, RIGHT):
        truth = frame.labels == label
        best = np.bincount(labels[truth], minlength=2)[1:].argmax() + 1
        result[label] = overlap(labels == best, truth)
    return result


def test_objects_have_labels_and_the_stamp_of_their_image(camera):
    labels = camera.labels_when(lambda found: found.max() == 2)
    assert all(share > 0.95 for share in matched(labels, camera.frame).values())
    message = camera.heard[-1]
    assert (message.encoding, message.header.frame_id) == ('16UC1', 'camera')
    stamp = message.header.stamp.sec * 10**9 + message.header.stamp.nanosec
    assert stamp in camera.sent


def test_it_is_what_the_function_says(camera, two_boxes):
    expected = segment_tabletop(dataclasses.replace(two_boxes, rgb=None, T_world_cam=None))
    # An image that another test has shown may come first.
    camera.labels_when(lambda found: np.array_equal(found, expected.labels))


def test_diagnostics_tell_what_comes_and_what_was_found(camera):
    heard = []
    subscription = camera.node.create_subscription(
        DiagnosticArray, '/diagnostics', heard.append, standard()
    )
    until, values = time.monotonic() + 60, {}
    while float(values.get('label images [Hz]', 0)) <= 0 or values['last objects'] != '2':
        assert time.monotonic() < until, values
        time.sleep(0.05)
        for message in heard:
            (status,) = message.status
            assert status.name == f'/{NODE}: segmentation'
            values = {v.key: v.value for v in status.values}
    assert float(values['matches [Hz]']) > 0
    assert values['prompt'] == 'none'
    camera.node.destroy_subscription(subscription)


def test_diagnostics_warn_of_a_camera_that_stops(camera):
    heard = []
    subscription = camera.node.create_subscription(
        DiagnosticArray, '/diagnostics', heard.append, standard()
    )
    until = time.monotonic() + 60
    camera.labels_when(lambda found: True)  # what has never come has not stopped
    camera.stop_showing()
    while not (heard and 'No images have come' in heard[-1].status[0].message):
        assert time.monotonic() < until
        time.sleep(0.05)
    assert heard[-1].status[0].level == WARN
    camera.node.destroy_subscription(subscription)


def test_a_box_names_one_object_until_it_is_taken_back(camera):
    v, u = np.nonzero(camera.frame.labels == RIGHT)
    box = RegionOfInterest(
        x_offset=int(u.min()) - 3,
        y_offset=int(v.min()) - 3,
        width=int(np.ptp(u)) + 7,
        height=int(np.ptp(v)) + 7,
    )
    send(camera, 'segmentation_box', box)
    labels = camera.labels_when(lambda found: found.max() == 1)
    assert overlap(labels == 1, camera.frame.labels == RIGHT) > 0.95
    send(camera, 'segmentation_box', RegionOfInterest())
    camera.labels_when(lambda found: found.max() == 2)


def test_a_point_in_the_cameras_frame_needs_no_tf(camera):
    send(camera, 'clicked_point', clicked(camera.frame, LEFT, 'camera'))
    labels = camera.labels_when(lambda found: found.max() == 1)
    assert overlap(labels == 1, camera.frame.labels == LEFT) > 0.95
    send(camera, 'segmentation_box', RegionOfInterest())


def test_a_point_on_nothing_gives_no_labels_and_says_so(camera, log):
    message = PointStamped(header=header('camera', 0), point=point((0.0, -0.1, 0.3)))
    send(camera, 'clicked_point', message)
    camera.labels_when(lambda found: found.max() == 0)
    wait_for(lambda: any('UNKNOWN_LABEL' in line for line in log))
    send(camera, 'segmentation_box', RegionOfInterest())
    camera.labels_when(lambda found: found.max() == 2)


def test_a_point_in_another_frame_goes_through_tf(camera, log):
    log.clear()
    send(camera, 'clicked_point', clicked(camera.frame, RIGHT, 'world'))
    wait_for(lambda: any("'world'" in line for line in log))  # nobody knows where it is
    transforms = StaticTransformPublisher(camera.node)
    stamp = camera.node.get_clock().now().nanoseconds
    transforms.publish('world', 'camera', stamp, matrix_to_pose(camera.frame.T_world_cam))
    labels = camera.labels_when(lambda found: found.max() == 1)
    assert overlap(labels == 1, camera.frame.labels == RIGHT) > 0.95
    send(camera, 'segmentation_box', RegionOfInterest())
    camera.labels_when(lambda found: found.max() == 2)


def test_colours_are_used_where_they_match(camera, log):
    """With a size that does not fit there is a warning, and labels from depth alone."""
    log.clear()
    camera.show(rgb=camera.frame.rgb[:100])
    wait_for(lambda: any("'rgb/image' is not used" in line for line in log))
    camera.labels_when(lambda found: found.max() == 2)
    camera.show(rgb=camera.frame.rgb)
    camera.labels_when(lambda found: found.max() == 2)


@pytest.mark.parametrize(
    ('depth', 'code'),
    [
        (lambda depth: np.full_like(depth, np.nan), ErrorCode.NO_VALID_DEPTH),
        (lambda depth: np.full_like(depth, 5.0), ErrorCode.NO_VALID_DEPTH),
    ],
    ids=['none', 'too far'],
)
def test_without_an_object_the_image_is_empty_and_the_log_says_why(camera, log, depth, code):
    log.clear()
    camera.show(depth=depth(camera.frame.depth))
    camera.labels_when(lambda found: found.max() == 0)
    # Warnings come at intervals; another kind of trouble may have come just before.
    wait_for(lambda: any(code.name in line for line in log))
    camera.show()
    camera.labels_when(lambda found: found.max() == 2)


def test_labels_are_for_the_pixels_of_a_distorted_image(camera):
    lens = LENSES['rational']
    seen = view_of_box(rays=lens.rays())
    camera.show(depth=seen['depth'], labels=seen['seg'], intrinsics=seen['K'], lens=lens)
    truth = seen['seg'] > 0
    camera.labels_when(lambda found: found.max() == 1 and overlap(found == 1, truth) > 0.95)
    # A box is given in the same pixels.
    v, u = np.nonzero(truth)
    box = RegionOfInterest(
        x_offset=int(u.min()) - 3,
        y_offset=int(v.min()) - 3,
        width=int(np.ptp(u)) + 7,
        height=int(np.ptp(v)) + 7,
    )
    send(camera, 'segmentation_box', box)
    camera.labels_when(lambda found: found.max() == 1 and overlap(found == 1, truth) > 0.95)
    send(camera, 'segmentation_box', RegionOfInterest())
    camera.show()
    camera.labels_when(lambda found: found.max() == 2)


def test_what_it_refuses_is_said_with_its_code_and_the_stamp_of_the_image(camera):
    camera.refusals.clear()
    camera.show(lens=Lens('moon', (0.1, 0.0, 0.0, 0.0)))
    wait_for(lambda: camera.refusals)
    message = camera.refusals[-1]
    error = refusal_error(message)
    assert error.code == ErrorCode.INVALID_INPUT and "'moon'" in str(error)
    assert stamp_to_nanoseconds(message.header.stamp) in camera.sent
    camera.show()
    camera.labels_when(lambda found: found.max() == 2)


@pytest.mark.slow  # test_commands.py has the same without nodes, the tests above have the node
def test_with_it_a_scene_without_labels_becomes_meshes(tmp_path, scene, ros_domain):
    with np.load(scene) as file:
        unlabelled = {key: file[key] for key in file.files if key != 'seg'}
    path = tmp_path / 'unlabelled.npz'
    np.savez(path, **unlabelled)
    nodes = ['sim_camera_node', NODE, 'reconstruction_node']
    with (
        start_graph(scene=path, segmentation=True, nodes=nodes, log=print),
        GraspClient() as client,
    ):
        client.wait_until_ready(120, grasps=False)
        until = time.monotonic() + 60
        response = client.reconstruct()
        while response.error_code and time.monotonic() < until:
            response = client.reconstruct()
        assert response.error_code == ErrorCode.SUCCESS, response.error_message
        assert [o.label for o in response.objects.objects] == [1]


def clicked(frame, label, frame_id):
    """Message of a point on the middle of an object, in the camera's frame or the world."""
    v, u = np.argwhere(frame.labels == label).mean(axis=0).astype(int)
    K, z = frame.intrinsics, float(frame.depth[v, u])
    place = np.array([(u - K[0, 2]) / K[0, 0] * z, (v - K[1, 2]) / K[1, 1] * z, z])
    if frame_id != 'camera':
        place = frame.T_world_cam[:3, :3] @ place + frame.T_world_cam[:3, 3]
    return PointStamped(header=header(frame_id, 0), point=point(place))


def send(camera, topic, message):
    """Send a prompt once the node listens."""
    publisher = camera.prompts[topic]
    wait_for(lambda: publisher.get_subscription_count() > 0)
    publisher.publish(message)


def wait_for(condition, timeout=60.0):
    until = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)
