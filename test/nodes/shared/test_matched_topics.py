"""Images raw and compressed, wherever they are published, and what is said where none come."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest

pytest.importorskip('rclpy')

import rclpy
from compressed import compressed_depth
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import String

from dexgrasp_ros.bridge.geometry import header
from dexgrasp_ros.bridge.images import depth_message
from dexgrasp_ros.bridge.intrinsics import camera_info_message
from dexgrasp_ros.bridge.qos import latched_subscription, sensor_data, standard
from dexgrasp_ros.bridge.silent_topics import why_silent
from dexgrasp_ros.nodes.shared import matched_topics
from dexgrasp_ros.nodes.shared.matched_topics import DEPTH, INFO, MatchedTopics

IMAGE = '/camera/camera/aligned_depth_to_color/image_raw'
REMAPPED = ['--ros-args', '-r', f'depth/image:={IMAGE}']
DEPTHS = np.full((12, 16), 0.5, np.float32)


class Side:
    """A node in a context of its own, as in a process of its own."""

    def __init__(self, name: str, domain: int, arguments: list[str] | None = None) -> None:
        self.context = Context()
        rclpy.init(context=self.context, domain_id=domain, args=arguments)
        self.node = rclpy.create_node(name, context=self.context)
        self.executor = SingleThreadedExecutor(context=self.context)
        self.executor.add_node(self.node)

    def close(self) -> None:
        self.executor.shutdown()
        self.node.destroy_node()
        self.context.try_shutdown()


@pytest.fixture
def driver(ros_domain):
    side = Side('driver', ros_domain)
    yield side.node
    side.close()


@pytest.fixture
def listener(ros_domain):
    side = Side('listener', ros_domain, REMAPPED)
    yield side
    side.close()


def until(side: Side, condition: Callable[[], bool], act: Callable[[], None] = lambda: None):
    """Spin, and act again and again, until something is so."""
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        act()
        side.executor.spin_once(timeout_sec=0.05)


def listening(side: Side, matches: list, transport: str = 'auto') -> MatchedTopics:
    return MatchedTopics(
        side.node,
        {DEPTH: Image, INFO: CameraInfo},
        lambda *match: matches.append(match),
        transport=transport,
        slop=0.05,
        queue_size=5,
        overrides=QoSOverridingOptions.with_default_policies(),
    )


def shows(node: Node, name: str, kind: type) -> Callable[[], None]:
    """Publish a depth image under a name, with its camera_info."""
    image = node.create_publisher(kind, name, sensor_data())
    info = node.create_publisher(CameraInfo, INFO, standard())
    message = (
        depth_message(DEPTHS, header('camera', 5))
        if kind is Image
        else compressed_depth(DEPTHS, header('camera', 5), '16UC1')
    )
    about = camera_info_message(np.eye(3), DEPTHS.shape, header('camera', 5))

    def publish() -> None:
        image.publish(message)
        info.publish(about)

    return publish


@pytest.mark.parametrize(
    ('name', 'kind'),
    [
        (IMAGE, Image),
        (IMAGE, CompressedImage),
        (f'{IMAGE}/compressedDepth', CompressedImage),
        (f'{IMAGE}/compressed', CompressedImage),
    ],
    ids=['raw', 'compressed under the name', 'compressedDepth', 'compressed'],
)
def test_images_are_taken_in_the_form_in_which_they_are_published(listener, driver, name, kind):
    matches = []
    topics = listening(listener, matches)
    until(listener, lambda: matches, shows(driver, name, kind))
    assert isinstance(matches[0][0], kind)
    assert topics.received[DEPTH] and topics.matched
    topics.close()


def test_raw_images_are_preferred_once_somebody_publishes_them(listener, driver):
    matches = []
    topics = listening(listener, matches)
    compressed = shows(driver, f'{IMAGE}/compressedDepth', CompressedImage)
    until(listener, lambda: matches, compressed)
    raw = shows(driver, IMAGE, Image)
    until(listener, lambda: isinstance(matches[-1][0], Image), lambda: (compressed(), raw()))
    topics.close()


def test_a_form_that_was_asked_for_is_the_one_that_is_taken(listener, driver):
    matches = []
    topics = listening(listener, matches, 'compressedDepth')
    raw = shows(driver, IMAGE, Image)
    compressed = shows(driver, f'{IMAGE}/compressedDepth', CompressedImage)
    until(listener, lambda: len(matches) > 5, lambda: (compressed(), raw()))
    assert {type(image) for image, _ in matches} == {CompressedImage}
    topics.close()


def test_what_is_missing_is_told_with_what_there_is(listener, driver):
    topics = listening(listener, [])
    assert f"0 on '{IMAGE}'" in topics.missing()
    assert 'nobody publishes it, nor any other' in topics.missing()
    publishers = [
        driver.create_publisher(Image, '/camera/camera/depth/image_rect_raw', sensor_data()),
        driver.create_publisher(Image, '/other/thing', standard()),
        driver.create_publisher(CameraInfo, '/camera/camera/depth/camera_info', standard()),
    ]
    until(listener, lambda: "'/other/thing'" in topics.missing())
    told = topics.missing()
    near, far = told.index("'/camera/camera/depth/image_rect_raw'"), told.index("'/other/thing'")
    assert near < far
    assert '(sensor_msgs/msg/Image, best effort, volatile)' in told
    assert "launch argument 'depth:=TOPIC'" in told
    assert "launch argument 'camera_info:=TOPIC'" in told
    assert len(publishers) == 3
    topics.close()


@pytest.mark.parametrize(('transport', 'form'), [('compressed', '/compressed'), ('raw', '')])
def test_what_is_missing_is_told_of_the_form_that_was_asked_for(listener, driver, transport, form):
    topics = listening(listener, [], transport=transport)
    kind, below = (CompressedImage, '/compressedDepth') if transport == 'raw' else (Image, '')
    publisher = driver.create_publisher(kind, f'{IMAGE}{below}', sensor_data())
    expected = f"'{IMAGE}{form}': nobody publishes it. There is '{IMAGE}{below}'"
    until(listener, lambda: expected in topics.missing())
    assert f"'transport' is '{transport}'; with 'auto' any form is taken." in topics.missing()
    driver.destroy_publisher(publisher)
    topics.close()


def test_a_topic_that_stops_while_others_go_on_is_named(listener, driver, monkeypatch):
    monkeypatch.setattr(matched_topics, '_SILENT', 0.3)
    matches = []
    topics = listening(listener, matches)
    until(listener, lambda: matches, shows(driver, IMAGE, Image))
    assert topics.stopped() == ''
    about = camera_info_message(np.eye(3), DEPTHS.shape, header('camera', 5))
    info = driver.create_publisher(CameraInfo, INFO, standard())
    until(listener, topics.stopped, lambda: info.publish(about))
    told = topics.stopped()
    assert f"'{IMAGE}' for" in told and INFO not in told
    assert 'nothing comes; large best-effort images get lost' in told
    time.sleep(0.4)
    assert topics.stopped() == ''  # of the camera nothing comes at all
    topics.close()


def test_a_publisher_of_another_type_or_of_less_is_named(listener, driver):
    node = listener.node
    words = driver.create_publisher(String, 'depth/camera_info', standard())
    until(
        listener,
        lambda: (
            "'/driver' publishes it (std_msgs/msg/String"
            in why_silent(node, INFO, [CameraInfo], sensor_data())
        ),
    )
    told = why_silent(node, INFO, [CameraInfo], sensor_data())
    assert 'sensor_msgs/msg/CameraInfo is expected' in told
    small = driver.create_publisher(CameraInfo, '/small', sensor_data())
    until(listener, lambda: 'topic hz' in why_silent(node, '/small', [CameraInfo], sensor_data()))
    images = driver.create_publisher(Image, IMAGE, sensor_data())
    until(listener, lambda: "'/driver'" in why_silent(node, DEPTH, [Image], sensor_data()))
    assert 'nothing comes; large' in why_silent(node, DEPTH, [Image], sensor_data())
    told = why_silent(node, DEPTH, [Image], latched_subscription())
    assert 'does not match' in told
    reliable = driver.create_publisher(Image, IMAGE, standard())
    until(listener, lambda: 'topic hz' in why_silent(node, DEPTH, [Image], sensor_data()))
    for publisher in (words, small, images, reliable):
        driver.destroy_publisher(publisher)
