"""The whole graph without hardware, and RViz on request.

A scene file takes the place of a camera, or, with closed_loop:=true, MuJoCo that of camera and
hand.
"""

from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription
from launch.conditions import IfCondition, UnlessCondition
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import IfElseSubstitution, LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare

from launch import Condition, LaunchDescription

ARGUMENTS = {
    'scene': ('', 'scene file (.npz) with depth, K and perhaps seg and rgb; not for closed_loop'),
    'closed_loop': ('false', 'simulate hand, table and objects; execute_grasp moves the hand'),
    'objects': ('', "with closed_loop: meshes on the table, commas between; empty: the package's"),
    'rate': ('5.0', 'frames of the scene that the camera publishes each second'),
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
    closed_loop = LaunchConfiguration('closed_loop')
    settings = PathJoinSubstitution(
        [FindPackageShare('dexgrasp_ros'), 'config', 'closed_loop.yaml']
    )
    hand = {'hand': text('hand'), 'use_sim_time': True}
    replayed = node(
        'sim_camera_node',
        {
            'scene': text('scene'),
            'rate': ParameterValue(LaunchConfiguration('rate'), value_type=float),
        },
        condition=UnlessCondition(closed_loop),
    )
    simulated = [
        node(
            'sim_hand_node',
            {**hand, 'objects': text('objects')},
            condition=IfCondition(closed_loop),
        ),
        node('sim_camera_node', hand, settings, condition=IfCondition(closed_loop)),
    ]
    grasp = include(
        'grasp.launch.py',
        *('namespace', 'hand', 'device', 'segmentation', 'viewer', 'log_level'),
        use_sim_time=closed_loop,
        command_enabled=closed_loop,
        params_file=IfElseSubstitution(closed_loop, settings, ''),
    )
    rviz = include('rviz.launch.py', 'namespace', condition='rviz')
    return LaunchDescription([*declared, replayed, *simulated, grasp, rviz])


def text(argument: str) -> ParameterValue:
    """Return an argument as a parameter that is text, whatever it looks like."""
    return ParameterValue(LaunchConfiguration(argument), value_type=str)


def node(name: str, *parameters: object, condition: Condition) -> Node:
    """Make a node of the package, in the namespace."""
    return Node(
        package='dexgrasp_ros',
        executable=name,
        name=name,
        namespace=LaunchConfiguration('namespace'),
        output='screen',
        parameters=list(parameters),
        arguments=['--ros-args', '--log-level', LaunchConfiguration('log_level')],
        condition=condition,
    )


def include(
    name: str, *arguments: str, condition: str | None = None, **values: object
) -> IncludeLaunchDescription:
    """Include another launch file with arguments of this one, and others with `values`."""
    path = PathJoinSubstitution([FindPackageShare('dexgrasp_ros'), 'launch', name])
    given = {argument: LaunchConfiguration(argument) for argument in arguments}
    return IncludeLaunchDescription(
        PythonLaunchDescriptionSource(path),
        launch_arguments=[*given.items(), *values.items()],
        condition=None if condition is None else IfCondition(LaunchConfiguration(condition)),
    )
