"""`viewer_node`: the whole graph worked from a page, in a real browser."""

from __future__ import annotations

import pytest

pytest.importorskip('rclpy')

from rclpy.action import ActionClient
from viewer_bench import free_port, wait_for

from dexgrasp_msgs.action import ExecuteGrasp
from dexgrasp_ros.bridge.client import GraspClient
from dexgrasp_ros.nodes.graph import start_graph

SEARCH = {
    'synthesis.seed_count': 8,
    'synthesis.iterations': 50,
    'synthesis.simulate_closing': False,
    'synthesis.max_grasps': 3,
}


@pytest.mark.slow
@pytest.mark.usefixtures('ros_domain')
def test_buttons_work_the_graph(scene, open_page):
    lines, port = [], free_port()
    parameters = {'grasp_node': SEARCH, 'viewer_node': {'port': port}}
    with (
        start_graph(scene=scene, viewer=True, parameters=parameters, log=lines.append),
        GraspClient() as client,
    ):
        client.wait_until_ready(300)
        wait_for(lambda: any('The page is at' in line for line in lines), 300)
        page = open_page(f'http://127.0.0.1:{port}')
        page.wait(lambda: page.says().startswith('Ready'))
        empty = page.settled_picture()

        page.press('Reconstruct')
        page.wait(lambda: page.says().startswith('1 object in '))
        page.wait(lambda: 'object_5' in page.tab.content())
        with_object = page.wait_for_change(empty, 0.01)

        page.press('Synthesise')
        page.wait(lambda: 'of 1 object in' in page.says() and page.rows.count() > 0)
        page.wait_for_change(with_object, 0.01)
        assert page.selected() == '0'

        # Commands are off unless somebody turns them on.
        action = ActionClient(client.node, ExecuteGrasp, 'execute_grasp')
        offered = action.wait_for_server(5.0)
        expected = 'COMMAND_DISABLED: ' if offered else "Nobody offers 'execute_grasp'"
        page.tab.wait_for_timeout(1500)  # a click so soon after new grasps is not taken
        page.press('Execute')
        page.wait(lambda: page.says().startswith(expected))
        assert page.tab.locator('.dg-say.bad').count() == 1
