"""Nodes that are killed (`kill -9`) at rest and at work, and started again; the rest goes on.

`hand_command_node` is killed in `execution/test_end_of_node.py`, `sim_hand_node` in
`simulation/test_closed_loop.py`, and whom the viewer waits for in `viewer/test_viewer_node.py`.
"""

from __future__ import annotations

import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

pytest.importorskip('rclpy')

from dexgrasp_msgs.action import SynthesizeGrasps
from dexgrasp_ros.bridge.diagnostics import WARN
from dexgrasp_ros.core.errors import DexGraspError, ErrorCode

pytestmark = pytest.mark.slow  # a node that was killed is taken for a living one for 20 s

NODES = ['sim_camera_node', 'tabletop_segmentation_node', 'reconstruction_node', 'grasp_node']
ALL = {'label': SynthesizeGrasps.Goal.LABEL_ALL}


@pytest.fixture(scope='module')
def graph(make_graph, small_frame, tmp_path_factory):
    scene = tmp_path_factory.mktemp('faults') / 'scene.npz'
    parts = {'K': small_frame.intrinsics, 'T_world_cam': small_frame.T_world_cam}
    np.savez(scene, depth=small_frame.depth, **parts)
    graph = make_graph(scene=scene)
    graph.start(*NODES)
    graph.client.wait_until_ready(180)
    graph.until_grasps(**ALL)
    return graph


@pytest.mark.parametrize('node', NODES)
def test_at_rest(graph, node):
    graph.kill(node)
    graph.start(node)
    graph.until_grasps(**ALL)
    if node != 'sim_camera_node':
        graph.until_said(node, lambda *_: True)


def test_the_page_at_rest(graph, open_page, page_address, until):
    """What was found before is on the new page as well, and asks for more."""
    for _ in range(2):
        graph.start('viewer_node')
        until(lambda: answers(page_address), 'the page')
        page = open_page(page_address)
        page.wait(lambda page=page: 'object_' in page.tab.content())
        until(lambda page=page: reconstructs(page), 'objects')
        page.tab.close()  # else it complains of what comes now
        graph.kill('viewer_node')


def answers(address: str) -> bool:
    try:
        return urllib.request.urlopen(address, timeout=60).status == 200
    except urllib.error.URLError:  # nobody listens there yet
        return False


def reconstructs(page) -> bool:
    page.press('Reconstruct')
    page.wait(lambda: 'STALE_DATA' in page.says() or ' in ' in page.says())
    return 'STALE_DATA' not in page.says()  # a machine may be busy


@pytest.mark.parametrize('node', ['reconstruction_node', 'grasp_node'])
def test_one_that_stood_still(graph, node):
    """It goes on, or where nothing reaches it any more it begins anew."""
    graph.pause(node)
    time.sleep(3.0)
    graph.go_on(node)
    graph.until_grasps(**ALL)


@pytest.mark.parametrize('node', ['sim_camera_node', 'tabletop_segmentation_node'])
def test_what_makes_images_at_work(graph, node):
    """They always are."""
    graph.kill(node)
    graph.until_code(ErrorCode.STALE_DATA, **ALL)
    graph.until_said('reconstruction_node', lambda level, text, _: level == WARN and 'old' in text)
    if node == 'sim_camera_node':
        graph.until_said('tabletop_segmentation_node', lambda level, *_: level == WARN)
    graph.start(node)
    graph.until_grasps(**ALL)


@pytest.mark.parametrize('is_replaced', [False, True])
def test_a_reconstruction_that_somebody_waits_for(graph, is_replaced):
    """The next node is asked again, without a word to whoever wants grasps."""
    asked = threading.Event()

    def hear(feedback):
        if feedback.phase == 'reconstruct':
            asked.set()

    graph.pause('reconstruction_node')
    handle = graph.client.send_goal(SynthesizeGrasps.Goal(**ALL), feedback=hear, timeout=180)
    assert asked.wait(180)
    graph.kill('reconstruction_node')
    if is_replaced:
        graph.start('reconstruction_node')
    result = graph.client.wait_for_result(handle, 180).result
    if is_replaced:  # the new one may be asked before it has seen an image
        early = ErrorCode.NO_IMAGES, ErrorCode.STALE_DATA
        assert result.error_code in (ErrorCode.SUCCESS, *early), result.error_message
    else:
        assert result.error_code == ErrorCode.RECONSTRUCTION_FAILED
        assert 'is gone' in result.error_message
        graph.until_said('grasp_node', lambda _l, _t, v: v['last error'] == result.error_message)
        graph.start('reconstruction_node')
    graph.until_grasps(**ALL)


@pytest.mark.parametrize('is_replaced', [False, True])
def test_a_search(graph, is_replaced):
    """Whoever waits for its grasps learns it, also where another node offers the action then."""
    handle = graph.begin_long_search()
    assert not graph.client.is_complete(handle)
    graph.kill('grasp_node')
    if is_replaced:
        graph.start('grasp_node')
    with pytest.raises(DexGraspError, match='gone') as caught:
        graph.client.wait_for_result(handle, 180)
    assert caught.value.code == ErrorCode.PREEMPTED
    if not is_replaced:
        graph.start('grasp_node')
    graph.until_grasps(**ALL)
    graph.until_said('grasp_node', lambda _l, _t, v: v.get('last outcome') == 'SUCCESS')


def test_a_search_whose_node_is_asked_to_end(graph):
    """Who waits for its goal is answered first, though the search goes on for a while."""
    handle = graph.begin_long_search()
    with ThreadPoolExecutor() as pool:
        waits = pool.submit(graph.client.wait_for_result, handle, 60)
        time.sleep(1.0)  # until the node knows
        assert graph.terminate('grasp_node') == 0
        result = waits.result().result
    assert result.error_code == ErrorCode.PREEMPTED
    assert 'deactivated' in result.error_message
    graph.start('grasp_node')
    graph.until_grasps(**ALL)
