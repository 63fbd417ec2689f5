"""A robot in its own ROS node that does what trajectories say, for tests of what sends them.

It moves joints and wrist along straight lines in time, and publishes `joint_states` and the
wrist's transform. It has no mass and touches nothing; a test can hold a joint, drop its state or
let it report efforts. Like controllers of ros2_control it refuses a trajectory of the fingers that
has no points.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable

import numpy as np
import rclpy
from geometry_msgs.msg import TransformStamped
from lifecycle_msgs.srv import GetState
from rclpy.clock import Clock, ClockType
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
from sensor_msgs.msg import JointState
from tf2_msgs.msg import TFMessage
from trajectory_msgs.msg import JointTrajectory, MultiDOFJointTrajectory

from dexgrasp_ros.bridge.geometry import header, transform_message
from dexgrasp_ros.bridge.qos import standard
from dexgrasp_ros.bridge.trajectories import finger_points, pose_points
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.nodes.execution.command_gate import STOP_TIME

PERIOD = 0.02  # s between two states
PATIENCE = 60.0  # s; a machine may be busy
NEAR = 0.3  # rad that a joint moves in the time that news of it take on a busy machine


class IdealRobot:
    """See the module; `FRAME` is where its wrist is placed in."""

    FRAME = 'table'
    HOME = np.array([0.3, 0.0, 0.6, 0.0, 0.0, 0.0, 1.0])

    def __init__(
        self, domain: int, hand: HandModel, *, namespace: str = '', use_sim_time: bool = False
    ) -> None:
        self._context = Context()
        rclpy.init(context=self._context, domain_id=domain)
        self.node = rclpy.create_node(
            'ideal_robot',
            context=self._context,
            namespace=namespace or None,
            parameter_overrides=[Parameter('use_sim_time', value=use_sim_time)],
        )
        self._hand = hand
        self._states = self.node.create_publisher(JointState, 'joint_states', standard())
        self._tf = self.node.create_publisher(TFMessage, '/tf', standard(100))
        self.node.create_subscription(
            JointTrajectory, 'joint_trajectory', self._take_fingers, standard()
        )
        self.node.create_subscription(
            MultiDOFJointTrajectory, 'wrist_trajectory', self._take_wrist, standard()
        )
        # Of the node that sends the trajectories.
        self._state = self.node.create_client(GetState, 'hand_command_node/get_state')
        self._steps = 0
        self.node.create_timer(PERIOD, self._step, clock=Clock(clock_type=ClockType.STEADY_TIME))
        self.reset()
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self.node)
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._spin, daemon=True)
        self._thread.start()

    def reset(self) -> None:
        """Go home at once, forget what was heard, and work as it should."""
        self.heard: list[JointTrajectory | MultiDOFJointTrajectory] = []
        self.refused = 0
        self.stuck: tuple[str, ...] = ()  # joints that do not move
        self.wrist_stuck = self.silent = self.wrist_silent = False
        self.effort: float | None = 0.0  # reported for each joint; None: no efforts at all
        self.positions = np.clip(np.zeros(len(self._hand.lower)), self._hand.lower, None)
        self.wrist = self.HOME.copy()
        self._finger_way = self._wrist_way = None

    def place(self, positions: np.ndarray, wrist: np.ndarray) -> None:
        """Be at joint positions [J] and a wrist's pose [7], at rest."""
        self._finger_way = self._wrist_way = None
        self.positions, self.wrist = positions.copy(), wrist.copy()

    def wait_until_heard(self) -> None:
        """Return once the node knows where this robot is, and this one what the node has sent."""
        self._wait_for_steps()
        # With each answer the node has looked at all its topics; five states may wait there.
        for _ in range(6):
            answer = self._state.call_async(GetState.Request())
            _wait(answer.done)
        self._wait_for_steps()

    def _wait_for_steps(self) -> None:
        begin = self._steps
        _wait(lambda: self._steps > begin + 2)

    def is_stopped(self, kind: type) -> bool:
        """Whether the newest command of a kind stopped what moved, and nothing is far from there.

        The wrist is stopped by no points, fingers by one point where they are.
        """
        commands = self.commands(kind)
        if not commands or kind is MultiDOFJointTrajectory:
            return bool(commands) and not commands[-1].points
        points, times = finger_points(commands[-1])
        near = np.abs(points[-1] - self.positions).max() < NEAR
        return len(points) == 1 and bool(times[0] <= STOP_TIME + 1e-6) and bool(near)

    def commands(self, kind: type) -> list[JointTrajectory | MultiDOFJointTrajectory]:
        """Trajectories of one kind that were heard, in order."""
        return [m for m in self.heard if isinstance(m, kind)]

    def close(self) -> None:
        """Leave the graph."""
        self._end.set()
        self._thread.join()
        self._executor.shutdown()
        self.node.destroy_node()
        self._context.try_shutdown()

    def _spin(self) -> None:
        while not self._end.is_set():
            self._executor.spin_once(timeout_sec=0.1)

    def _take_fingers(self, message: JointTrajectory) -> None:
        if not message.points:
            self.refused += 1
            return
        self.heard.append(message)
        self._finger_way = _way(self._now(), self.positions, *finger_points(message))

    def _take_wrist(self, message: MultiDOFJointTrajectory) -> None:
        self.heard.append(message)
        self._wrist_way = _way(self._now(), self.wrist, *pose_points(message))

    def _now(self) -> float:
        return self.node.get_clock().now().nanoseconds / 1e9

    def _step(self) -> None:
        now = self._now()
        if self._finger_way is not None:
            free = ~np.isin(self._hand.joint_names, self.stuck)
            self.positions = np.where(free, _at(self._finger_way, now), self.positions)
        if self._wrist_way is not None and not self.wrist_stuck:
            # At half a turn this is 0.07 rad away from a slerp, at small ones nothing.
            pose = _at(self._wrist_way, now)
            self.wrist = np.append(pose[:3], pose[3:] / np.linalg.norm(pose[3:]))
        stamp = self.node.get_clock().now().nanoseconds
        if not self.silent:
            names = list(self._hand.joint_names)
            efforts = [] if self.effort is None else [self.effort] * len(names)
            self._states.publish(
                JointState(
                    header=header('', stamp),
                    name=names,
                    position=self.positions.tolist(),
                    effort=efforts,
                )
            )
        if not self.wrist_silent:
            transform = TransformStamped(
                header=header(self.FRAME, stamp),
                child_frame_id=self._hand.hand_frame,
                transform=transform_message(self.wrist),
            )
            self._tf.publish(TFMessage(transforms=[transform]))
        self._steps += 1


def _wait(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < until, 'the node and its robot do not hear each other'
        time.sleep(0.002)


def _way(begin: float, start: np.ndarray, points: np.ndarray, times: np.ndarray) -> tuple | None:
    """Times and points of a trajectory from here and now; None where it is a stop."""
    if not len(points):
        return None
    return begin + np.append(0.0, times), np.concatenate([start[None], points])


def _at(way: tuple, now: float) -> np.ndarray:
    times, points = way
    # Quaternions of two signs are one turn; take the nearer one.
    if points.shape[1] == 7:
        for before, after in itertools.pairwise(points):
            after[3:] *= np.sign(before[3:] @ after[3:]) or 1.0
    return np.array([np.interp(now, times, points[:, i]) for i in range(points.shape[1])])
