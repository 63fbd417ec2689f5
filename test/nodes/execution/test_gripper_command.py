"""A gripper's jaws as goals of the controllers of ros2_control, over DDS."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip('rclpy')
pytest.importorskip('control_msgs.action')

import rclpy
from control_msgs.action import GripperCommand, ParallelGripperCommand
from execute_goals import grasp_of, wait_for
from rclpy.action import ActionServer
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.context import Context
from rclpy.executors import MultiThreadedExecutor
from sensor_msgs.msg import JointState

from dexgrasp_ros.bridge.client import GraspClient
from dexgrasp_ros.hand import load_hand
from dexgrasp_ros.nodes.graph import start_graph

GRIPPER = Path(__file__).resolve().parents[3] / 'docs' / 'hands' / 'simple_gripper.urdf'
OBJECT = 0.021  # m; where the jaw is stopped by what is between them
STALL = 0.3  # s after which the controller gives up
KINDS = {'parallel_gripper_command': ParallelGripperCommand, 'gripper_command': GripperCommand}


class GripperController:
    """Jumps to its goal, or to the object, and aborts there, as ros2_control's does by default."""

    def __init__(self, domain, kind):
        self.kind, self.position, self.told = KINDS[kind], 0.04, []
        self.context = Context()
        rclpy.init(context=self.context, domain_id=domain)
        self.node = rclpy.create_node('controller', context=self.context)
        self.states = self.node.create_publisher(JointState, 'joint_states', 10)
        self.node.create_timer(0.05, self._publish)
        self.server = ActionServer(
            self.node,
            self.kind,
            'gripper_controller/gripper_cmd',
            execute_callback=self._move,
            callback_group=ReentrantCallbackGroup(),
        )
        self.executor = MultiThreadedExecutor(4, context=self.context)
        self.executor.add_node(self.node)
        self.thread = threading.Thread(target=self.executor.spin, daemon=True)
        self.thread.start()

    def _publish(self):
        state = JointState(name=['left_slide'], position=[self.position])
        state.header.stamp = self.node.get_clock().now().to_msg()
        self.states.publish(state)

    def _move(self, handle):
        wanted = float(np.ravel(handle.request.command.position)[0])
        self.told.append(wanted)
        self.position = max(wanted, OBJECT)
        held_up = wanted < OBJECT
        if held_up:
            time.sleep(STALL)
            handle.abort()
        else:
            handle.succeed()
        return self.kind.Result(stalled=held_up, reached_goal=not held_up)

    def close(self):
        self.executor.shutdown()
        self.server.destroy()
        self.node.destroy_node()
        self.context.try_shutdown()


@pytest.mark.parametrize('kind', KINDS)
def test_a_gripper_closes_on_an_object_and_opens(ros_domain, kind):
    hand = load_hand(GRIPPER)
    parameters = {
        'hand': str(GRIPPER),
        'command_enabled': True,
        'controller': 'gripper_controller',
        'controller_interface': kind,
        'joint_state_max_age': 5.0,
        'settle_timeout': 10.0,
    }
    controller = GripperController(ros_domain, kind)
    with (
        start_graph(nodes=['hand_command_node'], parameters={'hand_command_node': parameters}),
        GraspClient() as client,
    ):
        client.wait_until_ready(240, grasps=False, reconstruction=False, execution=True)
        wait_for(controller.states.get_subscription_count, 'the connection')
        time.sleep(1.0)  # until the node knows the controller and the state
        grasp = grasp_of(
            client, hand, pregrasp=[0.03], grasp=[0.0205], squeeze=[0.018], contacts=[]
        )
        reply = client.execute(
            grasp, fingers_only=True, hold_time=0.1, open_at_end=True, timeout=60
        )
    controller.close()
    assert reply.result.error_message == ''
    assert np.allclose(controller.told, [0.03, 0.0205, 0.018, 0.03])
