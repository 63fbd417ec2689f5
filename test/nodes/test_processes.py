"""How nodes start and end as processes, and what they are told when they start."""

from __future__ import annotations

import configparser
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip('rclpy')

from rcl_interfaces.srv import GetParameters
from sensor_msgs.msg import Image

from dexgrasp_ros.bridge.client import GraspClient
from dexgrasp_ros.bridge.qos import sensor_data
from dexgrasp_ros.nodes.child import MODULES
from dexgrasp_ros.nodes.graph import start_graph
from dexgrasp_ros.nodes.parameter_documents import NODE_PARAMETERS


def test_each_executable_can_be_a_child_and_has_documents():
    config = configparser.ConfigParser()
    config.read(Path(__file__).parents[2] / 'setup.cfg')
    lines = config['options.entry_points']['console_scripts'].strip().splitlines()
    executables = dict(line.split(' = ') for line in lines)
    del executables['dexgrasp']
    assert executables == {n: f'dexgrasp_ros.nodes.{m}:main' for n, m in MODULES.items()}
    assert NODE_PARAMETERS.keys() == MODULES.keys()


def test_nodes_that_cannot_start_say_why_and_end(ros_domain):
    lines = []
    wrong = {'grasp_node': {'synthesis.seed_count': -3}}
    with start_graph(nodes=['grasp_node'], parameters=wrong, log=lines.append) as processes:
        assert processes['grasp_node'].wait(60) == 1
    assert any('seed_count' in line for line in lines)


def test_nodes_end_when_their_parent_is_killed(scene, ros_domain):
    script = (
        'import sys, time\n'
        'from dexgrasp_ros.nodes.graph import start_graph\n'
        'with start_graph(scene=sys.argv[1], nodes=["sim_camera_node"]) as processes:\n'
        '    print(*[p.pid for p in processes.values()], flush=True)\n'
        '    time.sleep(600)\n'
    )
    parent = subprocess.Popen(
        [sys.executable, '-c', script, str(scene)], stdout=subprocess.PIPE, text=True
    )
    children = [int(pid) for pid in parent.stdout.readline().split()]
    assert children
    parent.kill()
    parent.wait()
    parent.stdout.close()
    wait_for(lambda: not any(is_alive(pid) for pid in children))


def test_two_graphs_in_two_namespaces_do_not_hear_each_other(scene, ros_domain):
    with (
        start_graph(scene=scene, namespace='left', nodes=['sim_camera_node'], log=print),
        GraspClient(namespace='right') as client,
    ):
        seen = []
        client.node.create_subscription(Image, 'depth/image', seen.append, sensor_data())
        heard = []
        client.node.create_subscription(Image, '/left/depth/image', heard.append, sensor_data())
        wait_for(lambda: len(heard) > 2)
        assert not seen


def test_texts_arrive_as_they_are(ros_domain):
    """A description has many lines, which YAML would fold in single quotes."""
    texts = {
        'robot_description': '<robot name="r">\n\n  <link name=\'a\'/>\n</robot>\n',
        'hand_overrides': '0815',
        'mesh_folder': 'C:\\tmp: äöü…',
    }
    parameters = {'hand_command_node': {'autostart': False, **texts}}
    with (
        start_graph(nodes=['hand_command_node'], parameters=parameters, log=print),
        GraspClient() as client,
    ):
        service = client.node.create_client(GetParameters, '/hand_command_node/get_parameters')
        assert service.wait_for_service(60)
        future = service.call_async(GetParameters.Request(names=list(texts)))
        wait_for(future.done)
        assert [v.string_value for v in future.result().values] == list(texts.values())


def is_alive(pid):
    try:
        state = Path(f'/proc/{pid}/stat').read_text().rsplit(')', 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != 'Z'


def wait_for(condition, timeout=60.0):
    until = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)
