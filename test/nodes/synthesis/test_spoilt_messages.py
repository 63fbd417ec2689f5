"""Spoilt messages and goals at a `grasp_node` of their own: it remembers the newest of some."""

from __future__ import annotations

import pytest

pytest.importorskip('rclpy')

from node_door import try_some
from node_doors import short_doors
from node_session import NodeSession

from dexgrasp_ros.bridge.client import GraspClient
from dexgrasp_ros.nodes.graph import start_graph


@pytest.fixture(scope='module')
def session(module_ros_domain):
    log: list[str] = []
    with start_graph(nodes=['grasp_node'], log=log.append), GraspClient() as client:
        client.wait_until_ready(300, reconstruction=False)
        yield NodeSession(client, log)


@pytest.mark.parametrize('door', short_doors('grasp_node'), ids=lambda door: door.way)
def test_they_are_dealt_with(door, session):
    try_some(door, session)
