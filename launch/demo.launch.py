"""The whole graph without hardware: a scene file in place of a camera, and RViz on request."""

from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription
from launch.conditions import IfCondition
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare

from launch import LaunchDescription

ARGUMENTS = {
    'scene': (None, 'scene file (.npz) with depth, K and perhaps seg and rgb'),
    'rate': ('5.0', 'frames that the camera publishes each second'),
    'namespace': ('', 'namespace of all nodes'),
    'hand': ('allegro', 'name of a hand in urdf/, or path of a URDF file'),
    'device': ('auto', "device of the search: 'cpu', 'cuda', 'cuda:1' or 'auto'"),
    'segmentation': ('false', 'label what stands on the table; for a scene without seg'),
    'log_level': ('info', 'debug, info, warn, error or fatal'),
    'viewer': ('false', 'serve a web page of the graph at http://127.0.0.1:8080'),
    'rviz': ('false', 'show everything in RViz'),
}


def generate_launch_description() -> LaunchDescription:
    declared = [
        DeclareLaunchArgument(name, default_value=value, description=description)
        for name, (value, description) in ARGUMENTS.items()
    ]
    camera = Node(
        package='dexgrasp_ros',
        executable='sim_camera_node',
        name='sim_camera_node',
        namespace=LaunchConfiguration('namespace'),
        output='screen',
        parameters=[
            {
                'scene': ParameterValue(LaunchConfiguration('scene'), value_type=str),
                'rate': ParameterValue(LaunchConfiguration('rate'), value_type=float),
            }
        ],
        arguments=['--ros-args', '--log-level', LaunchConfiguration('log_level')],
    )
    grasp = include(
        'grasp.launch.py', 'namespace', 'hand', 'device', 'segmentation', 'viewer', 'log_level'
    )
    rviz = include('rviz.launch.py', 'namespace', condition='rviz')
    return LaunchDescription([*declared, camera, grasp, rviz])


def include(name: str, *arguments: str, condition: str | None = None) -> IncludeLaunchDescription:
    """Include another launch file of the package with arguments of this one."""
    path = PathJoinSubstitution([FindPackageShare('dexgrasp_ros'), 'launch', name])
    return IncludeLaunchDescription(
        PythonLaunchDescriptionSource(path),
        launch_arguments=[(argument, LaunchConfiguration(argument)) for argument in arguments],
        condition=None if condition is None else IfCondition(LaunchConfiguration(condition)),
    )
