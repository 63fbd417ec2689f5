"""Why nothing may come on a topic: who publishes on it, who publishes the like elsewhere."""

from __future__ import annotations

import difflib
import os
from collections.abc import Sequence

from rclpy.node import Node
from rclpy.qos import QoSCompatibility, QoSProfile, ReliabilityPolicy, qos_check_compatible
from rclpy.topic_endpoint_info import TopicEndpointInfo

from dexgrasp_ros.core.topic_arguments import argument_of

_NEAR = 3  # topics that are named
# Messages that are more than Fast DDS's own shared memory holds.
_LARGE = tuple(f'sensor_msgs/msg/{kind}' for kind in ('Image', 'CompressedImage', 'PointCloud2'))
_UNKNOWN = '_NODE_NAME_UNKNOWN_'  # rmw's, of a node whose name has not come yet


def why_silent(
    node: Node,
    topic: str,
    kinds: Sequence[type],
    profile: QoSProfile,
    *,
    name: str = '',
    elsewhere: Sequence[type] = (),
) -> str:
    """Say in a sentence or two what may be wrong where a topic is silent, and what to do.

    Parameters
    ----------
    node
        Who listens.
    topic
        What it calls the topic, before remapping.
    kinds
        Types of messages that it takes there.
    profile
        QoS of its subscription.
    name
        Full name of what it has subscribed, where that is below `topic`.
    elsewhere
        Further types that it would take under other names.
    """
    name = name or node.resolve_topic_name(topic)
    types = {type_name(kind) for kind in kinds}
    publishers = node.get_publishers_info_by_topic(name)
    if publishers:
        return f"'{name}': " + ' '.join(_about(p, types, profile) for p in publishers[:_NEAR])
    types |= {type_name(kind) for kind in elsewhere}
    remedy = f"remap '{topic}'"
    if argument := argument_of(topic):
        remedy += f", which the launch argument '{argument}:=TOPIC' does"
    near = _near(node, name, types)
    if not near:
        domain = os.environ.get('ROS_DOMAIN_ID') or '0'
        return (
            f"'{name}': nobody publishes it, nor any other {' or '.join(sorted(types))} in ROS"
            f' domain {domain}; is the driver running, there, and in reach of this machine?'
        )
    told = ', '.join(f"'{other}' ({_offer(p)})" for other, p in near)
    return f"'{name}': nobody publishes it. There is {told}; {remedy}."


def type_name(kind: type) -> str:
    """Name of a message type as ROS's graph tells it: 'sensor_msgs/msg/Image'."""
    package, part, *_ = kind.__module__.split('.')
    return f'{package}/{part}/{kind.__name__}'


def _about(publisher: TopicEndpointInfo, types: set[str], profile: QoSProfile) -> str:
    """Tell what one publisher of the very topic offers, and why it may not be heard."""
    told = f'{_node(publisher)} publishes it ({_offer(publisher)})'
    if publisher.topic_type not in types:
        return f'{told}, and {" or ".join(sorted(types))} is expected.'
    fits, reason = qos_check_compatible(publisher.qos_profile, profile)
    if fits == QoSCompatibility.ERROR:
        return f'{told}, which this subscription does not match: {reason.rstrip(";. ")}.'
    is_reliable = publisher.qos_profile.reliability != ReliabilityPolicy.BEST_EFFORT
    if publisher.topic_type in _LARGE and not is_reliable:
        cause = 'large best-effort images get lost without config/fastdds_shm.xml at the sender'
    else:
        cause = 'whether it sends is told by `ros2 topic hz`'
    return f'{told}, and nothing comes; {cause}.'


def _near(node: Node, name: str, types: set[str]) -> list[tuple[str, TopicEndpointInfo]]:
    """Find topics of such types, the most alike first, each with one who publishes it."""
    names = [n for n, kinds in node.get_topic_names_and_types() if types & set(kinds)]
    alike = difflib.SequenceMatcher(b=name)

    def likeness(other: str) -> float:
        alike.set_seq1(other)
        return alike.ratio()

    found = []
    for other in sorted(names, key=likeness, reverse=True):
        publishers = node.get_publishers_info_by_topic(other)
        found += [(other, p) for p in publishers[:1] if p.topic_type in types]
    return found[:_NEAR]


def _offer(publisher: TopicEndpointInfo) -> str:
    qos = publisher.qos_profile
    return (
        f'{publisher.topic_type}, {qos.reliability.name.lower().replace("_", " ")},'
        f' {qos.durability.name.lower().replace("_", " ")}'
    )


def _node(publisher: TopicEndpointInfo) -> str:
    if publisher.node_name == _UNKNOWN:  # its process was found, its nodes were not yet
        return 'a node that is not known yet'
    return f"'{publisher.node_namespace.rstrip('/')}/{publisher.node_name}'"
