"""Launch files name the topics of camera and robot by arguments, which become remappings."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys

import pytest
from launch_stand_ins import (
    ROOT,
    SHARE,
    Context,
    actions_of,
    all_nodes,
    file_of,
    performed,
    stand_ins,
)

from dexgrasp_ros.core.topic_arguments import (
    TOPIC_ARGUMENTS,
    argument_of,
    remappings,
    wants_tabletop,
)

GRASP = ROOT / 'launch' / 'grasp.launch.py'
EXAMPLES = sorted((ROOT / 'launch' / 'examples').glob('*.launch.py'))
# Of the launch file of each driver: package, file, and what must be so for aligned depth.
DRIVERS = {
    'azure_kinect': (
        f'{SHARE}/azure_kinect_ros_driver/launch/driver.launch.py',
        {'depth_unit': '32FC1', 'overwrite_robot_description': 'false'},
    ),
    'orbbec': (
        f'{SHARE}/orbbec_camera/launch/gemini_330_series.launch.py',
        {'depth_registration': 'true'},
    ),
    'realsense': (
        f'{SHARE}/realsense2_camera/launch/rs_launch.py',
        {'align_depth.enable': 'true', 'enable_sync': 'true'},
    ),
    'zed': (f'{SHARE}/zed_wrapper/launch/zed_camera.launch.py', {'camera_model': 'zed2i'}),
}


@pytest.fixture(autouse=True)
def launch():
    with stand_ins():
        yield


def nodes(**given: str) -> dict[str, dict]:
    """What each node of grasp.launch.py is started with."""
    return {name: node.kwargs for name, node in all_nodes(GRASP, Context(**given)).items()}


def test_without_arguments_every_node_keeps_its_names():
    assert {tuple(options['remappings']) for options in nodes().values()} == {()}


def test_an_argument_is_a_remapping_of_every_node():
    given = {
        'depth': '/camera/depth',
        'camera_info': '/camera/info',
        'rgb': 'colours',
        'segmentation': '/network/labels',
        'joint_states': '/robot/joint_states',
        'points': '/camera/points',
    }
    started = nodes(**given)
    assert 'tabletop_segmentation_node' not in started
    for options in started.values():
        assert dict(options['remappings']) == {
            'depth/image': '/camera/depth',
            'depth/camera_info': '/camera/info',
            'rgb/image': 'colours',
            'segmentation': '/network/labels',
            'joint_states': '/robot/joint_states',
            'points': '/camera/points',
        }


@pytest.mark.parametrize(
    ('value', 'is_started'), [('true', True), ('True', True), ('false', False)]
)
def test_segmentation_may_be_asked_for_in_place_of_a_topic(value, is_started):
    started = nodes(segmentation=value)
    assert ('tabletop_segmentation_node' in started) == is_started
    assert not any(options['remappings'] for options in started.values())


def test_arguments_and_own_names_belong_together():
    assert argument_of('depth/image') == 'depth' and argument_of('objects') == ''
    assert remappings({'hand': 'shadow', 'depth': '', 'rgb': 'rgb/image'}) == []
    assert wants_tabletop({'segmentation': 'TRUE'}) and not wants_tabletop({})
    assert all(len(text) > 10 for _, text in TOPIC_ARGUMENTS.values())


@pytest.mark.parametrize('path', EXAMPLES, ids=lambda p: p.name.split('.')[0])
def test_an_example_starts_the_driver_and_takes_its_topics(path):
    context = Context(hand='barrett')
    driver, _ = actions_of(path, context)
    file, settings = DRIVERS[path.name.split('.')[0]]
    assert driver.forwarding is False
    configurations = {
        name: performed(value, context) for name, value in driver.launch_configurations.items()
    }
    assert settings.items() <= configurations.items()
    # A file that requires an argument, as the ZED's does, wants it from who includes it.
    ((included,),) = driver.args
    scope = Context(**configurations)
    assert {n: performed(v, scope) for n, v in included.launch_arguments} == configurations
    assert file_of(driver.args[0][0], Context(**configurations)) == file
    assert performed(driver.condition.args[0], context) == 'true'
    # What the example declares is what the included file finds.
    started = all_nodes(path, Context(hand='barrett'))
    assert 'tabletop_segmentation_node' in started
    assert started['grasp_node'].parameters[1]['hand'].args == ('barrett',)
    for node in started.values():
        topics = dict(node.remappings)
        assert topics.keys() == {'depth/image', 'depth/camera_info', 'rgb/image'}
        assert all(name.startswith('/') for name in topics.values())
        assert (
            topics['depth/image'].rpartition('/')[0]
            == (topics['depth/camera_info'].rpartition('/')[0])
        )


def test_each_camera_has_an_example():
    assert [p.name.split('.')[0] for p in EXAMPLES] == sorted(DRIVERS)


def documented_commands() -> list[str]:
    """Each `ros2 launch` of this package that a document gives, on one line."""
    pages = [ROOT / 'README.md', *sorted((ROOT / 'docs').rglob('*.md'))]
    text = '\n'.join(p.read_text(encoding='utf-8') for p in pages).replace('\\\n', ' ')
    found = re.findall(r'ros2 launch dexgrasp_ros +([\w.]+py(?: +[\w.]+:=[^\s`]+)*)', text)
    return sorted({' '.join(command.split()) for command in found})


@pytest.mark.parametrize('command', documented_commands())
def test_a_documented_command_names_what_there_is(command, monkeypatch):
    monkeypatch.setattr('ament_index_python.packages.get_package_prefix', lambda _name: '/usr')
    file, *words = command.split()
    (path,) = (ROOT / 'launch').rglob(file)
    given = dict(word.split(':=', 1) for word in words)
    context = Context(**given)
    assert all_nodes(path, context)
    assert given.keys() <= context.declared


def test_launch_files_find_the_arguments_where_only_python_is_installed():
    """`ros2 launch` runs with the system's Python, whatever the nodes run with."""
    code = (
        'import sys\nfrom dexgrasp_ros.core.topic_arguments import remappings\n'
        'assert not {"numpy", "rclpy"} & set(sys.modules)'
    )
    subprocess.run([sys.executable, '-S', '-c', code], check=True, env={'PYTHONPATH': str(ROOT)})


@pytest.mark.parametrize('path', [GRASP, *EXAMPLES], ids=lambda p: p.name)
def test_launch_itself_reads_the_file(path, monkeypatch):
    for name in [n for n in sys.modules if n.partition('.')[0] in ('launch', 'launch_ros')]:
        monkeypatch.delitem(sys.modules, name)
    pytest.importorskip('launch_ros')
    spec = importlib.util.spec_from_file_location('launch_file', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    declared = {a.name for a in module.generate_launch_description().get_launch_arguments()}
    assert {'depth', 'camera_info', 'rgb', 'segmentation'} <= declared
