"""What cameras' drivers publish, as their own sources have it, of a view of the box."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from box_view import SIZE, K, Lens, view_of_box
from compressed import compressed_depth, compressed_file
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.serialization import serialize_message
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from dexgrasp_ros.bridge.bags import recorded_profile
from dexgrasp_ros.bridge.geometry import header
from dexgrasp_ros.bridge.images import depth_message, label_message
from dexgrasp_ros.bridge.intrinsics import camera_info_message
from dexgrasp_ros.dataset.formats.bags import BagWriter

LABELS = '/network/labels'
STAMP = 1_700_000_000_000_000_000  # ns
PERIOD = 100_000_000  # ns


@dataclass(frozen=True)
class Driver:
    """Names and conventions of one driver."""

    depth: str  # topic
    info: str
    frame_id: str
    encoding: str
    model: str  # of distortion, also where there is none
    lens: Lens  # of a camera that is not rectified
    is_reliable: bool = True


DRIVERS = {
    # Depth that librealsense aligns has the coefficients of the colour camera.
    'realsense': Driver(
        depth='/camera/camera/aligned_depth_to_color/image_raw',
        info='/camera/camera/aligned_depth_to_color/camera_info',
        frame_id='camera_color_optical_frame',
        encoding='16UC1',
        model='plumb_bob',
        lens=Lens('plumb_bob', (-0.16, 0.06, -0.001, 0.0008, -0.02)),
    ),
    # Nothing of it is rectified; these are the coefficients of a depth camera of narrow field.
    'azure_kinect': Driver(
        depth='/depth_to_rgb/image_raw',
        info='/depth_to_rgb/camera_info',
        frame_id='rgb_camera_link',
        encoding='32FC1',
        model='rational_polynomial',
        lens=Lens('rational_polynomial', (5.26, 3.39, -3.5e-5, -5.2e-5, 0.176, 5.6, 5.1, 0.9)),
    ),
    'zed': Driver(
        depth='/zed/zed_node/depth/depth_registered',
        info='/zed/zed_node/depth/camera_info',
        frame_id='zed_left_camera_frame_optical',
        encoding='32FC1',
        model='rational_polynomial',
        lens=Lens('rational_polynomial', (-0.3, 0.1, 3e-4, -2e-4, 0.01, 0.05, 0.02, 0.001)),
        is_reliable=False,
    ),
}


def messages_of(
    driver: Driver, *, compressed: bool, distorted: bool, label: int
) -> dict[str, Image | CompressedImage | CameraInfo]:
    """What a driver publishes of one moment, and a network with it, by topic."""
    view = view_of_box(rays=driver.lens.rays() if distorted else None)
    head = header(driver.frame_id, STAMP)
    info = camera_info_message(K, SIZE, head)
    info.distortion_model = driver.model
    info.d = list(driver.lens.coefficients) if distorted else [0.0] * len(driver.lens.coefficients)
    labels = np.where(view['seg'] > 0, label, 0)
    if compressed:
        messages = {
            f'{driver.depth}/compressedDepth': compressed_depth(
                view['depth'], head, driver.encoding
            ),
            f'{LABELS}/compressed': compressed_file(labels.astype(np.uint8), head, 'mono8'),
        }
    else:
        messages = {
            driver.depth: depth_message(view['depth'], head, driver.encoding),
            LABELS: label_message(labels, head, 'mono8'),
        }
    return {**messages, driver.info: info}


def write_bag(
    folder: Path,
    driver: Driver,
    *,
    compressed: bool,
    distorted: bool,
    label: int,
    moments: int = 1,
) -> dict[str, str]:
    """Record moments of a tenth of a second; return the nodes' names of the recorded topics."""
    messages = messages_of(driver, compressed=compressed, distorted=distorted, label=label)
    kind = ReliabilityPolicy.RELIABLE if driver.is_reliable else ReliabilityPolicy.BEST_EFFORT
    profile = recorded_profile(QoSProfile(depth=5, reliability=kind))
    with BagWriter(folder) as writer:
        for topic, message in messages.items():
            writer.add_topic(topic, f'sensor_msgs/msg/{type(message).__name__}', [profile])
        for stamp in range(STAMP, STAMP + moments * PERIOD, PERIOD):
            for topic, message in messages.items():
                message.header = header(driver.frame_id, stamp)
                writer.write(topic, stamp, serialize_message(message))
    own = {driver.depth: 'depth/image', driver.info: 'depth/camera_info', LABELS: 'segmentation'}
    return {
        topic: next(topic.replace(name, f'/{mine}') for name, mine in own.items() if name in topic)
        for topic in messages
    }
