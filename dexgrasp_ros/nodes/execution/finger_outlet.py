"""Which way the fingers' trajectories leave, as the parameters have it."""

from __future__ import annotations

from collections.abc import Callable

from rclpy.exceptions import NameValidationException
from rclpy.node import Node

from dexgrasp_ros.core.errors import CommandError, choices, quoted
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.nodes.execution.finger_actions import (
    FingerAction,
    GripperAction,
    GripperCommandAction,
    TrajectoryAction,
)
from dexgrasp_ros.nodes.execution.finger_topic import FingerTopic, Outlet
from dexgrasp_ros.nodes.execution.parameters import HandCommandParameters

# By `controller_interface`: the type, and its name below that of the controller.
_ACTIONS: dict[str, tuple[type[FingerAction], str]] = {
    'follow_joint_trajectory': (TrajectoryAction, 'follow_joint_trajectory'),
    'parallel_gripper_command': (GripperAction, 'gripper_cmd'),
    'gripper_command': (GripperCommandAction, 'gripper_cmd'),
}


def finger_outlet(
    node: Node, config: HandCommandParameters, on_failure: Callable[[str], None]
) -> Outlet:
    """Make the topic or the action client that `controller` and `controller_interface` name.

    Raises
    ------
    CommandError
        INVALID_COMMAND for a name that is none, or where control_msgs is absent.
    """
    kind, name = _ACTIONS.get(config.controller_interface, (None, 'joint_trajectory'))
    if config.controller:
        name = f'{config.controller.rstrip("/")}/{name}'
    try:
        return FingerTopic(node, name) if kind is None else kind(node, name, on_failure)
    except NameValidationException as error:
        raise CommandError(
            f"'controller' is {quoted(config.controller)}; expected the name of a controller, such"
            f" as 'hand_controller' or '/left/hand_controller' ({error})."
        ) from error


def check_joints(hand: HandModel, config: HandCommandParameters) -> None:
    """Refuse a hand that the interface cannot command.

    Raises
    ------
    CommandError
        INVALID_COMMAND where a gripper's action is to move several joints.
    """
    kind, _ = _ACTIONS.get(config.controller_interface, (FingerAction, ''))
    if issubclass(kind, GripperAction) and len(hand.joint_names) != 1:
        raise CommandError(
            f"'controller_interface' is '{config.controller_interface}', which moves one joint;"
            f" '{hand.name}' has {choices(hand.joint_names)}."
        )
