"""`viewer_node` on a page, in a real browser: executions, and a node that starts again."""

from __future__ import annotations

import threading

import pytest

pytest.importorskip('rclpy')

import rclpy
from rclpy.action import ActionServer, CancelResponse
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.executors import MultiThreadedExecutor
from viewer_bench import Bench, box, free_port, grasp, wait_for

from dexgrasp_msgs.action import ExecuteGrasp
from dexgrasp_ros.bridge.client import GraspClient
from dexgrasp_ros.core.errors import ErrorCode
from dexgrasp_ros.nodes.graph import start_graph


class Hand:
    """Offers `execute_grasp`: holds each goal until it is told how it ends."""

    def __init__(self, domain):
        self._context = rclpy.Context()
        rclpy.init(context=self._context, domain_id=domain)
        self.node = rclpy.create_node('test_hand', context=self._context)
        self.goals, self.end, self.outcome = [], threading.Event(), None
        self._server = ActionServer(
            self.node,
            ExecuteGrasp,
            'execute_grasp',
            execute_callback=self._execute,
            cancel_callback=lambda _goal: CancelResponse.ACCEPT,
            callback_group=ReentrantCallbackGroup(),
        )
        self._executor = MultiThreadedExecutor(2, context=self._context)
        self._executor.add_node(self.node)
        self._thread = threading.Thread(target=self._executor.spin, daemon=True)
        self._thread.start()

    def _execute(self, handle):
        self.goals.append(handle.request)
        while not self.end.wait(0.05) and not handle.is_cancel_requested:
            handle.publish_feedback(ExecuteGrasp.Feedback(phase='squeeze', fraction=0.6))
        self.end.clear()
        if handle.is_cancel_requested:
            handle.canceled()
            return ExecuteGrasp.Result(
                error_code=int(ErrorCode.CANCELLED), error_message='The goal was cancelled.'
            )
        if self.outcome is None:
            handle.succeed()
            return ExecuteGrasp.Result()
        handle.abort()
        return self.outcome

    def close(self):
        self.end.set()
        self._executor.shutdown()
        self._thread.join()
        self._server.destroy()
        self.node.destroy_node()
        self._context.try_shutdown()


@pytest.mark.slow  # a browser draws all the while; `test_viewer_node.py` has none
def test_an_execution_is_watched_stopped_and_its_errors_shown(hand, ros_domain, open_page):
    lines, port = [], free_port()
    robot = Hand(ros_domain)
    viewer = {'viewer_node': {'port': port, 'speed_scale': 0.3, 'stop_before_lift': True}}
    try:
        with start_graph(nodes=['viewer_node'], parameters=viewer, log=lines.append):
            bench = Bench(robot.node)
            bench.objects(box())
            bench.grasps(grasp(hand), grasp(hand, object_label=2))
            wait_for(lambda: any('The page is at' in line for line in lines), 120)
            page = open_page(f'http://127.0.0.1:{port}')
            page.wait(lambda: page.rows.count() == 2)
            page.tab.wait_for_timeout(1500)
            page.rows.nth(1).click()
            page.wait(lambda: page.selected() == '1')
            page.press('Execute')
            page.wait(lambda: page.says().startswith('squeeze'))
            (goal,) = robot.goals
            assert goal.grasp.object_label == 2
            assert (goal.speed_scale, goal.stop_before_lift) == (0.3, True)
            page.press('Stop')
            page.wait(lambda: page.says() == 'CANCELLED: The goal was cancelled.')
            assert page.tab.locator('.dg-say.bad').count() == 0  # it was asked for

            page.press('Execute')
            page.wait(lambda: page.says().startswith('squeeze'))
            robot.end.set()
            page.wait(lambda: page.says() == 'The grasp was carried out.')

            robot.outcome = ExecuteGrasp.Result(
                error_code=int(ErrorCode.COMMAND_DISABLED), error_message='Turn it on first.'
            )
            page.press('Execute')
            page.wait(lambda: page.says().startswith('squeeze'))
            robot.end.set()
            page.wait(lambda: page.says() == 'COMMAND_DISABLED: Turn it on first.')
            assert page.tab.locator('.dg-say.bad').count() == 1
    finally:
        robot.close()


@pytest.mark.slow  # a browser waits long before it asks again
@pytest.mark.usefixtures('ros_domain')
def test_a_page_that_is_open_finds_a_node_that_starts_again(hand, open_page):
    lines, port = [], free_port()
    viewer = {'viewer_node': {'port': port}}
    with GraspClient() as client:
        bench = Bench(client.node)
        bench.objects(box())
        bench.grasps(grasp(hand))
        with start_graph(nodes=['viewer_node'], parameters=viewer, log=lines.append):
            wait_for(lambda: any('The page is at' in line for line in lines), 120)
            page = open_page(f'http://127.0.0.1:{port}')
            page.wait(lambda: page.rows.count() == 1)
        bench.grasps(grasp(hand), grasp(hand))
        with start_graph(nodes=['viewer_node'], parameters=viewer, log=print):
            page.wait(lambda: page.rows.count() == 2)
            page.rows.nth(1).click()
            page.wait(lambda: page.selected() == '1')
