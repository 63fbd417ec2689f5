"""What cameras' launch files share: a driver with its settings, and the nodes of the package.

`launch` is not on every machine that has this package, so that it is imported when it is used.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from dexgrasp_ros.core.topic_arguments import TOPIC_ARGUMENTS


def camera_launch(
    package: str,
    *file: Any,
    topics: Mapping[str, str],
    settings: Mapping[str, Any],
    arguments: Mapping[str, tuple[str, str]] | None = None,
) -> Any:
    """Return the description of a launch file that starts a camera's driver and `grasp.launch.py`.

    The latter's arguments are taken as well, and its `segmentation` is true unless it is given.

    Parameters
    ----------
    package
        Of the driver.
    *file
        Its launch file: text and substitutions, one after the other.
    topics
        What it publishes, by arguments of `TOPIC_ARGUMENTS`.
    settings
        What it is given: text or substitutions, by its arguments' names.
    arguments
        Further ones of the description, with default and text.
    """
    from launch.actions import DeclareLaunchArgument, GroupAction
    from launch.conditions import IfCondition
    from launch.substitutions import LaunchConfiguration

    from launch import LaunchDescription

    defaults = {**topics, 'segmentation': 'true'}
    declared = {
        **{name: (default, TOPIC_ARGUMENTS[name][1]) for name, default in defaults.items()},
        **(arguments or {}),
        'driver': ('true', "start the camera's driver; false: it runs, or a recording plays"),
    }
    # Also as arguments: launch looks for those that a file requires there alone.
    given = [(name, LaunchConfiguration(name)) for name in settings]
    driver = GroupAction(
        [_included(package, *file, arguments=given)],
        # Arguments of two launch files that are called the same must not meet.
        forwarding=False,
        launch_configurations=dict(settings),
        condition=IfCondition(LaunchConfiguration('driver')),
    )
    return LaunchDescription(
        [
            *(
                DeclareLaunchArgument(name, default_value=default, description=text)
                for name, (default, text) in declared.items()
            ),
            driver,
            _included('dexgrasp_ros', 'grasp.launch.py'),
        ]
    )


def _included(package: str, *file: Any, arguments: Iterable[tuple[str, Any]] = ()) -> Any:
    """Include a launch file of a package; it takes what stands in its scope, and `arguments`."""
    from launch.actions import IncludeLaunchDescription
    from launch.launch_description_sources import PythonLaunchDescriptionSource
    from launch.substitutions import PathJoinSubstitution
    from launch_ros.substitutions import FindPackageShare

    path = [PathJoinSubstitution([FindPackageShare(package), 'launch', '']), *file]
    source = PythonLaunchDescriptionSource(path)
    return IncludeLaunchDescription(source, launch_arguments=arguments)
