"""Two processes that find the caches of kernels and hands empty, at once."""

from __future__ import annotations

import contextlib

import pytest

pytest.importorskip('rclpy')

from dexgrasp_ros.bridge.client import GraspClient
from dexgrasp_ros.nodes.graph import start_graph


@pytest.mark.slow  # both compile all kernels
def test_two_nodes_fill_them_and_both_search(ros_domain, tmp_path, monkeypatch, box_goal):
    monkeypatch.setenv('WARP_CACHE_PATH', str(tmp_path / 'kernels'))
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'hands'))
    parameters = {'grasp_node': {'synthesis.seed_count': 8, 'synthesis.iterations': 50}}
    options = {'nodes': ['grasp_node'], 'hand': 'barrett', 'parameters': parameters, 'log': print}
    with contextlib.ExitStack() as stack:
        for namespace in ('left', 'right'):
            stack.enter_context(start_graph(namespace=namespace, **options))
        for namespace in ('left', 'right'):
            client = stack.enter_context(GraspClient(namespace=namespace))
            client.wait_until_ready(600, reconstruction=False)
            assert client.synthesize(box_goal()).succeeded
    kernels = list((tmp_path / 'kernels').rglob('*.o'))
    assert kernels
    assert not list((tmp_path / 'hands').rglob('*.tmp'))
