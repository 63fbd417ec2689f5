"""The nodes that find grasps: segmentation on request, reconstruction, search, hand commands."""

from pathlib import Path

from launch.actions import DeclareLaunchArgument, LogInfo, OpaqueFunction
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import LifecycleNode, Node
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare

from dexgrasp_ros.core.parameter_files import check_parameter_file
from dexgrasp_ros.core.topic_arguments import (
    TOPIC_ARGUMENTS,
    full_name,
    remappings,
    wants_tabletop,
)
from dexgrasp_ros.nodes.launching import ANY_AGE, ProcessWatch, is_true, node_process
from launch import Action, LaunchContext, LaunchDescription

ARGUMENTS = {
    'namespace': ('', 'namespace of all nodes'),
    'params_file': ('', 'YAML file with parameters; arguments that are given win over it'),
    'beside': ('', 'nodes of another launch file that params_file is for as well'),
    'closed_loop': ('false', 'parameters for a simulated robot, of config/closed_loop'),
    'log_level': ('info', 'debug, info, warn, error or fatal'),
    'respawn': ('true', 'start a node again that has died'),
    'viewer': ('false', 'serve a web page of the graph at http://127.0.0.1:8080'),
    'clear_table': ('false', 'serve clear_table: attempt after attempt until the table is empty'),
    'planning_scene': ('false', 'tell MoveIt what stands there; needs moveit_msgs'),
    'grasp_planning': ('false', 'serve plan_grasps; needs grasping_msgs and moveit_msgs'),
    # Parameters. Empty: as the parameter files have them.
    'use_sim_time': ('', 'take the time from /clock; empty: as params_file, else false'),
    'autostart': ('', 'bring nodes up, or leave it to others; empty: as params_file, else true'),
    'hand': ('', 'hand in urdf/, or path of a URDF; empty: as params_file, else allegro'),
    'hand_root_link': ('', 'link of robot_description below which the hand is'),
    'check_reachability': ('', 'drop grasps that the arm does not reach; else false'),
    'device': ('', "of the search: 'cpu', 'cuda', 'cuda:1' or 'auto'; else auto"),
    'command_enabled': ('', 'let commands leave: goals move the robot; else false'),
    'controller': ('', "name of the fingers' controller, before that of its topic or action"),
    'controller_interface': ('', 'topic, follow_joint_trajectory or a gripper command'),
}
# By argument: name and type of the parameter, and the nodes that have it.
_HANDS = ('grasp_node', 'hand_command_node', 'viewer_node')
_ALL = (
    'reconstruction_node',
    'clear_table_node',
    'tabletop_segmentation_node',
    'planning_scene_node',
    *_HANDS,
)
PARAMETERS = {
    'use_sim_time': ('use_sim_time', bool, (*_ALL, 'grasp_planning_node')),
    'autostart': ('autostart', bool, _ALL),
    'hand': ('hand', str, _HANDS),
    'hand_root_link': ('hand_root_link', str, ('grasp_node', 'hand_command_node')),
    'check_reachability': ('check_reachability', bool, ('grasp_node',)),
    'device': ('synthesis.device', str, ('grasp_node',)),
    'command_enabled': ('command_enabled', bool, ('hand_command_node',)),
    'controller': ('controller', str, ('hand_command_node',)),
    'controller_interface': ('controller_interface', str, ('hand_command_node',)),
}
# Nodes that an argument starts.
ON_REQUEST = {
    'viewer': 'viewer_node',
    'clear_table': 'clear_table_node',
    'planning_scene': 'planning_scene_node',
    'grasp_planning': 'grasp_planning_node',
}


def generate_launch_description() -> LaunchDescription:
    declared = [
        DeclareLaunchArgument(name, default_value=value, description=description)
        for name, (value, description) in {**ARGUMENTS, **TOPIC_ARGUMENTS}.items()
    ]
    return LaunchDescription([*declared, OpaqueFunction(function=make_nodes)])


def make_nodes(context: LaunchContext) -> list[Action]:
    """Make the nodes, once the arguments are known as text."""
    given = {
        name: LaunchConfiguration(name).perform(context) for name in (*ARGUMENTS, *TOPIC_ARGUMENTS)
    }
    wanted = ['reconstruction_node', 'grasp_node', 'hand_command_node']
    wanted += [node for name, node in ON_REQUEST.items() if is_true(name, given[name])]
    if wants_tabletop(given):
        wanted.append('tabletop_segmentation_node')
    respawn = is_true('respawn', given['respawn'])
    warning = ''
    if given['params_file']:
        meant = [full_name(n, given['namespace']) for n in (*wanted, *given['beside'].split())]
        warning = check_parameter_file(given['params_file'], meant)
    config = Path(FindPackageShare('dexgrasp_ros').perform(context)) / 'config'
    processes = {
        name: node_process(
            Node if name == 'grasp_planning_node' else LifecycleNode,
            name,
            log_level=given['log_level'],
            respawn=respawn,
            namespace=given['namespace'],
            parameters=parameters(name, given, config),
            remappings=remappings(given),
        )
        for name in wanted
    }
    told = [LogInfo(msg=warning)] if warning else []
    watch = ProcessWatch(
        processes, respawn=respawn, component=f'processes {given["namespace"]}'.strip()
    )
    return [*told, *watch.actions(), *processes.values()]


def parameters(node: str, given: dict[str, str], config: Path) -> list[object]:
    """Parameters of a node; later ones win.

    ROS takes sections in the order in which their names first came, and all files of the package
    are for ``/**``: so whatever section a user's file has, it is not before these.
    """
    files = [str(config / f'{node}.yaml')]
    simulated = config / 'closed_loop' / f'{node}.yaml'
    if is_true('closed_loop', given['closed_loop']) and simulated.is_file():
        files.append(str(simulated))
    if given['params_file']:
        files.append(given['params_file'])
    own = {
        name: ParameterValue(given[argument], value_type=str)
        if kind is str
        else is_true(argument, given[argument])
        for argument, (name, kind, nodes) in PARAMETERS.items()
        if node in nodes and given[argument]
    }
    if node == 'grasp_node' and is_true('clear_table', given['clear_table']):
        own['object_max_age'] = ANY_AGE
    return [*files, own] if own else files
