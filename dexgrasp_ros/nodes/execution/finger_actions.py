"""The fingers' trajectories as goals of a controller's action, where control_msgs is installed.

A controller's word counts: a motion has not succeeded before it says so, and where it gives a
trajectory up, or rejects it, the motion has failed.

`follow_joint_trajectory` is that of a joint_trajectory_controller. `ParallelGripperCommand` and
`GripperCommand`, as gripper controllers of ros2_control offer them on `gripper_cmd`, take a hand
of one joint to a position, at a speed of their own; `position` is the joint's, as MoveIt has it.
"""

from __future__ import annotations

import abc
import importlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from action_msgs.msg import GoalStatus
from numpy.typing import NDArray
from rclpy.action import ActionClient
from rclpy.node import Node
from rclpy.task import Future
from sensor_msgs.msg import JointState
from trajectory_msgs.msg import JointTrajectory

from dexgrasp_ros.core.errors import CommandError
from dexgrasp_ros.nodes.execution.finger_topic import Answer


def control_message(name: str, part: str = 'action') -> type:
    """Return a type of control_msgs.

    Raises
    ------
    CommandError
        INVALID_COMMAND where it cannot be imported.
    """
    try:
        return getattr(importlib.import_module(f'control_msgs.{part}'), name)
    except (ImportError, AttributeError) as error:
        raise CommandError(
            f"'controller_interface' needs {name} of the package control_msgs, which cannot be"
            f" imported ({error}); install it, or leave the parameter at 'topic'."
        ) from error


class FingerAction(abc.ABC):
    """Takes the place of the topic; subclasses say what a goal is and what a result means.

    Parameters
    ----------
    node
        Has the action client.
    name
        Of the action.
    on_failure
        Called with a sentence where the controller rejects the newest trajectory or gives it up.

    Raises
    ------
    CommandError
        INVALID_COMMAND where control_msgs is absent.
    """

    action: str  # its type in control_msgs
    keeps_time = True

    def __init__(self, node: Node, name: str, on_failure: Callable[[str], None]) -> None:
        self._kind, self._name, self._on_failure = control_message(self.action), name, on_failure
        self._client = ActionClient(node, self._kind, name)
        self._newest = 0
        self.answer = Answer.PENDING

    def send(
        self,
        trajectory: JointTrajectory,
        *,
        touches: bool,
        efforts: NDArray[np.float64],
        speeds: NDArray[np.float64],
    ) -> None:
        """Send a goal, which takes the place of the one before.

        Raises
        ------
        CommandError
            INVALID_COMMAND where no controller offers the action, or the goal cannot say it.
        """
        self.forget()
        if not self._client.server_is_ready():
            raise CommandError(
                f"Nobody offers the action '{self._name}' ({self.action}); is the controller"
                " running? The parameter 'controller' names it."
            )
        number = self._newest
        future = self._client.send_goal_async(self._goal(trajectory, touches, efforts, speeds))
        future.add_done_callback(lambda done: self._take(done, number, touches))

    def forget(self) -> None:
        """Leave what was sent to the controller."""
        self._newest += 1
        self.answer = Answer.PENDING

    def close(self) -> None:
        """Leave the controller to itself."""
        self.forget()
        self._client.destroy()

    @abc.abstractmethod
    def _goal(
        self, trajectory: JointTrajectory, touches: bool, efforts: NDArray, speeds: NDArray
    ) -> Any:
        """Return the goal that says this."""

    @abc.abstractmethod
    def _problem(self, result: Any, succeeded: bool, touches: bool) -> str | None:
        """Say why the end of a goal is none that was wanted; None where it is."""

    def _take(self, future: Future, number: int, touches: bool) -> None:
        handle = future.result()
        if number != self._newest:
            if handle.accepted:
                handle.cancel_goal_async()  # a newer goal came before the answer
        elif not handle.accepted:
            self._fail('rejected', '')
        else:
            handle.get_result_async().add_done_callback(
                lambda done: self._end(done, number, touches)
            )

    def _end(self, future: Future, number: int, touches: bool) -> None:
        if number != self._newest:
            return
        status, result = future.result().status, future.result().result
        problem = self._problem(result, status == GoalStatus.STATUS_SUCCEEDED, touches)
        if problem is None:
            self.answer = Answer.SUCCEEDED
        else:
            self._fail('gave up', problem)

    def _fail(self, what: str, words: str) -> None:
        why = f' ({words})' if words else ''
        self._on_failure(
            f"The controller of '{self._name}' {what}{why} the trajectory of the fingers."
        )


class TrajectoryAction(FingerAction):
    """`FollowJointTrajectory`; while fingers may touch, tolerances do not count."""

    action = 'FollowJointTrajectory'

    def _goal(
        self, trajectory: JointTrajectory, touches: bool, efforts: NDArray, speeds: NDArray
    ) -> Any:
        goal = self._kind.Goal(trajectory=trajectory)
        if touches:
            goal.path_tolerance = _no_tolerances(trajectory.joint_names)
            goal.goal_tolerance = _no_tolerances(trajectory.joint_names)
        return goal

    def _problem(self, result: Any, succeeded: bool, touches: bool) -> str | None:
        # Some drivers succeed and say in the result that they have not.
        return None if succeeded and not result.error_code else result.error_string


class GripperAction(FingerAction):
    """`ParallelGripperCommand`: one joint, one posture; what holds it up is no failure."""

    action = 'ParallelGripperCommand'
    keeps_time = False

    def _goal(
        self, trajectory: JointTrajectory, touches: bool, efforts: NDArray, speeds: NDArray
    ) -> Any:
        position = _one_position(trajectory)
        command = JointState(
            name=list(trajectory.joint_names),
            position=[position],
            velocity=speeds.tolist(),
            effort=efforts.tolist(),
        )
        return self._kind.Goal(command=command)

    def _problem(self, result: Any, succeeded: bool, touches: bool) -> str | None:
        # By their parameters, controllers abort or succeed where the joint stalls.
        if result.stalled and not result.reached_goal:
            return None if touches else 'the joint stalled on its way'
        return None if succeeded else ''


class GripperCommandAction(GripperAction):
    """`GripperCommand`, the older type."""

    action = 'GripperCommand'

    def _goal(
        self, trajectory: JointTrajectory, touches: bool, efforts: NDArray, speeds: NDArray
    ) -> Any:
        command = control_message('GripperCommand', 'msg')
        return self._kind.Goal(
            command=command(position=_one_position(trajectory), max_effort=float(efforts[0]))
        )


def _no_tolerances(names: Sequence[str]) -> list[Any]:
    """Return tolerances that say of each joint that it may be anywhere: negative ones."""
    kind = control_message('JointTolerance', 'msg')
    return [kind(name=n, position=-1.0, velocity=-1.0, acceleration=-1.0) for n in names]


def _one_position(trajectory: JointTrajectory) -> float:
    if len(trajectory.points) != 1:
        raise CommandError(
            f'The trajectory has {len(trajectory.points)} points; expected one, since a gripper'
            " is sent from posture to posture: by 'execute_grasp', not by 'follow_grasps'."
        )
    return float(trajectory.points[0].positions[0])
