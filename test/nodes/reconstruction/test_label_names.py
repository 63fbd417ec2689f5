"""Objects get the names that `label_info` has for their labels; needs vision_msgs."""

from __future__ import annotations

import time

import pytest

pytest.importorskip('rclpy')
pytest.importorskip('vision_msgs.msg')

from vision_msgs import msg as messages

from dexgrasp_ros.bridge.client import GraspClient
from dexgrasp_ros.bridge.qos import latched_publisher, standard
from dexgrasp_ros.nodes.graph import start_graph


@pytest.fixture(scope='module')
def client(scene, module_ros_domain):
    with (
        start_graph(scene=scene, nodes=['sim_camera_node', 'reconstruction_node'], log=print),
        GraspClient() as client,
    ):
        client.wait_until_ready(120, grasps=False)
        yield client


@pytest.mark.parametrize(
    ('profile', 'name'),
    [(latched_publisher(), 'box'), (standard(), 'carton')],
    ids=['latched', 'volatile'],
)
def test_an_object_has_the_name_of_its_label(client, profile, name):
    info = messages.LabelInfo(class_map=[messages.VisionClass(class_id=5, class_name=name)])
    publisher = client.node.create_publisher(messages.LabelInfo, 'label_info', profile)
    names, until = [], time.monotonic() + 60
    while name not in names and time.monotonic() < until:
        publisher.publish(info)
        names = [found.name for found in client.reconstruct().objects.objects]
    client.node.destroy_publisher(publisher)
    assert names == [name]
