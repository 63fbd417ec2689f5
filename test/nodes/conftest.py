"""Scenes made of formulas, and a graph of real nodes."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

pytest.importorskip('rclpy')

import rclpy
from box_view import view_of_box
from rclpy._rclpy_pybind11 import RCLError
from rclpy.context import Context
from sensor_msgs.msg import CameraInfo, Image, PointCloud2

from dexgrasp_ros.bridge.geometry import cloud_message, header
from dexgrasp_ros.bridge.images import depth_message, label_message
from dexgrasp_ros.bridge.intrinsics import camera_info_message
from dexgrasp_ros.bridge.qos import standard
from dexgrasp_ros.core.depth_frame import DepthFrame, load_scene


@pytest.fixture(scope='session')
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One view of a box, as a file."""
    path = tmp_path_factory.mktemp('scene') / 'box.npz'
    np.savez(path, **view_of_box())
    return path


@pytest.fixture(scope='session')
def frame(scene: Path) -> DepthFrame:
    """The same, as arrays."""
    return load_scene(scene)


class Camera:
    """Publishes messages again and again, with the stamp of the moment."""

    TOPICS: ClassVar = {
        'depth/image': Image,
        'depth/camera_info': CameraInfo,
        'segmentation': Image,
    }

    def __init__(self, domain: int, frame: DepthFrame) -> None:
        self._context = Context()
        rclpy.init(context=self._context, domain_id=domain)
        self.node = rclpy.create_node('test_camera', context=self._context)
        self._publishers = {
            topic: self.node.create_publisher(kind, topic, standard(2))
            for topic, kind in self.TOPICS.items()
        }
        self._frame, self._end = frame, threading.Event()
        self.show()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def show(
        self,
        *,
        depth: np.ndarray | None = None,
        labels: np.ndarray | None = None,
        age: float = 0.0,
        labels_later: float = 0.0,
        depth_kind: str = '32FC1',
        labels_kind: str = '16UC1',
        labels_step: int = 1,
        info_scale: int = 1,
        big_endian: bool = False,
        padding: int = 0,
        frame_id: str = 'camera',
        **changes: object,
    ) -> None:
        """Show the scene, or another depth or labels, or messages in another layout.

        `changes` are fields of the messages: depth_<field>, info_<field>, labels_<field>.
        """
        frame, head = self._frame, header(frame_id, 0)
        depth = frame.depth if depth is None else depth
        labels = frame.labels if labels is None else labels
        labels = labels[labels_step // 2 :: labels_step, labels_step // 2 :: labels_step]
        K = frame.intrinsics * [[info_scale], [info_scale], [1]]
        messages = [
            depth_message(depth, head, depth_kind),
            camera_info_message(K, tuple(info_scale * n for n in depth.shape), head),
            label_message(labels, head, labels_kind),
        ]
        for message in (messages[0], messages[2]):
            relayout(message, big_endian, padding)
        for name, value in changes.items():
            which, field = name.split('_', 1)
            setattr(messages[['depth', 'info', 'labels'].index(which)], field, value)
        self.send(dict(zip(self.TOPICS, messages, strict=True)), age, labels_later)

    def send(
        self, messages: dict[str, object], age: float = 0.0, labels_later: float = 0.0
    ) -> None:
        """Publish other messages from now on."""
        later = {'segmentation': labels_later}
        self.messages = [(t, later.get(t, 0.0) - age, m) for t, m in messages.items()]

    def _run(self) -> None:
        while not self._end.wait(0.1):
            now = self.node.get_clock().now().nanoseconds
            for topic, offset, message in self.messages:
                stamp = now + int(offset * 1e9)
                message.header = header(message.header.frame_id, stamp)
                # Fast DDS gives up after 0.1 s on a machine that stands still; drivers go on.
                with contextlib.suppress(RCLError):
                    self._publishers[topic].publish(message)

    def close(self) -> None:
        self._end.set()
        self._thread.join()
        self.node.destroy_node()
        self._context.try_shutdown()


class CloudCamera(Camera):
    """The same with a point cloud in place of the depth image."""

    TOPICS: ClassVar = {
        'points': PointCloud2,
        'depth/camera_info': CameraInfo,
        'segmentation': Image,
    }

    def show(
        self,
        *,
        organised: bool = True,
        with_info: bool = True,
        frame_id: str = 'camera',
        camera: str = 'camera',
        labels: np.ndarray | None = None,
        labels_later: float = 0.0,
        axes: Sequence[int] = (0, 1, 2),
        signs: Sequence[int] = (1, 1, 1),
    ) -> None:
        """Show the scene, with the cloud's coordinates perhaps in another order.

        `frame_id` is the frame of the cloud, `camera` that of the other messages.
        """
        frame = self._frame
        height, width = frame.depth.shape
        v, u = np.indices(frame.depth.shape)
        rays = np.stack([u, v, np.ones_like(u)], axis=-1) @ np.linalg.inv(frame.intrinsics).T
        depth = np.where(frame.depth > 0, frame.depth, np.nan)
        points = (rays * depth[..., None])[..., list(axes)] * signs
        cloud = cloud_message(points.reshape(-1, 3), header(frame_id, 0))
        if organised:
            cloud.height, cloud.width, cloud.row_step = height, width, 12 * width
        messages = {
            'points': cloud,
            'segmentation': label_message(
                frame.labels if labels is None else labels, header(camera, 0)
            ),
        }
        if with_info:
            messages['depth/camera_info'] = camera_info_message(
                frame.intrinsics, frame.depth.shape, header(camera, 0)
            )
        self.send(messages, labels_later=labels_later)


def relayout(message: Image, big_endian: bool, padding: int) -> None:
    """Store the pixels in another order of bytes, and rows with bytes behind them."""
    rows = np.frombuffer(message.data, np.uint8).reshape(message.height, message.step)
    if big_endian:
        size = message.step // message.width
        rows = rows.reshape(message.height, -1, size)[..., ::-1].reshape(message.height, -1)
    rows = np.pad(rows, ((0, 0), (0, padding)), constant_values=255)
    message.is_bigendian, message.step = int(big_endian), rows.shape[1]
    message.data = rows.tobytes()


@pytest.fixture(scope='session')
def camera_type() -> type[Camera]:
    return Camera


@pytest.fixture(scope='session')
def cloud_camera_type() -> type[CloudCamera]:
    return CloudCamera


@pytest.fixture(scope='session')
def view_from() -> Callable[[float], dict[str, np.ndarray]]:
    """Depth, labels and the camera's pose from another azimuth [rad]."""
    return view_of_box
