"""What launch files make of their arguments, with stand-ins for the classes of launch."""

from __future__ import annotations

import signal
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import Mock

import pytest

pytest.importorskip('rclpy')

import rclpy
import yaml
from launch_stand_ins import ROOT, launched, nodes_of, of_kind, ros_arguments
from rclpy.context import Context

from dexgrasp_ros.bridge.diagnostics import ERROR, OK, WARN
from dexgrasp_ros.core.errors import DexGraspError, ErrorCode
from dexgrasp_ros.core.topic_arguments import remappings
from dexgrasp_ros.nodes.launching import ProcessWatch
from dexgrasp_ros.nodes.simulation import sim_camera_node
from dexgrasp_ros.nodes.simulation.parameters import SimCameraParameters

_ = launched  # a fixture


def as_ros_has_it(domain, node, folder):
    """Parameters of a node of a launch file, by what launch_ros makes of them and rcl reads."""
    context = Context()
    rclpy.init(args=ros_arguments(node, folder), context=context, domain_id=domain)
    made = rclpy.create_node(
        node.name, context=context, automatically_declare_parameters_from_overrides=True
    )
    values = {name: p.value for name, p in made.get_parameters_by_prefix('').items()}
    made.destroy_node()
    context.shutdown()
    return values


@pytest.mark.parametrize('section', ['/**', '/**/grasp_node', '/robot/grasp_node'])
def test_a_parameter_file_wins_over_arguments_that_were_not_given(
    launched, ros_domain, tmp_path, section
):
    path = tmp_path / 'mine.yaml'
    own = {'hand': 'barrett', 'lift_height': 0.2, 'synthesis.device': 'cpu'}
    path.write_text(yaml.safe_dump({section: {'ros__parameters': own}}))
    file = {'params_file': str(path), 'namespace': 'robot'}
    nodes = nodes_of(launched('grasp', **file))
    values = as_ros_has_it(ros_domain, nodes['grasp_node'], tmp_path)
    assert (values['hand'], values['lift_height']) == ('barrett', 0.2)
    assert values['synthesis.device'] == 'cpu' and values['autostart'] is True
    # What is given wins; so does the file over what the closed loop has.
    nodes = nodes_of(launched('grasp', hand='shadow', closed_loop='true', **file))
    values = as_ros_has_it(ros_domain, nodes['grasp_node'], tmp_path)
    assert (values['hand'], values['lift_height']) == ('shadow', 0.2)
    assert values['reference_frame'] == 'world'


def test_a_file_that_is_none_stops_the_launch(launched, tmp_path):
    with pytest.raises(DexGraspError) as caught:
        launched('grasp', params_file=str(tmp_path / 'none.yaml'))
    assert caught.value.code == ErrorCode.FILE_NOT_FOUND
    path = tmp_path / 'mine.yaml'
    for text in ('[1, 2', 'hand: barrett', ''):
        path.write_text(text)
        with pytest.raises(DexGraspError, match=r'mine\.yaml'):
            launched('grasp', params_file=str(path))


@pytest.mark.parametrize(
    ('section', 'namespace', 'fits'),
    [
        ('grasp_node', '', True),
        ('/**/grasp_node', 'left/arm', True),
        ('left:\n  grasp_node', 'left', True),
        ('/*/grasp_node', 'left', True),
        ('grasp_node', 'left', False),
        ('/*/grasp_node', 'left/arm', False),
        ('grasp_nod', '', False),
    ],
)
def test_sections_for_no_node_are_told(launched, tmp_path, section, namespace, fits):
    path = tmp_path / 'mine.yaml'
    indent = ' ' * (4 if '\n' in section else 2)
    path.write_text(f'{section}:\n{indent}ros__parameters: {{hand: barrett}}\n')
    told = of_kind(launched('grasp', params_file=str(path), namespace=namespace), 'LogInfo')
    assert len(told) == (0 if fits else 1)
    if told:
        assert section in told[0].msg and 'grasp_node' in told[0].msg


def test_only_what_is_given_becomes_a_parameter(launched):
    plain = nodes_of(launched('grasp'))
    assert set(plain) == {'reconstruction_node', 'grasp_node', 'hand_command_node'}
    for name, node in plain.items():
        assert node.parameters == [str(ROOT / 'config' / f'{name}.yaml')]
    more = nodes_of(
        launched(
            'grasp',
            viewer='true',
            planning_scene='true',
            grasp_planning='true',
            hand='barrett',
            use_sim_time='true',
            controller='hand_controller',
            command_enabled='false',
        )
    )
    assert set(more) - set(plain) == {'viewer_node', 'planning_scene_node', 'grasp_planning_node'}
    own = {name: node.parameters[-1] for name, node in more.items()}
    assert own['reconstruction_node'] == own['grasp_planning_node'] == {'use_sim_time': True}
    assert own['viewer_node']['hand'].args == ('barrett',)
    assert own['hand_command_node']['controller'].args == ('hand_controller',)
    assert own['hand_command_node']['command_enabled'] is False
    assert type(more['grasp_planning_node']).__name__ == 'Node'  # it has no life cycle


def test_an_argument_that_is_neither_true_nor_false_is_refused(launched):
    for argument in ('viewer', 'command_enabled', 'respawn'):
        with pytest.raises(ValueError, match=f"'{argument}' is 'yes'; expected true or false"):
            launched('grasp', **{argument: 'yes'})


def test_the_demo_needs_no_arguments(launched, monkeypatch):
    actions = launched('demo')
    (camera,) = nodes_of(actions).values()
    assert camera.name == 'sim_camera_node' and camera.parameters[-1]['scene'].args == ('demo',)
    (grasp,) = of_kind(actions, 'IncludeLaunchDescription')
    assert grasp.args[0].args[0].endswith('launch/grasp.launch.py')
    given = dict(grasp.launch_arguments)
    assert given['hand'] == given['use_sim_time'] == given['command_enabled'] == ''
    rendered = Mock()
    monkeypatch.setattr(sim_camera_node, 'make_demo_scene', rendered)
    # It takes seconds: not to see whether there is one, only to show it.
    sim_camera_node._check_change(SimCameraParameters(), SimCameraParameters(scene='demo'))
    assert not rendered.called
    assert sim_camera_node._scene('demo') is rendered.return_value


def test_the_demo_refuses_a_parameter_file_before_anything_starts(launched, tmp_path):
    with pytest.raises(DexGraspError, match='none'):
        launched('demo', params_file=str(tmp_path / 'none.yaml'))
    path = tmp_path / 'mine.yaml'
    path.write_text('sim_camera_node:\n  ros__parameters: {rate: 2.0}\n')
    (grasp,) = of_kind(launched('demo', params_file=str(path)), 'IncludeLaunchDescription')
    given = {n: v for n, v in grasp.launch_arguments if n in ('params_file', 'beside')}
    assert not of_kind(launched('grasp', **given), 'LogInfo')
    assert of_kind(launched('grasp', params_file=str(path)), 'LogInfo')


def test_topics_of_the_demo_are_named_by_the_same_arguments(launched):
    actions = launched('demo', depth='/camera/depth', joint_states='states', rviz='true')
    (camera,) = nodes_of(actions).values()
    pairs = [('depth/image', '/camera/depth'), ('joint_states', 'states')]
    assert camera.remappings == pairs
    rviz, grasp = (dict(i.launch_arguments) for i in of_kind(actions, 'IncludeLaunchDescription'))
    assert rviz['depth'] == grasp['depth'] == '/camera/depth'
    assert remappings(grasp) == pairs


def test_the_closed_loop_has_one_hand_and_one_clock(launched, ros_domain, tmp_path):
    nodes = nodes_of(launched('demo', closed_loop='true', namespace='robot'))
    values = {name: as_ros_has_it(ros_domain, node, tmp_path) for name, node in nodes.items()}
    assert {v['hand'] for v in values.values()} == {'allegro'}
    assert all(v['use_sim_time'] for v in values.values())
    assert values['sim_camera_node']['scene'] == '' and values['sim_camera_node']['rate'] == 1.0
    actions = launched('demo', closed_loop='true', hand='barrett', rate='3')
    for node in nodes_of(actions).values():
        assert node.parameters[-1]['hand'].args == ('barrett',)
    (grasp,) = of_kind(actions, 'IncludeLaunchDescription')
    given = dict(grasp.launch_arguments)
    assert (given['closed_loop'], given['hand'], given['use_sim_time']) == (
        'true',
        'barrett',
        'true',
    )
    assert given['command_enabled'] == 'true'


def test_parameters_of_a_simulated_robot_let_no_command_leave(launched, ros_domain, tmp_path):
    nodes = nodes_of(launched('grasp', closed_loop='true'))
    values = as_ros_has_it(ros_domain, nodes['hand_command_node'], tmp_path)
    assert values['command_enabled'] is False and values['max_effort'] == 4.0


def test_rviz_comes_before_what_it_shows_and_says_where_it_is_missing(
    launched, monkeypatch, tmp_path
):
    actions = launched('demo', rviz='true')
    first = actions[0]
    assert first.args[0].args[0].endswith('launch/rviz.launch.py')
    monkeypatch.setenv('AMENT_PREFIX_PATH', str(tmp_path))
    with pytest.raises(RuntimeError, match=r'apt install ros-\$ROS_DISTRO-rviz2'):
        launched('rviz')


@pytest.mark.parametrize(
    ('depth', 'expected'),
    [('depth/image', '/left/arm/depth/image'), ('/camera/depth', '/camera/depth')],
)
def test_rviz_finds_the_depth_image_in_a_namespace(launched, monkeypatch, depth, expected):
    monkeypatch.setattr('ament_index_python.packages.get_package_prefix', lambda _name: '/usr')
    at_end = []
    monkeypatch.setattr('atexit.register', lambda *do, **how: at_end.append((do, how)))
    (rviz,) = launched('rviz', namespace='left/arm', depth=depth)
    _, file, *_ = rviz.arguments
    with open(file, encoding='utf-8') as made:
        displays = yaml.safe_load(made)['Visualization Manager']['Displays']
    assert [d['Depth Map Topic'] for d in displays if 'Depth Map Topic' in d] == [expected]
    assert [d['TF Prefix'] for d in displays if 'TF Prefix' in d] == ['', 'left/arm/planned']
    assert rviz.namespace == 'left/arm' and rviz.parameters == [{'use_sim_time': False}]
    for (remove, *given), how in at_end:
        remove(*given, **how)
    assert not Path(file).exists()


def test_nodes_are_started_again_and_end_with_launch(launched, monkeypatch):
    monkeypatch.setattr('shutil.which', lambda name: f'/usr/bin/{name}')
    for name in ('grasp', 'demo'):
        for node in nodes_of(launched(name)).values():
            assert node.exec_name == node.name
            assert node.respawn is True and node.respawn_delay > 0
            assert node.prefix == 'setsid setpriv --pdeathsig TERM'
        for node in nodes_of(launched(name, respawn='false')).values():
            assert node.respawn is False
    monkeypatch.setattr('shutil.which', lambda name: None)
    assert all(node.prefix == '' for node in nodes_of(launched('grasp')).values())


def test_the_death_of_a_node_is_told(launched):
    grasp, hand = object(), object()
    nodes = {'grasp_node': grasp, 'hand_command_node': hand}
    watch = ProcessWatch(nodes, respawn=True, component='processes')
    handlers = [a.args[0] for a in of_kind(watch.actions(), 'RegisterEventHandler')]
    starts, ends = (
        {h.target_action: h for h in of_kind(handlers, kind)}
        for kind in ('OnProcessStart', 'OnProcessExit')
    )
    running = SimpleNamespace(is_shutdown=False)
    assert watch.report()[0] == OK
    (told,) = ends[grasp].on_exit(SimpleNamespace(returncode=-9), running)
    assert told.msg == "'grasp_node' has died with exit code -9; it is started again."
    level, text, values = watch.report()
    assert level == ERROR and 'grasp_node' in text and 'hand_command' not in text
    assert values['hand_command_node'] == 'runs'
    starts[grasp].on_start(None, running)
    level, _, values = watch.report()
    assert level == WARN and values['grasp_node'] == 'runs' and values['grasp_node deaths'] == 1
    # Launch takes whatever else comes back for something to do.
    ends[hand].on_exit(SimpleNamespace(returncode=0), running)
    assert starts[hand].on_start(None, running) is None
    # An end that was asked for is none.
    assert not ends[hand].on_exit(SimpleNamespace(returncode=0), SimpleNamespace(is_shutdown=True))


def test_ctrl_c_is_handed_on_once(launched, monkeypatch):
    monkeypatch.setattr('shutil.which', lambda name: f'/usr/bin/{name}')
    mine, other = object(), object()
    watch = ProcessWatch({'grasp_node': mine}, respawn=True, component='processes')
    handlers = [a.args[0] for a in of_kind(watch.actions(), 'RegisterEventHandler')]
    (end,) = of_kind(handlers, 'OnShutdown')
    (sent,) = end.on_shutdown(SimpleNamespace(due_to_sigint=True), None)
    assert sent.event.signal_number == signal.SIGINT
    assert sent.event.process_matcher(mine) and not sent.event.process_matcher(other)
    # For every other reason launch itself tells its processes.
    assert not end.on_shutdown(SimpleNamespace(due_to_sigint=False), None)
    monkeypatch.setattr('shutil.which', lambda name: None)
    assert not end.on_shutdown(SimpleNamespace(due_to_sigint=True), None)
