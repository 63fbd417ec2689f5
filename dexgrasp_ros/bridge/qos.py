"""The four QoS profiles of the package, by what they are for."""

from __future__ import annotations

from rclpy.qos import (
    DurabilityPolicy,
    HistoryPolicy,
    QoSProfile,
    ReliabilityPolicy,
)


def standard(depth: int = 10) -> QoSProfile:
    """Reliable and volatile: commands, trajectories, anything a late joiner has no use for."""
    return _profile(depth, ReliabilityPolicy.RELIABLE, DurabilityPolicy.VOLATILE)


def sensor_data(depth: int = 5) -> QoSProfile:
    """Best effort and volatile: images; as a subscription it matches both kinds of publisher."""
    return _profile(depth, ReliabilityPolicy.BEST_EFFORT, DurabilityPolicy.VOLATILE)


def latched_publisher(depth: int = 1) -> QoSProfile:
    """Reliable and transient local: a late subscription gets the last `depth` messages."""
    return _profile(depth, ReliabilityPolicy.RELIABLE, DurabilityPolicy.TRANSIENT_LOCAL)


def latched_subscription(depth: int = 1) -> QoSProfile:
    """Counterpart of `latched_publisher`; it does not match a volatile publisher."""
    return _profile(depth, ReliabilityPolicy.RELIABLE, DurabilityPolicy.TRANSIENT_LOCAL)


def _profile(
    depth: int, reliability: ReliabilityPolicy, durability: DurabilityPolicy
) -> QoSProfile:
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=depth,
        reliability=reliability,
        durability=durability,
    )
