"""RViz with the depth cloud, the objects and the grasps."""

from launch.actions import DeclareLaunchArgument
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.substitutions import FindPackageShare

from launch import LaunchDescription

ARGUMENTS = {
    'namespace': ('', 'namespace of the nodes that are shown'),
    'use_sim_time': ('false', 'take the time from /clock'),
    'fixed_frame': ('camera_depth_optical_frame', 'frame that everything is shown in'),
}


def generate_launch_description() -> LaunchDescription:
    declared = [
        DeclareLaunchArgument(name, default_value=value, description=description)
        for name, (value, description) in ARGUMENTS.items()
    ]
    config = PathJoinSubstitution([FindPackageShare('dexgrasp_ros'), 'rviz', 'dexgrasp.rviz'])
    rviz = Node(
        package='rviz2',
        executable='rviz2',
        name='rviz',
        namespace=LaunchConfiguration('namespace'),
        arguments=['-d', config, '-f', LaunchConfiguration('fixed_frame')],
        parameters=[{'use_sim_time': LaunchConfiguration('use_sim_time')}],
    )
    return LaunchDescription([*declared, rviz])
