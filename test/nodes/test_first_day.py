"""The first day of teams as they are: from topics as their drivers publish them to grasps.

Each runs the commands that the documents give, with nothing but a file of parameters added, for a
short search. Whoever has a camera, a recording of one, or an arm with MoveIt shares a graph here.
Who has none of them has a simulated hand: that commands of `first_grasp.md` lift an object is
tested as a tutorial, in `test_tutorials.py`.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import signal
import subprocess
import sys
import time
from typing import ClassVar

import numpy as np
import pytest

pytest.importorskip('rclpy')

import yaml
from box_view import LABEL, view_of_box
from described_robot import ALLEGRO, NEAR, OFFSET, Robot, joined
from documented import documented, launched_graph
from drivers import DRIVERS, messages_of, write_bag
from geometry_msgs.msg import Pose
from rclpy.action import ActionClient
from shape_msgs.msg import SolidPrimitive

from dexgrasp_msgs.action import SynthesizeGrasps
from dexgrasp_ros.bridge.client import GraspClient
from dexgrasp_ros.bridge.geometry import header, mesh_arrays, pose_array, stamp_to_nanoseconds
from dexgrasp_ros.bridge.qos import standard
from dexgrasp_ros.core.poses import compose, matrix_to_pose, pose_to_matrix
from dexgrasp_ros.hand import load_hand

pytestmark = pytest.mark.slow
REALSENSE = DRIVERS['realsense']
# As older drivers call them.
RECORDED = dataclasses.replace(
    REALSENSE,
    depth='/camera/aligned_depth_to_color/image_raw',
    info='/camera/aligned_depth_to_color/camera_info',
)
ARM_PACKAGES = ('control_msgs', 'grasping_msgs', 'moveit_msgs')
ABSENT = [p for p in ARM_PACKAGES if importlib.util.find_spec(p) is None]
PARAMETERS = {
    'reconstruction_node': {'max_age': 3.0},
    'grasp_node': {'synthesis.seed_count': 16, 'synthesis.iterations': 60},
    'hand_command_node': {
        'joint_state_max_age': 5.0,
        'tracking_delay': 30.0,
        'max_tracking_error': 10.0,
    },
}
SIZES = [0.06, 0.06, 0.1]  # m, of the box
ALL = SynthesizeGrasps.Goal.LABEL_ALL


@pytest.fixture(scope='module')
def client(module_ros_domain, tmp_path_factory):
    """The graph of a RealSense; also an arm's where its packages are."""
    folder = tmp_path_factory.mktemp('parameters')
    sections = {name: {'ros__parameters': own} for name, own in PARAMETERS.items()}
    (folder / 'short.yaml').write_text(yaml.safe_dump(sections))
    start = 'ros2 launch dexgrasp_ros'
    command = documented('tutorials/your_camera.md', f'{start} realsense.launch.py hand')
    if not ABSENT:
        # The cameras' files take the arguments of grasp.launch.py, as that page says.
        for page, about in (
            ('execution.md', 'command_enabled'),
            ('tutorials/from_moveit.md', 'planning_scene'),
            ('tutorials/from_moveit.md', 'grasp_planning'),
        ):
            command += documented(page, f'{start} grasp.launch.py {about}')[4:]
    command.append(f'params_file:={folder}/short.yaml')
    with launched_graph(command, folder), GraspClient() as client:
        client.wait_until_ready(240)
        yield client


@pytest.fixture
def camera(client, camera_type, module_ros_domain):
    """A RealSense as its driver publishes it."""
    messages = messages_of(REALSENSE, compressed=False, distorted=True, label=LABEL)

    class RealSense(camera_type):
        TOPICS: ClassVar = {topic: type(message) for topic, message in messages.items()}

        def show(self):
            self.send(messages)

    camera = RealSense(module_ros_domain, None)
    yield camera
    camera.close()


def test_a_team_with_a_camera(client, camera):
    check_grasps_of_the_box(client)


def test_a_team_with_a_recording(client, tmp_path):
    write_bag(
        tmp_path / 'table', RECORDED, compressed=True, distorted=True, label=LABEL, moments=10
    )
    name, *words = documented('tutorials/your_camera.md', 'dexgrasp bag play')
    assert name == 'dexgrasp'
    player = subprocess.Popen(
        [sys.executable, '-m', 'dexgrasp_ros.cli', *words],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        check_grasps_of_the_box(client)
    finally:
        player.send_signal(signal.SIGINT)
        told = player.communicate(timeout=60)[0]
    assert player.returncode == 0, told


def check_grasps_of_the_box(client):
    """It is seen as what it is, and the hand goes to it."""
    box = seen(client)
    T = view_of_box()['T_world_cam']
    vertices, _ = mesh_arrays(box.mesh)
    world = vertices @ T[:3, :3].T + T[:3, 3]
    np.testing.assert_allclose(np.ptp(world, axis=0), SIZES, atol=0.025)
    grasps = client.synthesize(label=ALL, max_grasps=8, timeout=120).check().grasps.grasps
    assert grasps
    for grasp in grasps:
        assert grasp.header.frame_id == REALSENSE.frame_id
        assert grasp.joint_names == list(load_hand('allegro').joint_names)
        base = (T @ pose_to_matrix(pose_array(grasp.pose)))[:3, 3]
        assert 0.0 < base[2] < 0.35 and np.linalg.norm(base[:2]) < 0.25


def seen(client):
    """The one object of an image that is newer than this call."""
    begin, until = time.time_ns(), time.monotonic() + 120
    while True:
        found = client.reconstruct()
        stamp = stamp_to_nanoseconds(found.objects.header.stamp)
        if found.objects.objects and stamp > begin:
            (box,) = found.objects.objects
            return box
        assert time.monotonic() < until, found.error_message


@pytest.mark.skipif(bool(ABSENT), reason=f'absent: {ABSENT}')
def test_a_team_with_an_arm_and_moveit(client, camera, module_ros_domain):
    from control_msgs.action import FollowJointTrajectory
    from grasping_msgs.action import GraspPlanning
    from grasping_msgs.msg import Object
    from moveit_msgs.msg import PlanningScene
    from trajectory_controller import Controller

    hand, scenes = load_hand('allegro'), []
    client.node.create_subscription(PlanningScene, 'planning_scene', scenes.append, standard(10))
    controller = Controller(module_ros_domain, hand, name='hand_controller/')
    robot = Robot(client, [])
    camera_in_table = matrix_to_pose(view_of_box()['T_world_cam'])
    camera_in_table[0] += NEAR
    robot.place(REALSENSE.frame_id, camera_in_table)
    try:
        robot.describe_and_wait(joined('allegro'), ALLEGRO)
        robot.describe_and_wait(joined('allegro'), ALLEGRO, '/hand_command_node')
        # What MoveIt has to know of the scene.
        seen(client)
        wait(lambda: {'table', 'track_'} <= {name_of(o) for s in scenes for o in objects_of(s)})
        # MoveIt moves the flange, and sends the postures to the hand's controller.
        place = Pose()
        place.position.x, place.position.z = NEAR, SIZES[2] / 2
        wanted = Object(
            header=header('table', 0),
            name='box',
            primitives=[SolidPrimitive(type=SolidPrimitive.BOX, dimensions=SIZES)],
            primitive_poses=[place],
        )
        planner = ActionClient(client.node, GraspPlanning, 'plan_grasps')
        best = goal(planner, GraspPlanning.Goal(object=wanted)).grasps[0]
        assert best.grasp_pose.header.frame_id == 'table'
        base = compose(pose_array(best.grasp_pose.pose), OFFSET)
        assert np.linalg.norm(base[:3] - [NEAR, 0, SIZES[2] / 2]) < 0.25
        fingers = ActionClient(
            client.node, FollowJointTrajectory, 'hand_controller/follow_joint_trajectory'
        )
        postures = [best.pre_grasp_posture, best.grasp_posture]
        for posture in postures:
            result = goal(fingers, FollowJointTrajectory.Goal(trajectory=posture))
            assert result.error_code == FollowJointTrajectory.Result.SUCCESSFUL
        assert np.allclose(controller.targets, [p.points[-1].positions for p in postures])
        # Or this package moves the fingers.
        grasp = client.synthesize(label=ALL, timeout=120).check().grasps.grasps[0]
        assert grasp.header.frame_id == 'arm_base' and grasp.flange_frame == 'flange'
        reply = client.execute(grasp, fingers_only=True, hold_time=0.1, timeout=60)
        assert reply.succeeded, reply.result.error_message
        *touching, _squeeze = controller.targets[2:]  # which may be cut to the efforts
        assert np.allclose(touching, [list(grasp.pregrasp), list(grasp.grasp)])
    finally:
        controller.close()


def objects_of(scene):
    return scene.world.collision_objects


def name_of(collision_object):
    """Its id without the number."""
    return collision_object.id.rstrip('0123456789')


def goal(client, request):
    """Result of a goal."""
    sent = client.send_goal_async(request)
    wait(sent.done)
    assert sent.result().accepted
    ended = sent.result().get_result_async()
    wait(ended.done)
    return ended.result().result


def wait(condition, timeout=120.0):
    until = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)
