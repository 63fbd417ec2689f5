"""A node whose port in shared memory has lost its name, so that nothing new can reach it.

That is what is left of a process that stood still at the wrong moment, see `port_watch`.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

pytest.importorskip('rclpy')

from diagnostic_msgs.msg import DiagnosticArray

from dexgrasp_ros.bridge.client import GraspClient
from dexgrasp_ros.bridge.qos import standard
from dexgrasp_ros.core.errors import DexGraspError, ErrorCode
from dexgrasp_ros.nodes.graph import start_graph

RECONSTRUCTION = {'grasps': False, 'reconstruction': True}


def ports_of(process: int | str) -> set[Path]:
    """Files of the ports that a process listens at, which are beside their locks."""
    links = [os.readlink(entry.path) for entry in os.scandir(f'/proc/{process}/fd')]
    return {Path(link[: -len('_el')]) for link in links if '_port' in link and link[-3:] == '_el'}


def answers() -> bool:
    """Whether somebody who is new to the graph is answered."""
    with GraspClient() as client:
        client.wait_until_ready(60, **RECONSTRUCTION)
        try:
            code = client.reconstruct(timeout=3.0).error_code
        except DexGraspError as error:
            assert error.code == ErrorCode.TIME_LIMIT
            return False
    assert code == ErrorCode.NO_IMAGES
    return True


@pytest.mark.slow  # it starts twice
def test_it_begins_anew_and_answers(ros_domain, until):
    said = []
    parameters = {'reconstruction_node': {'image_timeout': 0.1}}
    options = {'nodes': ['reconstruction_node'], 'parameters': parameters, 'log': said.append}
    with start_graph(**options) as graph:
        until(answers, 'an answer')
        process = graph['reconstruction_node']
        ports = ports_of(process.pid)
        if not ports:
            pytest.skip('this DDS does not listen at shared memory')
        for port in ports:
            port.unlink()
        until(lambda: any('begins anew' in line for line in said), said)
        until(answers, 'an answer of the same process')
        assert process.poll() is None
        counts = []

        def note(message):
            values = [value for status in message.status for value in status.values]
            counts.extend(value.value for value in values if value.key == 'begun anew')

        with GraspClient() as client:
            client.node.create_subscription(DiagnosticArray, '/diagnostics', note, standard())
            until(lambda: counts, 'the count on /diagnostics')
        assert set(counts) == {'1'}


def test_a_client_is_told(ros_domain):
    """As long as nobody answers, any request will do."""
    before = ports_of('self')
    with GraspClient() as client:
        for port in ports_of('self') - before:
            port.unlink()
        with pytest.raises(DexGraspError, match='make another one') as caught:
            client.reconstruct(timeout=0.2)
    assert caught.value.code == ErrorCode.TIME_LIMIT
