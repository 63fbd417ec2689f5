"""Topics that launch files name by an argument each: what comes from cameras and robots.

Launch files import this where nothing but ROS may be installed, so it uses nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping

# Argument → the nodes' own name of the topic, and what the argument says about itself.
TOPIC_ARGUMENTS: Mapping[str, tuple[str, str]] = {
    'depth': ('depth/image', 'topic of the depth image, aligned to what the labels are of'),
    'camera_info': ('depth/camera_info', 'topic of the camera_info of that very depth image'),
    'rgb': ('rgb/image', 'topic of the colour image that goes with the depth image'),
    'segmentation': (
        'segmentation',
        'topic of the labels; true: label what stands on the table here; false: as by default',
    ),
    'points': ('points', 'topic of a point cloud, with the parameter input: points'),
    'joint_states': ('joint_states', "topic of the robot's joint states"),
}


def wants_tabletop(given: Mapping[str, str]) -> bool:
    """Whether the argument `segmentation` asks for labels of what stands on the table."""
    return given.get('segmentation', '').lower() == 'true'


def remappings(given: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return what every node is started with: pairs of its own name and that of the argument.

    Parameters
    ----------
    given
        Values of arguments; those that are no topics are passed over.
    """
    pairs = []
    for argument, (topic, _) in TOPIC_ARGUMENTS.items():
        name = given.get(argument) or topic
        is_switch = argument == 'segmentation' and name.lower() in ('true', 'false')
        if name != topic and not is_switch:
            pairs.append((topic, name))
    return pairs


def argument_of(topic: str) -> str:
    """Name of the argument for one of the nodes' own topics; empty where there is none."""
    return next((a for a, (name, _) in TOPIC_ARGUMENTS.items() if name == topic), '')


def full_name(name: str, namespace: str) -> str:
    """Return the name of a topic or node from the root on."""
    if name.startswith('/'):
        return name
    return '/' + '/'.join(part for part in (namespace.strip('/'), name) if part)
