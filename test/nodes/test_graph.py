"""The whole graph over real DDS, and how its processes start and end."""

from __future__ import annotations

import configparser
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip('rclpy')

from action_msgs.msg import GoalStatus
from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from rcl_interfaces.srv import GetParameters, SetParameters
from sensor_msgs.msg import CameraInfo, Image

from dexgrasp_msgs.action import SynthesizeGrasps
from dexgrasp_ros.bridge.camera import depth_frame
from dexgrasp_ros.bridge.client import GraspClient
from dexgrasp_ros.bridge.qos import sensor_data
from dexgrasp_ros.bridge.transforms import transform_listener
from dexgrasp_ros.core.errors import ErrorCode
from dexgrasp_ros.core.poses import matrix_to_pose, pose_to_matrix
from dexgrasp_ros.nodes.child import MODULES
from dexgrasp_ros.nodes.graph import start_graph
from dexgrasp_ros.nodes.parameter_documents import NODE_PARAMETERS

LABEL = 5
SEARCH = {'synthesis.seed_count': 16, 'synthesis.iterations': 60}
OTHER_PROCESS = Path(__file__).parent / 'other_process.py'


def test_another_process_does_it_all_through_the_action_only(scene, ros_domain):
    with start_graph(scene=scene, parameters={'grasp_node': SEARCH}, log=print):
        # A plain rclpy client that knows the interfaces and nothing else of the package.
        done = subprocess.run(
            [sys.executable, str(OTHER_PROCESS), str(LABEL)],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            timeout=300,
        )
        lines = dict(line.split('=', 1) for line in done.stdout.splitlines() if '=' in line)
        assert int(lines['status']) == GoalStatus.STATUS_SUCCEEDED
        assert int(lines['grasps']) >= 1
        assert lines['frame'] == 'world'
        # In the world frame of the scene the box stands at the origin and is 10 cm high.
        assert all(abs(float(v)) < 0.2 for v in lines['position'].split())
        assert lines['label'] == str(LABEL)
        assert float(lines['lift']) == pytest.approx(0.1, abs=0.005)
        assert {'reconstruct', 'optimize'} <= set(lines['phases'].split())

        with GraspClient() as client:
            client.wait_until_ready(60)
            check_all_labels(client)
            check_errors(client)


def check_all_labels(client):
    reply = client.synthesize(label=SynthesizeGrasps.Goal.LABEL_ALL, max_grasps=2)
    assert {g.object_label for g in reply.check().grasps.grasps} == {LABEL}


def check_errors(client):
    for fields, code in (
        ({'label': 77}, ErrorCode.UNKNOWN_LABEL),
        ({'label': 0}, ErrorCode.UNKNOWN_LABEL),
        ({'label': LABEL, 'reference_frame': 'moon'}, ErrorCode.TRANSFORM_UNAVAILABLE),
    ):
        reply = client.synthesize(**fields)
        assert (reply.status, reply.result.error_code) == (GoalStatus.STATUS_ABORTED, code)
    assert client.synthesize(label=LABEL).succeeded


def test_the_camera_replays_its_scene(scene, frame, ros_domain):
    with start_graph(scene=scene, nodes=['sim_camera_node'], log=print), GraspClient() as client:
        newest = {}
        for kind, topic in (
            (Image, 'depth/image'),
            (CameraInfo, 'depth/camera_info'),
            (Image, 'segmentation'),
        ):
            client.node.create_subscription(
                kind, topic, lambda m, t=topic: newest.update({t: m}), sensor_data()
            )
        listener = transform_listener(client.node)
        wait_for(lambda: len(newest) == 3)
        seen = depth_frame(
            newest['depth/image'], newest['depth/camera_info'], newest['segmentation']
        )
        np.testing.assert_allclose(seen.depth, frame.depth, rtol=1e-6)
        np.testing.assert_array_equal(seen.labels, frame.labels)
        np.testing.assert_allclose(seen.intrinsics, frame.intrinsics)
        pose = listener.lookup('world', seen.frame_id, seen.stamp, timeout=30)
        np.testing.assert_allclose(pose_to_matrix(pose), frame.T_world_cam, atol=1e-9)
        assert np.allclose(pose, matrix_to_pose(frame.T_world_cam))
        age = client.node.get_clock().now().nanoseconds - seen.stamp
        assert 0 < age < 60e9


def test_a_camera_without_a_usable_scene_says_so_and_takes_another(scene, tmp_path, ros_domain):
    garbage, partial = tmp_path / 'garbage.npz', tmp_path / 'partial.npz'
    garbage.write_bytes(b'not an archive')
    np.savez(partial, depth=np.ones((4, 4), np.float32))
    lines, seen = [], []
    with (
        start_graph(scene=tmp_path / 'none.npz', nodes=['sim_camera_node'], log=lines.append),
        GraspClient() as client,
    ):
        wait_for(lambda: any('no scene file' in line for line in lines))
        client.node.create_subscription(Image, 'depth/image', seen.append, sensor_data())
        service = client.node.create_client(SetParameters, '/sim_camera_node/set_parameters')
        assert service.wait_for_service(60)
        for path, words in ((garbage, str(garbage)), (partial, "'K'"), (scene, '')):
            assert not seen
            value = ParameterValue(type=ParameterType.PARAMETER_STRING, string_value=str(path))
            parameter = Parameter(name='scene', value=value)
            answer = service.call_async(SetParameters.Request(parameters=[parameter]))
            wait_for(answer.done)
            assert answer.result().results[0].successful == (path == scene)
            assert words in answer.result().results[0].reason
        wait_for(lambda: seen)


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


def test_a_goal_gets_its_result_before_the_node_ends(ros_domain):
    with start_graph(nodes=['grasp_node'], log=print) as processes, GraspClient() as client:
        client.wait_until_ready(300, reconstruction=False)
        goal = SynthesizeGrasps.Goal(label=LABEL)  # waits for a reconstruction node
        handle = client.send_goal(goal)
        processes['grasp_node'].send_signal(signal.SIGINT)
        reply = client.wait_for_result(handle, 60)
        assert reply.status == GoalStatus.STATUS_ABORTED
        assert reply.result.error_code == ErrorCode.PREEMPTED
        assert processes['grasp_node'].wait(60) == 0


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
