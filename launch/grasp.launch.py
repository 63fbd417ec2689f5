"""The nodes that find grasps: segmentation on request, reconstruction, search, hand commands."""

from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import LifecycleNode
from launch_ros.substitutions import FindPackageShare

from dexgrasp_ros.core.topic_arguments import TOPIC_ARGUMENTS, remappings, wants_tabletop
from launch import LaunchContext, LaunchDescription

ARGUMENTS = {
    'namespace': ('', 'namespace of all nodes'),
    'use_sim_time': ('false', 'take the time from /clock'),
    'params_file': ('', 'YAML file with parameters that win over all others'),
    'autostart': ('true', 'configure and activate the nodes; false: somebody else will'),
    'log_level': ('info', 'debug, info, warn, error or fatal'),
    'hand': ('allegro', 'name of a hand in urdf/, or path of a URDF file'),
    'hand_root_link': ('', 'link of robot_description below which the hand is'),
    'check_reachability': ('false', 'drop grasps that the arm does not reach'),
    'device': ('auto', "device of the search: 'cpu', 'cuda', 'cuda:1' or 'auto'"),
    'viewer': ('false', 'serve a web page of the graph at http://127.0.0.1:8080'),
    'command_enabled': (
        'false',
        'let commands leave: goals of execute_grasp move the robot',
    ),
}


def generate_launch_description() -> LaunchDescription:
    declared = [
        DeclareLaunchArgument(name, default_value=value, description=description)
        for name, (value, description) in {**ARGUMENTS, **TOPIC_ARGUMENTS}.items()
    ]
    return LaunchDescription([*declared, OpaqueFunction(function=make_nodes)])


def make_nodes(context: LaunchContext) -> list[LifecycleNode]:
    """Make the nodes, once the arguments are known as text."""
    given = {
        name: LaunchConfiguration(name).perform(context) for name in (*ARGUMENTS, *TOPIC_ARGUMENTS)
    }
    share = FindPackageShare('dexgrasp_ros').perform(context)
    shared = {name: is_true(name, given[name]) for name in ('use_sim_time', 'autostart')}
    own = {
        'reconstruction_node': {},
        'grasp_node': {
            'hand': given['hand'],
            'hand_root_link': given['hand_root_link'],
            'check_reachability': is_true('check_reachability', given['check_reachability']),
            'synthesis.device': given['device'],
        },
        'hand_command_node': {
            'hand': given['hand'],
            'hand_root_link': given['hand_root_link'],
            'command_enabled': is_true('command_enabled', given['command_enabled']),
        },
    }
    if wants_tabletop(given):
        own['tabletop_segmentation_node'] = {}
    if is_true('viewer', given['viewer']):
        own['viewer_node'] = {'hand': given['hand']}
    # Later entries win.
    last = [given['params_file']] if given['params_file'] else []
    return [
        LifecycleNode(
            package='dexgrasp_ros',
            executable=name,
            name=name,
            namespace=given['namespace'],
            output='screen',
            parameters=[f'{share}/config/{name}.yaml', {**shared, **parameters}, *last],
            remappings=remappings(given),
            arguments=['--ros-args', '--log-level', given['log_level']],
        )
        for name, parameters in own.items()
    ]


def is_true(name: str, text: str) -> bool:
    """Return the truth of a launch argument, which is always text."""
    if text.lower() not in ('true', 'false'):
        raise ValueError(f"Launch argument '{name}' is '{text}'; expected true or false.")
    return text.lower() == 'true'
