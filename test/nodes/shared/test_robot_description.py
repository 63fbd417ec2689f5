"""The hand as a subtree of `robot_description`: flange, reach, and descriptions that change."""

from __future__ import annotations

import contextlib
import threading
import time

import numpy as np
import pytest

pytest.importorskip('rclpy')

import trimesh
from action_msgs.msg import GoalStatus
from arms import planar_arm
from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rcl_interfaces.msg import Parameter, ParameterValue
from rcl_interfaces.srv import SetParameters
from sensor_msgs.msg import JointState
from std_msgs.msg import String
from trajectory_msgs.msg import JointTrajectory

from dexgrasp_msgs.action import SynthesizeGrasps
from dexgrasp_msgs.msg import Grasp, GraspArray
from dexgrasp_ros.bridge.client import GraspClient
from dexgrasp_ros.bridge.geometry import mesh_message, pose_array
from dexgrasp_ros.bridge.qos import latched_publisher, standard
from dexgrasp_ros.bridge.transforms import StaticTransformPublisher
from dexgrasp_ros.core.errors import ErrorCode
from dexgrasp_ros.core.poses import compose, invert, pose_to_matrix
from dexgrasp_ros.core.resources import find_resource
from dexgrasp_ros.hand import InverseKinematics, attach, find_arm, load_hand, load_hand_text
from dexgrasp_ros.nodes.graph import start_graph

Goal = SynthesizeGrasps.Goal
ARM = find_resource('urdf/arms/simple_arm.urdf')
OFFSET = np.array([0.0, 0.01, 0.02, 0, 0, 0.6, 0.8])  # of the hand in the flange
ROOT = 'base_link'  # of Allegro and Barrett alike
SEARCH = {'synthesis.seed_count': 12, 'synthesis.iterations': 50, 'tf_timeout': 0.2}
GARBAGE = '<robot name="x"><link'
LINK = '<link name="bh_finger_12_link">'
MISSING = '<collision><geometry><mesh filename="package://none/x.stl"/></geometry></collision>'
BARRETT, ALLEGRO = 'simple_arm_with_barrett_hand', 'simple_arm_with_allegro_hand_right'
# Of the table in the arm's base: what stands on it is before the arm, or out of its reach.
TABLE = np.array([0.1, 0.0, 0.05, 0, 0, np.sin(0.2), np.cos(0.2)])
NEAR, FAR = 0.4, 2.5  # m


def joined(hand: str) -> str:
    return attach(ARM, hand, flange='flange', origin=OFFSET)


def without_overrides(text: str) -> str:
    """Return a description that does not say where its hand begins."""
    return text[: text.index('<dexgrasp_ros>')] + '</robot>'


class Robot:
    """Publishes a description, joint states and the table, and hears what nodes say of it."""

    def __init__(self, client: GraspClient, log: list[str]) -> None:
        self.client, self.node, self.log = client, client.node, log
        self.diagnostics: dict[str, tuple] = {}
        self._description = self.node.create_publisher(
            String, 'robot_description', latched_publisher()
        )
        self._states = self.node.create_publisher(JointState, 'joint_states', 10)
        self._tf = StaticTransformPublisher(self.node)
        self._tf.publish('arm_base', 'table', 0, TABLE)
        self.node.create_subscription(DiagnosticArray, '/diagnostics', self._hear, standard())

    def describe(self, text: str) -> None:
        self._description.publish(String(data=text))

    def describe_and_wait(self, text: str, name: str, node: str = '/grasp_node') -> None:
        self.describe(text)
        wait_for(lambda: self.about(node).get('hand') == name, f'the hand {name}')

    def about(self, node: str) -> dict[str, str]:
        return self.diagnostics.get(f'{node}: hand', (None, '', {}))[2]

    def say(self, node: str) -> str:
        return self.diagnostics.get(f'{node}: hand', (None, '', {}))[1]

    def state(self, q: np.ndarray) -> None:
        names = [f'arm_joint_{i}' for i in range(1, 8)]
        self._states.publish(JointState(name=names, position=list(map(float, q))))

    def _hear(self, message: DiagnosticArray) -> None:
        for status in message.status:
            values = {v.key: v.value for v in status.values}
            self.diagnostics[status.name] = (status.level, status.message, values)


def wait_for(condition, what, timeout=120.0):
    until = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < until, f'{what} did not come about'
        time.sleep(0.02)


def goal(x=NEAR, size=(0.06, 0.06, 0.1), **fields) -> Goal:
    """Return a box that stands on the table, x before the arm."""
    box = trimesh.creation.box(size)
    goal = Goal(source=Goal.SOURCE_MESH, mesh=mesh_message(box.vertices, box.faces), **fields)
    goal.mesh_pose.header.frame_id = 'table'
    goal.mesh_pose.pose.position.x = x
    goal.mesh_pose.pose.position.z = size[2] / 2
    return goal


@pytest.fixture(scope='module')
def robot(module_ros_domain):
    """The package's arm with a Barrett hand, described by somebody, and a node that listens."""
    parameters = {
        'grasp_node': {**SEARCH, 'hand_root_link': ROOT, 'hand': 'shadow'},
        'hand_command_node': {
            'hand_root_link': ROOT,
            'hand': 'shadow',
            'command_enabled': True,
            'follow_grasps': True,
        },
    }
    log: list[str] = []
    with (
        start_graph(nodes=list(parameters), parameters=parameters, log=log.append),
        GraspClient() as client,
    ):
        client.wait_until_ready(300, reconstruction=False)
        yield Robot(client, log)


@pytest.fixture
def barrett(robot):
    robot.describe_and_wait(without_overrides(joined('barrett')), BARRETT)
    return robot


def test_without_its_description_a_goal_says_what_is_missing(robot):
    reply = robot.client.synthesize(goal())
    assert reply.status == GoalStatus.STATUS_ABORTED
    assert reply.result.error_code == ErrorCode.UNKNOWN_HAND
    assert '/robot_description' in reply.result.error_message
    assert f"'{ROOT}'" in reply.result.error_message


def test_grasps_are_of_the_subtree_with_poses_for_the_flange(barrett):
    result = barrett.client.synthesize(goal(max_grasps=4)).check()
    assert result.grasps.header.frame_id == 'arm_base'  # the root link of the description
    for grasp in result.grasps.grasps:
        assert list(grasp.joint_names) == list(load_hand('barrett').joint_names)
        assert (grasp.hand, grasp.hand_frame, grasp.flange_frame) == (BARRETT, ROOT, 'flange')
        for field in ('pose', 'pregrasp_pose', 'lift_pose'):
            wanted = compose(pose_array(getattr(grasp, field)), invert(OFFSET))
            found = pose_array(getattr(grasp, f'flange_{field}'))
            np.testing.assert_allclose(pose_to_matrix(found), pose_to_matrix(wanted), atol=1e-9)
        assert not grasp.arm_joint_names  # nobody asked whether the arm reaches it
        # The box stands where tf puts the table.
        box = compose(TABLE, [NEAR, 0, 0.05, 0, 0, 0, 1])[:3]
        points = [[c.point.x, c.point.y, c.point.z] for c in grasp.contacts]
        assert np.linalg.norm(np.array(points) - box, axis=1).max() < 0.07


def test_the_frame_that_a_goal_asks_for_wins(barrett):
    result = barrett.client.synthesize(goal(max_grasps=1, reference_frame='table')).check()
    assert result.grasps.header.frame_id == 'table'


def test_a_hand_that_the_goal_names_hangs_on_no_arm(barrett):
    result = barrett.client.synthesize(goal(max_grasps=1, hand='allegro')).check()
    assert result.grasps.header.frame_id == 'table'
    (grasp,) = result.grasps.grasps
    assert (grasp.hand, grasp.flange_frame) == ('allegro', '')


@contextlib.contextmanager
def checking(robot):
    assert set_parameter(robot.node, '/grasp_node', 'check_reachability', True)
    yield
    assert set_parameter(robot.node, '/grasp_node', 'check_reachability', False)


def test_what_the_arm_reaches_comes_with_its_joint_positions(barrett):
    pytest.importorskip('pinocchio')
    arm = find_arm(load_hand_text(joined('barrett')))
    solver = InverseKinematics(arm)
    with checking(barrett):
        result = barrett.client.synthesize(goal(max_grasps=4)).check()
    assert 'reachability' in {r.stage for r in result.rejected}
    for grasp in result.grasps.grasps:
        assert list(grasp.arm_joint_names) == list(arm.joint_names)
        for q, pose in (
            (grasp.arm_pregrasp, grasp.flange_pregrasp_pose),
            (grasp.arm_grasp, grasp.flange_pose),
        ):
            assert (np.array(q) >= arm.chain.lower).all() and (q <= arm.chain.upper).all()
            at = solver.flange_matrix(np.array(q))
            np.testing.assert_allclose(at, pose_to_matrix(pose_array(pose)), atol=3e-3)


def test_postures_are_near_where_the_arm_is(barrett):
    pytest.importorskip('pinocchio')
    with checking(barrett):
        free = barrett.client.synthesize(goal(max_grasps=1)).check().grasps.grasps[0]
        # The same grasp again, with the arm where the other elbow is nearer.
        there = np.array(free.arm_pregrasp) + 0.1
        seen = []
        until = time.monotonic() + 60
        while time.monotonic() < until and not seen:
            barrett.state(there)
            time.sleep(0.1)
            again = barrett.client.synthesize(goal(max_grasps=1)).check().grasps.grasps[0]
            moved = np.abs(np.subtract(again.arm_pregrasp, free.arm_pregrasp)).max()
            seen += [moved] if moved > 1e-6 else []
    assert seen and seen[0] < 0.5


def test_out_of_reach_there_is_no_grasp_and_the_counts_say_why(barrett):
    pytest.importorskip('pinocchio')
    assert barrett.client.synthesize(goal(FAR)).succeeded
    with checking(barrett):
        reply = barrett.client.synthesize(goal(FAR))
    assert reply.status == GoalStatus.STATUS_ABORTED
    assert reply.result.error_code == ErrorCode.NO_GRASP_FOUND
    counts = {r.stage: r.count for r in reply.result.rejected}
    assert counts['reachability'] > 0
    assert f'reachability {counts["reachability"]}' in reply.result.error_message


def test_reach_cannot_be_checked_for_a_hand_on_no_arm(barrett):
    with checking(barrett):
        reply = barrett.client.synthesize(goal(hand='allegro'))
    assert reply.result.error_code == ErrorCode.UNSUPPORTED_HAND
    assert 'hand_root_link' in reply.result.error_message


@pytest.mark.parametrize(
    ('make', 'code'),
    [
        (lambda: GARBAGE, 'INVALID_URDF'),
        (lambda: '', 'INVALID_URDF'),
        (lambda: ARM.read_text(), 'UNKNOWN_LINK'),
        # A description, as it seems; that a file is missing is found when it is loaded.
        (lambda: joined('barrett').replace(LINK, LINK + MISSING), 'FILE_NOT_FOUND'),
    ],
    ids=['no XML', 'empty', 'no such link', 'no such mesh'],
)
def test_a_bad_description_changes_nothing_and_is_reported(barrett, make, code):
    before = int(barrett.about('/grasp_node')['descriptions refused'])
    barrett.describe(make())
    wait_for(
        lambda: int(barrett.about('/grasp_node')['descriptions refused']) > before, 'the refusal'
    )
    assert code in barrett.say('/grasp_node')
    assert any('Refused' in line and code in line for line in barrett.log)
    assert barrett.about('/grasp_node')['hand'] == BARRETT
    result = barrett.client.synthesize(goal(max_grasps=1)).check()
    assert list(result.grasps.grasps[0].joint_names) == list(load_hand('barrett').joint_names)


def test_another_description_ends_the_goal_and_the_next_one_has_the_other_hand(barrett):
    under_way = threading.Event()

    def feedback(message):
        if message.phase == 'optimize':
            under_way.set()

    handle = barrett.client.send_goal(goal(seed_count=512), feedback=feedback)
    assert under_way.wait(120)
    barrett.describe(without_overrides(joined('allegro')))
    reply = barrett.client.wait_for_result(handle, 60)
    assert reply.status == GoalStatus.STATUS_ABORTED
    assert reply.result.error_code == ErrorCode.PREEMPTED
    assert 'description' in reply.result.error_message
    # Sent while the other hand is loaded, it waits for it.
    result = barrett.client.synthesize(goal(max_grasps=2)).check()
    for grasp in result.grasps.grasps:
        assert grasp.hand == ALLEGRO
        assert list(grasp.joint_names) == list(load_hand('allegro').joint_names)


def test_garbage_does_not_end_a_goal(barrett):
    under_way = threading.Event()

    def feedback(message):
        if message.phase == 'optimize':
            under_way.set()

    handle = barrett.client.send_goal(goal(seed_count=64), feedback=feedback)
    assert under_way.wait(120)
    barrett.describe(GARBAGE)
    assert barrett.client.wait_for_result(handle, 300).succeeded


def test_the_command_node_takes_the_same_hand(barrett):
    node = '/hand_command_node'
    heard: list[JointTrajectory] = []
    barrett.node.create_subscription(JointTrajectory, 'joint_trajectory', heard.append, 10)
    grasps = barrett.node.create_publisher(GraspArray, 'grasps', latched_publisher())
    wait_for(lambda: barrett.node.count_publishers('joint_trajectory'), 'the trajectory')
    for name, own in ((ALLEGRO, 'allegro'), (BARRETT, 'barrett')):
        barrett.describe_and_wait(without_overrides(joined(own)), name, node)
        hand = load_hand(own)
        middle = ((hand.lower + hand.upper) / 2).tolist()
        grasp = Grasp(
            hand=name, hand_frame=ROOT, joint_names=list(hand.joint_names),
            pregrasp=middle, grasp=middle, squeeze=middle,
        )  # fmt: skip
        grasp.header.stamp = barrett.node.get_clock().now().to_msg()
        heard.clear()
        grasps.publish(GraspArray(header=grasp.header, grasps=[grasp]))
        wait_for(lambda: heard, 'the command')
        assert list(heard[-1].joint_names) == list(hand.joint_names)


def test_two_hands_in_two_namespaces_do_not_mix(ros_domain):
    parameters = {'grasp_node': {**SEARCH, 'hand_root_link': ROOT}}
    with contextlib.ExitStack() as stack:
        robots = {}
        for side in ('left', 'right'):
            stack.enter_context(
                start_graph(nodes=['grasp_node'], parameters=parameters, namespace=side, log=print)
            )
        for side, own in (('left', 'barrett'), ('right', 'allegro')):
            client = stack.enter_context(GraspClient(namespace=side))
            client.wait_until_ready(300, reconstruction=False)
            robots[side] = Robot(client, [])
            name = {'barrett': BARRETT, 'allegro': ALLEGRO}[own]
            robots[side].describe_and_wait(joined(own), name, f'/{side}/grasp_node')
        for side, own in (('left', 'barrett'), ('right', 'allegro')):
            result = robots[side].client.synthesize(goal(max_grasps=1)).check()
            (grasp,) = result.grasps.grasps
            assert list(grasp.joint_names) == list(load_hand(own).joint_names)
            assert grasp.flange_frame == 'flange'


@pytest.mark.parametrize('given', ['robot_description', 'hand'])
def test_a_description_needs_nobody_who_publishes_it(ros_domain, tmp_path, given):
    file = tmp_path / 'robot.urdf'
    text = without_overrides(joined('barrett'))
    file.write_text(text)
    value = {'robot_description': text, 'hand': str(file)}[given]
    parameters = {'grasp_node': {**SEARCH, given: value, 'hand_root_link': ROOT}}
    with (
        start_graph(nodes=['grasp_node'], parameters=parameters, log=print),
        GraspClient() as client,
    ):
        client.wait_until_ready(300, reconstruction=False)
        robot = Robot(client, [])
        (grasp,) = client.synthesize(goal(max_grasps=1)).check().grasps.grasps
        assert grasp.hand == {'robot_description': BARRETT, 'hand': 'robot'}[given]
        assert grasp.flange_frame == 'flange'
        if given == 'robot_description':
            # Somebody publishes the same: there is nothing to change.
            robot.describe(text)
            received = 'descriptions received'
            wait_for(lambda: robot.about('/grasp_node').get(received) == '1', 'the description')
            client.synthesize(goal(max_grasps=1)).check()  # by now it would have been loaded
            assert robot.about('/grasp_node')['description from'] == f"the parameter '{given}'"


def test_meshes_and_overrides_lie_where_the_parameters_say(ros_domain, tmp_path):
    trimesh.creation.box([0.02, 0.02, 0.08]).export(tmp_path / 'finger.stl')
    (tmp_path / 'said.yaml').write_text('locked_joints: [turn_right]\n')
    text = planar_arm().replace('<box size="0.02 0.02 0.08"/>', '<mesh filename="finger.stl"/>')
    given = {
        'hand_root_link': 'palm',
        'mesh_folder': str(tmp_path),
        'hand_overrides': str(tmp_path / 'said.yaml'),
        # Known before any description comes, or the hand that stands in would be refused.
        'robot_description': text,
    }
    parameters = {'hand_command_node': given}
    with (
        start_graph(nodes=['hand_command_node'], parameters=parameters, log=print),
        GraspClient() as client,
    ):
        robot = Robot(client, [])
        wait_for(lambda: robot.about('/hand_command_node').get('hand') == 'planar', 'the hand')
        assert robot.about('/hand_command_node')['joints'] == '1'


def test_a_node_that_is_configured_anew_takes_the_newest_description(ros_domain):
    parameters = {'hand_command_node': {'hand': 'barrett', 'autostart': False}}
    node = '/hand_command_node'
    log: list[str] = []
    with (
        start_graph(nodes=['hand_command_node'], parameters=parameters, log=log.append),
        GraspClient() as client,
    ):
        robot = Robot(client, log)
        change_state(robot.node, Transition.TRANSITION_CONFIGURE)
        wait_for(lambda: robot.about(node).get('hand') == 'barrett', 'its own hand')
        change_state(robot.node, Transition.TRANSITION_CLEANUP)
        wait_for(lambda: 'hand' not in robot.about(node), 'the clean-up')
        # Not configured, it loads nothing, but remembers what came, and garbage does not count.
        robot.describe(joined('allegro'))
        wait_for(lambda: robot.about(node).get('descriptions received') == '1', 'the first one')
        robot.describe(GARBAGE)
        wait_for(lambda: robot.about(node).get('descriptions refused') == '1', 'the refusal')
        assert 'hand' not in robot.about(node)
        change_state(robot.node, Transition.TRANSITION_CONFIGURE)
        wait_for(lambda: robot.about(node).get('hand') == ALLEGRO, 'the hand that was described')
        # Inactive, it changes its hand as well.
        robot.describe_and_wait(joined('barrett'), BARRETT, node)


def test_of_descriptions_in_quick_succession_the_last_one_counts(barrett):
    for own in ('allegro', 'barrett', 'allegro', 'barrett', 'allegro'):
        barrett.describe(without_overrides(joined(own)))
        time.sleep(0.1)
    # A goal may overtake the last description, which then ends it.
    replies = (barrett.client.synthesize(goal(max_grasps=1)) for _ in range(5))
    reply = next(r for r in replies if r.result.error_code != ErrorCode.PREEMPTED)
    assert reply.check().grasps.grasps[0].hand == ALLEGRO


def test_a_robot_that_is_no_hand_does_not_take_its_place(ros_domain):
    """Without `hand_root_link` the description of an arm leaves the node its own hand."""
    log: list[str] = []
    parameters = {'grasp_node': {**SEARCH, 'hand': 'barrett'}}
    with (
        start_graph(nodes=['grasp_node'], parameters=parameters, log=log.append),
        GraspClient() as client,
    ):
        client.wait_until_ready(300, reconstruction=False)
        robot = Robot(client, log)
        robot.describe(without_overrides(joined('allegro')))
        wait_for(lambda: any('hand_root_link' in line for line in log), 'the refusal')
        (grasp,) = client.synthesize(goal(max_grasps=1)).check().grasps.grasps
        assert (grasp.hand, grasp.flange_frame) == ('barrett', '')


def change_state(node, transition) -> None:
    client = node.create_client(ChangeState, '/hand_command_node/change_state')
    assert client.wait_for_service(60)
    future = client.call_async(ChangeState.Request(transition=Transition(id=transition)))
    wait_for(future.done, 'the transition')
    node.destroy_client(client)
    assert future.result().success


def set_parameter(node, name, parameter, value) -> bool:
    client = node.create_client(SetParameters, f'{name}/set_parameters')
    assert client.wait_for_service(60)
    wanted = Parameter(name=parameter, value=ParameterValue(type=1, bool_value=value))
    future = client.call_async(SetParameters.Request(parameters=[wanted]))
    wait_for(future.done, 'the response')
    node.destroy_client(client)
    return future.result().results[0].successful
