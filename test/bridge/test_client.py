"""`GraspClient` and a server that takes its time."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
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

# Works until it is killed, and is missed two seconds later instead of twenty.
MORTAL_SERVER = """
import time
import rclpy
from dexgrasp_msgs.action import ExecuteGrasp
from rclpy.action import ActionServer
rclpy.init()
node = rclpy.create_node('mortal')
server = ActionServer(node, ExecuteGrasp, 'execute_grasp', lambda handle: time.sleep(600))
rclpy.spin(node)
"""
SHORT_LEASE = """<?xml version="1.0" encoding="UTF-8"?>
<profiles xmlns="http://www.eprosima.com/XMLSchemas/fastRTPS_Profiles">
  <participant profile_name="mortal" is_default_profile="true">
    <rtps><builtin><discovery_config>
      <leaseDuration><sec>2</sec></leaseDuration>
      <leaseAnnouncement><sec>1</sec></leaseAnnouncement>
    </discovery_config></builtin></rtps>
  </participant>
</profiles>
"""


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
    client.wait_until_ready(240, grasps=False, reconstruction=False, execution=True)
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
        ready(client).send_execution(ExecuteGrasp.Goal(), timeout=60)
    assert slow_server.cancelled.wait(25)


@pytest.mark.parametrize('is_replaced', [False, True])
def test_a_goal_whose_node_is_killed_ends(ros_domain, tmp_path, is_replaced):
    profile = tmp_path / 'short_lease.xml'
    profile.write_text(SHORT_LEASE)
    environment = {**os.environ, 'FASTRTPS_DEFAULT_PROFILES_FILE': str(profile)}
    command = [sys.executable, '-c', MORTAL_SERVER]
    with contextlib.ExitStack() as stack:
        client = stack.enter_context(GraspClient())
        mortal = stack.enter_context(subprocess.Popen(command, env=environment))
        stack.callback(mortal.kill)
        handle = ready(client).send_execution(ExecuteGrasp.Goal(), timeout=60)
        assert not client.is_complete(handle)
        mortal.kill()
        if is_replaced:
            stack.callback(SlowServer(ros_domain).close)
        with pytest.raises(DexGraspError, match='gone') as caught:
            client.wait_for_result(handle, 120)
        assert caught.value.code == ErrorCode.PREEMPTED
