"""`GraspClient` and a server that takes its time."""

from __future__ import annotations

import threading
import time

import pytest

pytest.importorskip('rclpy')

import rclpy
from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.context import Context
from rclpy.executors import MultiThreadedExecutor

from dexgrasp_msgs.action import ExecuteGrasp
from dexgrasp_ros.bridge.client import GraspClient
from dexgrasp_ros.core.errors import DexGraspError, ErrorCode


class SlowServer:
    """Accepts a goal of `execute_grasp` when `answer` is set, and works until it is cancelled."""

    def __init__(self, domain):
        self.context = Context()
        rclpy.init(context=self.context, domain_id=domain)
        self.node = rclpy.create_node('slow', context=self.context)
        self.answer, self.cancelled = threading.Event(), threading.Event()
        self.server = ActionServer(
            self.node,
            ExecuteGrasp,
            'execute_grasp',
            execute_callback=self._work,
            goal_callback=self._accept,
            cancel_callback=lambda _: CancelResponse.ACCEPT,
            callback_group=ReentrantCallbackGroup(),
        )
        self.executor = MultiThreadedExecutor(4, context=self.context)
        self.executor.add_node(self.node)
        self.thread = threading.Thread(target=self.executor.spin, daemon=True)
        self.thread.start()

    def _accept(self, _goal):
        self.answer.wait(60)
        return GoalResponse.ACCEPT

    def _work(self, handle):
        until = time.monotonic() + 30
        while not handle.is_cancel_requested and time.monotonic() < until:
            time.sleep(0.02)
        if handle.is_cancel_requested:
            handle.canceled()
            self.cancelled.set()
        else:
            handle.abort()
        return ExecuteGrasp.Result()

    def close(self):
        self.executor.shutdown()
        self.server.destroy()
        self.node.destroy_node()
        self.context.try_shutdown()


@pytest.fixture
def slow_server(ros_domain):
    server = SlowServer(ros_domain)
    yield server
    server.close()


def ready(client):
    client.wait_until_ready(60, grasps=False, reconstruction=False, execution=True)
    return client


def test_a_goal_that_is_accepted_when_nobody_waits_any_more_is_cancelled(slow_server):
    with GraspClient() as client:
        with pytest.raises(DexGraspError, match='execute_grasp') as caught:
            ready(client).send_execution(ExecuteGrasp.Goal(), timeout=0.5)
        assert caught.value.code == ErrorCode.TIME_LIMIT
        slow_server.answer.set()
        assert slow_server.cancelled.wait(25)


def test_so_it_is_where_the_client_is_closed_meanwhile(slow_server):
    timer = threading.Timer(2.0, slow_server.answer.set)
    with pytest.raises(DexGraspError), GraspClient() as client:
        ready(client)
        timer.start()
        client.send_execution(ExecuteGrasp.Goal(), timeout=0.5)
    assert slow_server.cancelled.wait(25)


def test_a_client_that_is_closed_ends_what_moves_for_it(slow_server):
    slow_server.answer.set()
    with GraspClient() as client:
        ready(client).send_execution(ExecuteGrasp.Goal())
    assert slow_server.cancelled.wait(25)
