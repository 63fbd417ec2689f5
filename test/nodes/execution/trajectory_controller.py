"""A controller that takes trajectories as goals; needs control_msgs."""

from __future__ import annotations

import threading
import time

import numpy as np
import rclpy
from control_msgs.action import FollowJointTrajectory
from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.context import Context
from rclpy.duration import Duration
from rclpy.executors import MultiThreadedExecutor
from rclpy.time import Time
from sensor_msgs.msg import JointState

LATE = 1.5  # s between the arrival and the controller's word for it


class Controller:
    """Goes to the end of each trajectory at once, or rejects it, waits, gives up, is absent.

    Its answer may come later than the hand does, and may be that it was not within tolerances.
    As a joint_trajectory_controller it rejects what would have ended by now, and efforts.
    """

    def __init__(self, domain, hand, behaviour='follow', name=''):
        self.behaviour, self.hand = behaviour, hand
        self.positions, self.targets = np.array(hand.lower), []
        self.tolerances = []  # of each goal, by joint
        self.begun, self.answered = [], []  # s, of each goal
        self.context = Context()
        rclpy.init(context=self.context, domain_id=domain)
        self.node = rclpy.create_node('controller', context=self.context)
        self.states = self.node.create_publisher(JointState, 'joint_states', 10)
        self.node.create_timer(0.05, self._publish)
        self.server = ActionServer(
            self.node,
            FollowJointTrajectory,
            'something_else' if behaviour == 'absent' else f'{name}follow_joint_trajectory',
            execute_callback=self._move,
            goal_callback=self._accept,
            cancel_callback=lambda _: CancelResponse.ACCEPT,
            callback_group=ReentrantCallbackGroup(),
        )
        self.executor = MultiThreadedExecutor(4, context=self.context)
        self.executor.add_node(self.node)
        self.thread = threading.Thread(target=self.executor.spin, daemon=True)
        self.thread.start()

    def _publish(self):
        stamp = self.node.get_clock().now().to_msg()
        state = JointState(name=list(self.hand.joint_names), position=self.positions.tolist())
        state.header.stamp = stamp
        self.states.publish(state)

    def _accept(self, goal):
        begin = Time.from_msg(goal.trajectory.header.stamp)
        end = begin + Duration.from_msg(goal.trajectory.points[-1].time_from_start)
        is_over = begin.nanoseconds and end.nanoseconds < time.time_ns()
        has_efforts = any(len(point.effort) for point in goal.trajectory.points)
        is_refused = is_over or has_efforts or self.behaviour == 'reject'
        return GoalResponse.REJECT if is_refused else GoalResponse.ACCEPT

    def _move(self, handle):
        result = FollowJointTrajectory.Result()
        self.begun.append(time.monotonic())
        self.targets.append(list(handle.request.trajectory.points[-1].positions))
        self.tolerances.append({t.name: t.position for t in handle.request.path_tolerance})
        number, until = len(self.targets), time.monotonic() + 30.0
        while self.behaviour == 'wait' and number == len(self.targets) < 2:
            assert time.monotonic() < until
            time.sleep(0.02)
        if number < len(self.targets) or self.behaviour == 'give up':
            result.error_string = 'motor too hot'
            handle.abort()
        else:
            self.positions = np.array(self.targets[-1])
            time.sleep(LATE if self.behaviour.endswith('late') else 0.0)
            self.answered.append(time.monotonic())
            if self.behaviour == 'give up late':
                result.error_string = 'goal tolerance violated'
                handle.abort()
            else:
                handle.succeed()
        return result

    def close(self):
        self.executor.shutdown()
        self.server.destroy()
        self.node.destroy_node()
        self.context.try_shutdown()
