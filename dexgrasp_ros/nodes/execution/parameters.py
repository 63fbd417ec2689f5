"""Parameters of `hand_command_node`."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from dexgrasp_ros.core.config import check_ranges, setting
from dexgrasp_ros.motion import WayConfig
from dexgrasp_ros.nodes.shared.parameter_texts import (
    AUTOSTART,
    DESCRIPTION,
    HAND,
    HAND_ROOT,
    MESH_FOLDER,
    OVERRIDES,
)

_BOX = 'of the box that the wrist is kept in'
_SLIDING = '5 cm for 1 rad where it slides'


@dataclass(frozen=True, kw_only=True)
class Workspace:
    """Where the wrist may be sent, in the frame of the grasp."""

    distance: float = setting(
        2.0, 'm', 'from where the wrist is, at the begin of a goal and of each motion', 1e-3, 1e3
    )
    radius: float = setting(0.0, 'm', 'from the origin of the frame; 0: any', 0.0, 1e4)
    x_min: float = setting(-1e4, 'm', _BOX, -1e4, 1e4)
    x_max: float = setting(1e4, 'm', _BOX, -1e4, 1e4)
    y_min: float = setting(-1e4, 'm', _BOX, -1e4, 1e4)
    y_max: float = setting(1e4, 'm', _BOX, -1e4, 1e4)
    z_min: float = setting(-1e4, 'm', _BOX, -1e4, 1e4)
    z_max: float = setting(1e4, 'm', _BOX, -1e4, 1e4)

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_ranges(self)


@dataclass(frozen=True, kw_only=True)
class HandCommandParameters:
    """Parameters of `hand_command_node`."""

    autostart: bool = setting(True, '-', AUTOSTART, read_on='start')
    hand: str = setting('allegro', '-', HAND, read_on='configuration')
    hand_root_link: str = setting('', '-', HAND_ROOT, read_on='configuration')
    robot_description: str = setting('', '-', DESCRIPTION, read_on='configuration')
    hand_overrides: str = setting('', '-', OVERRIDES, read_on='configuration')
    mesh_folder: str = setting('', '-', MESH_FOLDER, read_on='configuration')
    command_enabled: bool = setting(
        False, '-', 'let joint_trajectory and wrist_trajectory leave; the robot will move'
    )
    follow_grasps: bool = setting(
        False,
        '-',
        'also close the fingers, unwatched, on each new grasp; else only execute_grasp moves',
    )
    controller: str = setting(
        '',
        '-',
        "name of the fingers' controller, such as hand_controller, before that of its topic or"
        ' action; empty: these alone',
        read_on='configuration',
    )
    controller_interface: str = setting(
        'topic',
        '-',
        "how the fingers' controller is told: its topic joint_trajectory, or an action, which"
        " needs control_msgs; a gripper's is for hands of one joint",
        allowed=(
            'topic',
            'follow_joint_trajectory',
            'parallel_gripper_command',
            'gripper_command',
        ),
        read_on='configuration',
        formerly='use_follow_joint_trajectory',
    )
    speed_scale: float = setting(
        0.5, '1', 'share of the velocity limits that follow_grasps uses', 0.01, 1.0
    )
    wrist_linear_speed: float = setting(0.1, 'm/s', 'of the wrist at speed scale 1', 1e-3, 10.0)
    wrist_angular_speed: float = setting(0.5, 'rad/s', 'the same for turns', 1e-3, 20.0)
    workspace: Workspace = dataclasses.field(default_factory=Workspace)
    approach_distance: float = setting(
        0.1, 'm', 'how far before pregrasp_pose the wrist turns towards the object', 0.0, 1.0
    )
    check_way: bool = setting(
        False,
        '-',
        'plan the way to the pre-grasp among the newest objects, and refuse a grasp without one;'
        ' links of an arm are not looked at',
    )
    way: WayConfig = dataclasses.field(default_factory=WayConfig)
    hold_time: float = setting(
        1.0, 's', 'rest after the squeeze and after the lift, unless the goal says', 0.0, 3600.0
    )
    max_age: float = setting(120.0, 's', 'grasps from older images give no command', 0.01, 1e9)
    joint_state_max_age: float = setting(
        0.5, 's', 'older joint states do not say where the hand is', 0.01, 60.0
    )
    wrist_max_age: float = setting(0.5, 's', 'the same for the transform of the wrist', 0.01, 60.0)
    max_tracking_error: float = setting(
        0.2, 'rad', f'a joint that moves freely may be off so far; {_SLIDING}', 1e-3, 10.0
    )
    max_wrist_error: float = setting(0.05, 'm', 'the wrist may be off so far', 1e-4, 10.0)
    max_wrist_turn: float = setting(0.3, 'rad', 'the same for turns', 1e-3, 3.2)
    tracking_delay: float = setting(
        0.3, 's', 'a robot may be behind its trajectory so long', 0.0, 60.0
    )
    joint_tolerance: float = setting(
        0.05, 'rad', f'a joint that moves freely has arrived within this; {_SLIDING}', 1e-4, 1.0
    )
    wrist_tolerance: float = setting(0.01, 'm', 'the wrist has arrived within this', 1e-5, 1.0)
    wrist_turn_tolerance: float = setting(0.05, 'rad', 'the same for turns', 1e-4, 3.2)
    settle_timeout: float = setting(
        2.0, 's', 'a motion may arrive so long after its time', 0.0, 60.0
    )
    max_effort: float = setting(
        1.0, '1', 'share of the effort limits that is asked for or reported', 0.01, 10.0
    )
    effort_delay: float = setting(0.3, 's', 'more may be reported so long', 0.0, 60.0)

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_ranges(self)
