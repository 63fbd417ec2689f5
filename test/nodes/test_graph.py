"""The whole graph over real DDS, and the camera that replays a scene."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip('rclpy')

from action_msgs.msg import GoalStatus
from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from rcl_interfaces.srv import SetParameters
from sensor_msgs.msg import CameraInfo, Image

from dexgrasp_msgs.action import SynthesizeGrasps
from dexgrasp_ros.bridge.camera import depth_frame
from dexgrasp_ros.bridge.client import GraspClient
from dexgrasp_ros.bridge.qos import sensor_data
from dexgrasp_ros.bridge.transforms import transform_listener
from dexgrasp_ros.core.errors import ErrorCode
from dexgrasp_ros.core.poses import matrix_to_pose, pose_to_matrix
from dexgrasp_ros.nodes.graph import start_graph

LABEL = 5
SEARCH = {'synthesis.seed_count': 8, 'synthesis.iterations': 50}
OTHER_PROCESS = Path(__file__).parent / 'other_process.py'


@pytest.mark.slow  # test_demo.py has the whole graph too, synthesis/test_grasp_node.py the goals
def test_another_process_does_it_all_through_the_action_only(scene, ros_domain):
    nodes = ['sim_camera_node', 'reconstruction_node', 'grasp_node']
    parameters = {'grasp_node': SEARCH}
    with start_graph(scene=scene, nodes=nodes, parameters=parameters, log=print):
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


def wait_for(condition, timeout=60.0):
    until = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)
