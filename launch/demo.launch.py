"""The whole graph without hardware, and RViz on request.

A scene takes the place of a camera, by default one that the package renders itself; or, with
closed_loop:=true, MuJoCo that of camera and hand.
"""

from pathlib import Path

from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription, OpaqueFunction
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import LifecycleNode, Node
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare

from dexgrasp_ros.core.parameter_files import check_parameter_file
from dexgrasp_ros.core.topic_arguments import TOPIC_ARGUMENTS, remappings
from dexgrasp_ros.nodes.launching import ProcessWatch, is_true, node_process
from launch import Action, LaunchContext, LaunchDescription

ARGUMENTS = {
    'scene': ('demo', "scene file (.npz), or 'demo', which is rendered; not for closed_loop"),
    'closed_loop': ('false', 'simulate hand, table and objects; execute_grasp moves the hand'),
    'objects': ('', "with closed_loop: meshes on the table, commas between; empty: the package's"),
    'clear_table': ('false', 'with closed_loop: a heap of objects, and clear_table to clear it'),
    'rate': ('', 'frames that the camera publishes each second; empty: as config/ has it'),
    'namespace': ('', 'namespace of all nodes'),
    'params_file': ('', 'YAML file with parameters; arguments that are given win over it'),
    'hand': ('', 'hand in urdf/, or path of a URDF; empty: as params_file, else allegro'),
    'device': ('', "of the search: 'cpu', 'cuda', 'cuda:1' or 'auto'; else auto"),
    'log_level': ('info', 'debug, info, warn, error or fatal'),
    'respawn': ('true', 'start a node again that has died'),
    'viewer': ('false', 'serve a web page of the graph at http://127.0.0.1:8080'),
    'rviz': ('false', 'show everything in RViz'),
}
# What grasp.launch.py is told as it was told here.
PASSED_ON = (
    *('namespace', 'params_file', 'closed_loop', 'hand', 'device', 'log_level'),
    *('respawn', 'viewer', 'clear_table'),
    *TOPIC_ARGUMENTS,
)


def generate_launch_description() -> LaunchDescription:
    declared = [
        DeclareLaunchArgument(name, default_value=value, description=description)
        for name, (value, description) in {**ARGUMENTS, **TOPIC_ARGUMENTS}.items()
    ]
    return LaunchDescription([*declared, OpaqueFunction(function=make_graph)])


def make_graph(context: LaunchContext) -> list[Action]:
    """Make the simulated nodes and include the others, once the arguments are known as text."""
    given = {
        name: LaunchConfiguration(name).perform(context) for name in (*ARGUMENTS, *TOPIC_ARGUMENTS)
    }
    closed_loop = is_true('closed_loop', given['closed_loop'])
    respawn = is_true('respawn', given['respawn'])
    share = Path(FindPackageShare('dexgrasp_ros').perform(context))
    camera = {'scene': text('' if closed_loop else given['scene'])}
    if given['rate']:
        camera['rate'] = float(given['rate'])
    own = {'sim_camera_node': camera}
    if closed_loop:
        own['sim_hand_node'] = {'objects': text(given['objects'])}
        if is_true('clear_table', given['clear_table']):
            own['sim_hand_node'] |= {'heaped': True, 'object_count': 4}
        for values in own.values():
            values.update({'hand': text(given['hand'])} if given['hand'] else {})
            values['use_sim_time'] = True
    if given['params_file']:
        # Before anything starts. Whether it is for nodes that there are, grasp.launch.py tells.
        check_parameter_file(given['params_file'], list(own))
    processes = {
        name: node_process(
            LifecycleNode if name == 'sim_hand_node' else Node,
            name,
            log_level=given['log_level'],
            respawn=respawn,
            namespace=given['namespace'],
            parameters=[*files(share / 'config', name, closed_loop, given), values],
            remappings=remappings(given),
        )
        for name, values in own.items()
    }
    watch = ProcessWatch(
        processes, respawn=respawn, component=f'simulation {given["namespace"]}'.strip()
    )
    grasp = {name: given[name] for name in PASSED_ON} | {'beside': ' '.join(processes)}
    # Said in any case: what stands around this file is found there as well, and only a simulated
    # hand is this demo's to move.
    grasp['use_sim_time'] = grasp['command_enabled'] = 'true' if closed_loop else ''
    rviz = {
        'namespace': given['namespace'],
        'use_sim_time': str(closed_loop).lower(),
        'depth': given['depth'],
    }
    # RViz first: where it is missing, nothing else has been started.
    shown = [include(share, 'rviz.launch.py', rviz)] if is_true('rviz', given['rviz']) else []
    return [
        *shown,
        *watch.actions(),
        *processes.values(),
        include(share, 'grasp.launch.py', grasp),
    ]


def files(config: Path, node: str, closed_loop: bool, given: dict[str, str]) -> list[str]:
    """Parameter files of a simulated node; later ones win."""
    simulated = config / 'closed_loop' / f'{node}.yaml'
    found = [config / f'{node}.yaml', *([simulated] if closed_loop else [])]
    own = [given['params_file']] if given['params_file'] else []
    return [*(str(path) for path in found if path.is_file()), *own]


def text(value: str) -> ParameterValue:
    """Return a parameter that is text, whatever it looks like."""
    return ParameterValue(value, value_type=str)


def include(share: Path, name: str, arguments: dict[str, str]) -> IncludeLaunchDescription:
    """Include another launch file of the package."""
    return IncludeLaunchDescription(
        PythonLaunchDescriptionSource(str(share / 'launch' / name)),
        launch_arguments=list(arguments.items()),
    )
