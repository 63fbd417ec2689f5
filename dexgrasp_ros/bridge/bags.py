"""What a recorder and a player of topics need of ROS: names, QoS, stamps in messages."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from rosbags.interfaces import (
    Qos,
    QosDurability,
    QosHistory,
    QosLiveliness,
    QosReliability,
    QosTime,
)

from dexgrasp_ros.bridge.geometry import nanoseconds_to_stamp, stamp_to_nanoseconds
from dexgrasp_ros.bridge.message_types import message_class, part_types

# All that the package takes in and gives out, relative to its namespace.
TOPICS = (
    'depth/image',
    'depth/camera_info',
    'segmentation',
    'points',
    'rgb/image',
    'label_info',
    'joint_states',
    'robot_description',
    '/tf',
    '/tf_static',
    'objects',
    'object_markers',
    'grasps',
    'grasp_poses',
    'grasp_markers',
    'joint_targets',
    'planned_hand',
    'wrist_targets',
    'joint_trajectory',
    'wrist_trajectory',
)

# What moves a robot is recorded and played with this at the end of its topic's name, so that who
# plays a recording, with whatever tool, moves nothing.
RECORDED = '/recorded'
_COMMANDS = ('trajectory_msgs/msg/JointTrajectory', 'trajectory_msgs/msg/MultiDOFJointTrajectory')
_PREVIEWS = ('wrist_targets',)  # of these types, and commands to nobody

_NEVER = QosTime(9223372036, 854775807)  # an infinite duration of rmw
_DEPTH = 10  # messages that wait for a slow disk or reader, of topics that are not latched
_STAMP = 'builtin_interfaces/Time'


def harmless_name(topic: str, kind: str) -> str:
    """Name under which a topic is recorded and played: commands have one that moves nothing."""
    preview = topic.rsplit('/', 1)[-1] in _PREVIEWS
    is_command = kind in _COMMANDS and not preview and not topic.endswith(RECORDED)
    return topic + RECORDED if is_command else topic


def subscription_profile(offered: Sequence[QoSProfile], depth: int = _DEPTH) -> QoSProfile:
    """Profile of a subscription that every one of the publishers `offered` matches.

    Reliable, or transient local, only where all of them are.
    """
    reliable = all(p.reliability == ReliabilityPolicy.RELIABLE for p in offered)
    latched = all(p.durability == DurabilityPolicy.TRANSIENT_LOCAL for p in offered)
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=max([depth, *(p.depth for p in offered)]),
        reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
        durability=DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE,
    )


def recorded_profile(profile: QoSProfile) -> Qos:
    """Profile of a publisher as a recording keeps it; discovery does not tell its history."""
    return Qos(
        QosHistory.KEEP_LAST,
        profile.depth or 1,
        QosReliability(int(profile.reliability)),
        QosDurability(int(profile.durability)),
        _NEVER,
        _NEVER,
        QosLiveliness.AUTOMATIC,
        _NEVER,
        False,
    )


def publisher_profile(recorded: Sequence[Qos], count: int) -> QoSProfile:
    """Profile that offers at least what was recorded.

    Parameters
    ----------
    recorded
        Profiles of the publishers; without one, reliable and volatile.
    count
        Messages of the topic: so many stay with a latched publisher, as they did with several
        latched publishers of one message each (`/tf_static`).
    """
    latched = any(q.durability == QosDurability.TRANSIENT_LOCAL for q in recorded)
    best_effort = any(q.reliability == QosReliability.BEST_EFFORT for q in recorded)
    depth = max([_DEPTH, *(q.depth for q in recorded)])
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=max(1, min(count, 100)) if latched else depth,
        reliability=ReliabilityPolicy.BEST_EFFORT if best_effort else ReliabilityPolicy.RELIABLE,
        durability=DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE,
    )


def move_stamps(message: Any, moved: Callable[[int], int]) -> None:
    """Replace each stamp [ns] in a message and in its parts; 0, which means none, stays 0."""
    for name, kind in message.get_fields_and_field_types().items():
        parts = part_types(kind)
        if not parts or not _has_stamp(parts[0]):
            continue
        value = getattr(message, name)
        if kind == _STAMP:
            if stamp := stamp_to_nanoseconds(value):
                setattr(message, name, nanoseconds_to_stamp(moved(stamp)))
        else:
            for part in value if isinstance(value, list | tuple) else [value]:
                move_stamps(part, moved)


@functools.cache
def _has_stamp(kind: str) -> bool:
    """Whether there are stamps in messages of a type; spares a walk over a mesh's vertices."""
    if kind == _STAMP:
        return True
    fields = message_class(kind).get_fields_and_field_types().values()
    return any(_has_stamp(part) for field in fields for part in part_types(field))
