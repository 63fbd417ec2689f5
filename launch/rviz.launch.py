"""RViz with the depth cloud, the objects, the grasps and the robot."""

import atexit
import tempfile
from pathlib import Path

import yaml
from ament_index_python.packages import PackageNotFoundError, get_package_prefix
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.substitutions import FindPackageShare

from dexgrasp_ros.core.topic_arguments import full_name
from dexgrasp_ros.nodes.launching import is_true
from launch import Action, LaunchContext, LaunchDescription

ARGUMENTS = {
    'namespace': ('', 'namespace of the nodes that are shown'),
    'use_sim_time': ('false', 'take the time from /clock'),
    'fixed_frame': ('camera_depth_optical_frame', 'frame that everything is shown in'),
    'depth': ('depth/image', 'topic of the depth image; its camera_info beside it'),
}


def generate_launch_description() -> LaunchDescription:
    declared = [
        DeclareLaunchArgument(name, default_value=value, description=description)
        for name, (value, description) in ARGUMENTS.items()
    ]
    return LaunchDescription([*declared, OpaqueFunction(function=make_rviz)])


def make_rviz(context: LaunchContext) -> list[Action]:
    """Make RViz's process, with a file in which the depth image has its full name."""
    given = {name: LaunchConfiguration(name).perform(context) for name in ARGUMENTS}
    try:
        get_package_prefix('rviz2')
    except PackageNotFoundError as error:
        raise RuntimeError(
            'RViz is not installed; on Ubuntu: apt install ros-$ROS_DISTRO-rviz2, or start without'
            ' rviz:=true.'
        ) from error
    shown = Path(FindPackageShare('dexgrasp_ros').perform(context)) / 'rviz' / 'dexgrasp.rviz'
    settings = yaml.safe_load(shown.read_text(encoding='utf-8'))
    for display in settings['Visualization Manager']['Displays']:
        if 'Depth Map Topic' in display:
            # image_transport finds the camera_info by the name as it stands here, without the
            # namespace of RViz's node.
            display['Depth Map Topic'] = full_name(given['depth'], given['namespace'])
        if display.get('TF Prefix'):
            # Frames are named from the root on, without a slash at the beginning.
            display['TF Prefix'] = full_name(display['TF Prefix'], given['namespace']).lstrip('/')
    with tempfile.NamedTemporaryFile(
        'w', prefix='dexgrasp_', suffix='.rviz', encoding='utf-8', delete=False
    ) as file:
        yaml.safe_dump(settings, file, sort_keys=False)
    atexit.register(Path(file.name).unlink, missing_ok=True)
    return [
        Node(
            package='rviz2',
            executable='rviz2',
            name='rviz',
            namespace=given['namespace'],
            output='screen',
            arguments=['-d', file.name, '-f', given['fixed_frame']],
            parameters=[{'use_sim_time': is_true('use_sim_time', given['use_sim_time'])}],
        )
    ]
