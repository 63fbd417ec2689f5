"""Spoilt messages at a node of their own: what it has heard last stays with it."""

from __future__ import annotations

import pytest

pytest.importorskip('rclpy')

from node_door import try_some
from node_doors import short_doors
from node_session import NodeSession

from dexgrasp_ros.bridge.client import GraspClient
from dexgrasp_ros.nodes.graph import start_graph

NODE = 'tabletop_segmentation_node'


@pytest.fixture(scope='module')
def session(module_ros_domain):
    log: list[str] = []
    with start_graph(nodes=[NODE], segmentation=True, log=log.append), GraspClient() as client:
        yield NodeSession(client, log)


@pytest.mark.parametrize('door', short_doors(NODE), ids=lambda door: door.way)
def test_they_are_dealt_with(door, session):
    try_some(door, session)
