"""`grasp_node`: each way in which a goal can end, and what is published."""

from __future__ import annotations

import itertools
import math
import threading
import time
from xml.etree import ElementTree

import numpy as np
import pytest

pytest.importorskip('rclpy')

import trimesh
from action_msgs.msg import GoalStatus, GoalStatusArray
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseArray, Vector3
from ideal_robot import IdealRobot
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rcl_interfaces.msg import Parameter, ParameterValue
from rcl_interfaces.srv import SetParameters
from sensor_msgs.msg import JointState
from shape_msgs.msg import SolidPrimitive
from std_msgs.msg import String
from tf2_msgs.msg import TFMessage
from trajectory_msgs.msg import JointTrajectory, MultiDOFJointTrajectory
from visualization_msgs.msg import MarkerArray

from dexgrasp_msgs.action import SynthesizeGrasps
from dexgrasp_msgs.msg import GraspArray, Region
from dexgrasp_ros.bridge.client import GraspClient
from dexgrasp_ros.bridge.diagnostics import ERROR
from dexgrasp_ros.bridge.geometry import mesh_message, pose_array
from dexgrasp_ros.bridge.qos import latched_subscription, standard
from dexgrasp_ros.core.errors import LONGEST_MESSAGE, ErrorCode
from dexgrasp_ros.core.poses import pose_to_matrix
from dexgrasp_ros.hand import link_poses, load_hand
from dexgrasp_ros.nodes.graph import start_graph

Goal = SynthesizeGrasps.Goal
# Few and short searches; a box is easy enough for them. Few draws: a long search is to begin soon.
SEARCH = {
    'synthesis.seed_count': 8,
    'synthesis.iterations': 50,
    'synthesis.seed_draws': 2,
}
PARAMETERS = {
    'grasp_node': {**SEARCH, 'tf_timeout': 0.2},
    'hand_command_node': {'command_enabled': True, 'follow_grasps': True},
}
TERMINAL = {GoalStatus.STATUS_SUCCEEDED, GoalStatus.STATUS_ABORTED, GoalStatus.STATUS_CANCELED}
LONG = {'seed_count': 512}  # minutes; every test ends it
TOPICS = {
    'grasps': GraspArray,
    'grasp_poses': PoseArray,
    'grasp_markers': MarkerArray,
    'joint_targets': JointState,
    'wrist_targets': MultiDOFJointTrajectory,
    'planned_hand': String,
    '/tf_static': TFMessage,
    'joint_trajectory': JointTrajectory,
}


@pytest.fixture(scope='module')
def log():
    return []


@pytest.fixture(scope='module')
def processes(module_ros_domain, log):
    nodes = ['grasp_node', 'hand_command_node']
    with start_graph(nodes=nodes, parameters=PARAMETERS, log=log.append) as processes:
        yield processes


@pytest.fixture(scope='module')
def client(processes):
    with GraspClient() as client:
        client.wait_until_ready(300, reconstruction=False)
        yield client


def box_goal(size=(0.06, 0.06, 0.1), **fields) -> Goal:
    box = trimesh.creation.box(size)
    goal = Goal(source=Goal.SOURCE_MESH, mesh=mesh_message(box.vertices, box.faces), **fields)
    goal.mesh_pose.header.frame_id = 'table'
    goal.mesh_pose.pose.position.x = 1.0
    return goal


def wait_for(condition, what, timeout=60.0):
    until = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < until, f'{what} did not come about'
        time.sleep(0.02)


def start_long_goal(client, **fields):
    """Send a goal that takes minutes, and return once its search is under way."""
    seen = threading.Event()

    def feedback(message):
        if message.phase == 'optimize':
            seen.set()

    handle = client.send_goal(box_goal(**LONG, **fields), feedback=feedback)
    assert seen.wait(120)
    return handle


@pytest.fixture(scope='module')
def found(client):
    """A goal, its end, and what was told on the way."""
    seen = []
    goal = box_goal(object_id='brick', max_grasps=5, random_seed=3)
    return goal, client.synthesize(goal, feedback=seen.append), seen


def test_a_mesh_gives_grasps_with_all_their_parts(found):
    _, reply, _ = found
    assert (reply.status, reply.result.error_code) == (GoalStatus.STATUS_SUCCEEDED, 0)
    grasps = reply.result.grasps.grasps
    assert 1 <= len(grasps) <= 5
    scores = [g.quality.score for g in grasps]
    assert scores == sorted(scores, reverse=True)
    for grasp in grasps:
        assert (grasp.header.frame_id, grasp.object_id, grasp.hand) == (
            'table',
            'brick',
            'allegro',
        )
        count = len(grasp.joint_names)
        assert count == 16
        for posture in (grasp.pregrasp, grasp.grasp, grasp.squeeze, grasp.joint_stiffness):
            assert len(posture) == count
        assert grasp.quality.contact_count == len(grasp.contacts) > 0
        for contact in grasp.contacts:
            # On the surface of the box, which stands at x = 1 m.
            p = np.abs([contact.point.x - 1, contact.point.y, contact.point.z]) - [
                0.03,
                0.03,
                0.05,
            ]
            assert abs(max(p)) < 0.003
        lift = grasp.lift_pose.position.z - grasp.pose.position.z
        assert lift == pytest.approx(0.1)
    assert {t.phase for t in reply.result.timing} >= {'object', 'optimize', 'messages'}
    assert reply.result.rejected


def test_the_same_seed_gives_the_same_grasps(client, found):
    goal, first, _ = found
    second = client.synthesize(goal)
    # As text, because a quality that nobody computed is NaN, which equals nothing.
    assert str(first.result.grasps) == str(second.result.grasps)
    assert first.result.grasps.grasps


def test_grasps_markers_targets_and_trajectories_are_published(client):
    newest = {}
    subscriptions = [
        client.node.create_subscription(
            kind,
            topic,
            lambda message, topic=topic: newest.update({topic: message}),
            latched_subscription() if topic != 'joint_trajectory' else 10,
        )
        for topic, kind in TOPICS.items()
    ]
    wait_for(lambda: client.node.count_publishers('joint_trajectory'), 'a publisher')
    goal = box_goal(object_id='fresh')
    goal.mesh_pose.header.stamp = client.node.get_clock().now().to_msg()
    best = client.synthesize(goal).check().grasps.grasps[0]
    wait_for(
        lambda: (
            set(newest) == set(TOPICS)
            and str(newest['grasps'].grasps[0]) == str(best)
            and list(newest['joint_targets'].position) == list(best.grasp)
            and newest['/tf_static'].transforms[0].child_frame_id.startswith('planned/')
        ),
        'all topics',
    )
    assert newest['grasp_poses'].poses[0] == best.pose
    spaces = {m.ns for m in newest['grasp_markers'].markers}
    assert spaces == {'', 'hand', 'contacts', 'friction_cones', 'object', 'scores'}
    assert list(newest['joint_targets'].name) == list(best.joint_names)
    # RViz finds the planned hand by its description and frames.
    hand = load_hand('allegro')
    robot = ElementTree.fromstring(newest['planned_hand'].data)
    assert {e.get('name') for e in robot.iter('link')} == set(hand.link_names)
    frames = {t.child_frame_id: t for t in newest['/tf_static'].transforms}
    assert list(frames) == [f'planned/{link}' for link in hand.link_names]
    assert {t.header.frame_id for t in frames.values()} == {best.header.frame_id}
    expected = link_poses(hand, list(best.grasp), pose_array(best.pose))
    seen = [pose_array(t.transform) for t in frames.values()]
    np.testing.assert_allclose(pose_to_matrix(np.array(seen)), pose_to_matrix(expected), atol=1e-9)
    postures = [list(p.positions) for p in newest['joint_trajectory'].points]
    assert postures == [list(best.pregrasp), list(best.grasp), list(best.squeeze)]
    points = newest['joint_trajectory'].points
    times = [p.time_from_start.sec + 1e-9 * p.time_from_start.nanosec for p in points]
    assert times == sorted(times)
    for subscription in subscriptions:
        client.node.destroy_subscription(subscription)


def test_what_was_found_can_be_executed(client, module_ros_domain):
    robot = IdealRobot(module_ros_domain, load_hand('allegro'))
    wait_for(
        lambda: (
            robot.node.count_publishers('wrist_trajectory')
            and robot.node.count_subscribers('joint_states')
            and robot.node.count_subscribers('/tf')
        ),
        'the connection',
    )
    goal = box_goal()
    goal.mesh_pose.header.stamp = client.node.get_clock().now().to_msg()
    best = client.synthesize(goal).check().grasps.grasps[0]
    wait_for(lambda: robot.commands(JointTrajectory), 'that the grasp is followed')
    robot.place(np.array(best.pregrasp), pose_array(best.pregrasp_pose))
    robot.wait_until_heard()
    result = client.execute(best, hold_time=0.2, timeout=120).check()
    assert result.phase == 'lift'
    np.testing.assert_allclose(robot.wrist[:3], pose_array(best.lift_pose)[:3], atol=0.01)
    # The squeeze of a joint may be cut to its effort limit.
    pushed = np.subtract(robot.positions, best.grasp)
    planned = np.subtract(best.squeeze, best.grasp)
    np.testing.assert_array_less(np.abs(pushed), np.abs(planned) + 1e-6)
    np.testing.assert_allclose(pushed, planned, atol=0.05)
    # A hand that holds would not follow the grasps of other tests.
    client.execute(best, fingers_only=True, hold_time=0.0, open_at_end=True, timeout=60).check()
    robot.close()


def test_feedback_has_the_phases_in_order_and_numbers(found):
    _, _, seen = found
    phases = list(dict.fromkeys(f.phase for f in seen))
    order = ['hand', 'object', 'seeds', 'optimize', 'finish']
    assert [p for p in order if p in phases] == [p for p in phases if p in order]
    assert 'optimize' in phases
    assert all(a.elapsed <= b.elapsed for a, b in itertools.pairwise(seen))
    assert max(f.candidates for f in seen) == 8


def upper_half(frame, x=0.0):
    """Upper half of the box, where its middle is at x."""
    region = Region(shape=SolidPrimitive(type=SolidPrimitive.BOX, dimensions=[0.2, 0.2, 0.06]))
    region.header.frame_id = frame
    region.pose.position.x, region.pose.position.z = x, 0.03
    return region


TIPS = {f'link_{n}.0{part}' for n in (3, 7, 11, 15) for part in ('', '_tip')}


@pytest.mark.parametrize(('frame', 'x'), [('', 0.0), ('table', 1.0)])
def test_a_precision_grasp_in_a_region_from_above_is_what_was_asked_for(client, frame, x):
    reply = client.synthesize(
        box_goal(
            grasp_type=Goal.GRASP_PRECISION,
            approach_axis=Vector3(z=-1.0),
            approach_half_angle=0.6,
            hold_regions=[upper_half(frame, x)],
            seed_count=48,
            max_grasps=4,
        )
    )
    result = reply.check()
    for grasp in result.grasps.grasps:
        assert {c.link for c in grasp.contacts} <= TIPS
        assert min(c.point.z for c in grasp.contacts) > -0.0021
    assert {'links', 'approach', 'region'} <= {r.stage for r in result.rejected}


def no_faces():
    goal = box_goal()
    goal.mesh.triangles = []
    return goal


def no_frame():
    goal = box_goal()
    goal.mesh_pose.header.frame_id = ''
    return goal


def broken_urdf(tmp_path):
    path = tmp_path / 'broken.urdf'
    path.write_text('<robot name="x"><link')
    return box_goal(hand=str(path))


BAD = {
    'mesh without faces': (lambda _: no_faces(), ErrorCode.INVALID_MESH),
    'mesh without frame': (lambda _: no_frame(), ErrorCode.INVALID_INPUT),
    'unknown hand': (lambda _: box_goal(hand='octopus'), ErrorCode.UNKNOWN_HAND),
    'missing urdf': (lambda t: box_goal(hand=f'{t}/none.urdf'), ErrorCode.FILE_NOT_FOUND),
    'broken urdf': (broken_urdf, ErrorCode.INVALID_URDF),
    'unknown frame': (
        lambda _: box_goal(reference_frame='moon'),
        ErrorCode.TRANSFORM_UNAVAILABLE,
    ),
    'unknown source': (lambda _: Goal(source=7), ErrorCode.INVALID_INPUT),
    'label below all': (lambda _: Goal(label=-2), ErrorCode.OUT_OF_RANGE),
    'negative time limit': (lambda _: box_goal(time_limit=-1.0), ErrorCode.OUT_OF_RANGE),
    'time limit that is none': (lambda _: box_goal(time_limit=math.nan), ErrorCode.OUT_OF_RANGE),
    'long hand': (lambda _: box_goal(hand='x' * 300), ErrorCode.UNKNOWN_HAND),
    'long file': (lambda t: box_goal(hand=f'{t}/{"x" * 300}.urdf'), ErrorCode.FILE_NOT_FOUND),
    'endless hand': (lambda _: box_goal(hand='x' * 1_000_000), ErrorCode.INVALID_INPUT),
    'endless frame': (lambda _: box_goal(reference_frame='x' * 10_000), ErrorCode.INVALID_INPUT),
    'endless id': (lambda _: box_goal(object_id='x' * 256), ErrorCode.INVALID_INPUT),
    'endless finger': (lambda _: box_goal(fingers=['x' * 1_000_000]), ErrorCode.INVALID_INPUT),
    'endless fingers': (lambda _: box_goal(fingers=['x'] * 10_000), ErrorCode.OUT_OF_RANGE),
    'no such seed': (lambda _: box_goal(random_seed=-5), ErrorCode.OUT_OF_RANGE),
    'too many grasps': (lambda _: box_goal(max_grasps=2**32 - 1), ErrorCode.OUT_OF_RANGE),
    'unknown grasp type': (lambda _: box_goal(grasp_type=9), ErrorCode.INVALID_INPUT),
    'unknown finger': (lambda _: box_goal(fingers=['toe']), ErrorCode.UNKNOWN_LINK),
    'axis without angle': (
        lambda _: box_goal(approach_axis=Vector3(x=1.0)),
        ErrorCode.OUT_OF_RANGE,
    ),
    'region in an unknown frame': (
        lambda _: box_goal(hold_regions=[upper_half('moon')]),
        ErrorCode.TRANSFORM_UNAVAILABLE,
    ),
    'region beside the object': (
        lambda _: box_goal(hold_regions=[upper_half('table')]),
        ErrorCode.INVALID_INPUT,
    ),
    'nobody reconstructs': (lambda _: Goal(label=3), ErrorCode.RECONSTRUCTION_FAILED),
}


@pytest.mark.parametrize(('make', 'code'), BAD.values(), ids=BAD.keys())
def test_a_bad_goal_is_aborted_with_its_code(client, tmp_path, make, code):
    reply = client.synthesize(make(tmp_path))
    assert (reply.status, reply.result.error_code) == (GoalStatus.STATUS_ABORTED, code)
    assert reply.result.error_message.endswith(('.', '?'))
    assert len(reply.result.error_message) <= LONGEST_MESSAGE
    assert not reply.result.grasps.grasps


def test_an_object_too_large_to_hold_gives_no_grasps_and_says_why(client):
    reply = client.synthesize(box_goal((1.5, 1.5, 1.5)))
    assert reply.status == GoalStatus.STATUS_ABORTED
    assert reply.result.error_code == ErrorCode.NO_GRASP_FOUND
    assert sum(r.count for r in reply.result.rejected) > 0
    assert [f.error_code for f in reply.result.failures] == [ErrorCode.NO_GRASP_FOUND]


def test_a_cancelled_goal_ends_as_cancelled_and_the_next_one_works(client):
    handle = start_long_goal(client)
    assert client.cancel(handle)
    reply = client.wait_for_result(handle, 60)
    assert reply.status == GoalStatus.STATUS_CANCELED
    assert reply.result.error_code == ErrorCode.CANCELLED
    assert not client.cancel(handle)
    assert client.synthesize(box_goal()).succeeded


SLOW_TEST = [pytest.mark.slow, pytest.mark.timeout(1500)]
MANY = np.random.default_rng(5).uniform(0.0, 1.0, 50)  # s


@pytest.mark.parametrize(
    'delays',
    [
        pytest.param((0.0, 0.1, 0.5, 1.2), id='few', marks=pytest.mark.short),
        pytest.param(MANY, id='many', marks=SLOW_TEST),
    ],
)
def test_a_goal_that_is_cancelled_at_any_moment_ends_once(client, record_property, delays):
    states = {}

    def take(message):
        for entry in message.status_list:
            seen = states.setdefault(bytes(entry.goal_info.goal_id.uuid), [])
            if not seen or seen[-1][0] != entry.status:
                seen.append((entry.status, time.monotonic()))

    subscription = client.node.create_subscription(
        GoalStatusArray, 'synthesize_grasps/_action/status', take, latched_subscription(10)
    )
    latencies = []
    for delay in delays:
        handle = client.send_goal(box_goal(**LONG))
        time.sleep(delay)
        asked = time.monotonic()
        assert client.cancel(handle)
        reply = client.wait_for_result(handle, 60)
        assert reply.status == GoalStatus.STATUS_CANCELED
        assert reply.result.error_code == ErrorCode.CANCELLED
        uuid = bytes(handle.goal_id.uuid)
        wait_for(
            lambda uuid=uuid: states.get(uuid, [(0, 0)])[-1][0] in TERMINAL, 'a terminal state'
        )
        latencies.append(states[uuid][-1][1] - asked)
        assert sum(state in TERMINAL for state, _ in states[uuid]) == 1
    client.node.destroy_subscription(subscription)
    spread = np.percentile(latencies, [0, 50, 90, 100])
    record_property('cancel_latency_s', [round(float(x), 4) for x in spread])
    print('cancel to terminal state [s]: least, median, 90 %, most:', spread.round(4))


def test_diagnostics_tell_the_device_and_how_the_last_goal_went(client):
    newest = {}

    def take(message):
        for status in message.status:
            newest[status.name] = (status, {v.key: v.value for v in status.values})

    subscription = client.node.create_subscription(
        DiagnosticArray, '/diagnostics', take, standard()
    )
    name = '/grasp_node: synthesis'

    def values():
        return newest.get(name, (None, {}))[1]

    valid = str(len(client.synthesize(box_goal()).check().grasps.grasps))
    news = {'last outcome': 'SUCCESS', 'last candidates': '8', 'last valid': valid}
    wait_for(lambda: news.items() <= values().items(), 'news of the goal')
    assert float(values()['last synthesis [s]']) > 0
    assert values()['kernels ready'] == 'True'
    assert values()['device'].startswith(('cpu', 'cuda'))
    client.synthesize(box_goal((1.5, 1.5, 1.5)))
    wait_for(lambda: values().get('last outcome') == 'NO_GRASP_FOUND', 'news of the goal')
    assert any(part.strip(',').isdigit() for part in values()['last rejects'].split())
    set_parameter(client, 'synthesis.device', 'cuda:99')
    wait_for(lambda: newest[name][0].level == ERROR, 'the error')
    assert 'cuda:99' in newest[name][0].message
    set_parameter(client, 'synthesis.device', 'auto')
    client.node.destroy_subscription(subscription)


def test_a_newer_goal_aborts_the_older_one(client):
    older = start_long_goal(client)
    newer = client.send_goal(box_goal())
    first, second = client.wait_for_result(older, 60), client.wait_for_result(newer, 120)
    assert first.status == GoalStatus.STATUS_ABORTED
    assert first.result.error_code == ErrorCode.PREEMPTED
    assert second.succeeded


def test_of_goals_in_quick_succession_the_last_one_is_done_and_each_ends_once(client):
    handles = [client.send_goal(box_goal()) for _ in range(6)]
    replies = [client.wait_for_result(handle, 120) for handle in handles]
    assert replies[-1].succeeded
    for reply in replies[:-1]:
        assert reply.status == GoalStatus.STATUS_ABORTED
        assert reply.result.error_code == ErrorCode.PREEMPTED
    # The states as the server publishes them: none of the goals is still on its way.
    states = []
    subscription = client.node.create_subscription(
        GoalStatusArray,
        'synthesize_grasps/_action/status',
        states.append,
        latched_subscription(),
    )
    wait_for(lambda: states, 'the status')
    assert {s.status for s in states[-1].status_list} <= TERMINAL
    client.node.destroy_subscription(subscription)


def test_a_goal_ends_at_its_time_limit(client):
    reply = client.synthesize(box_goal(**LONG, time_limit=1.0))
    assert reply.status == GoalStatus.STATUS_ABORTED
    assert reply.result.error_code == ErrorCode.TIME_LIMIT


@pytest.mark.parametrize('limit', [1e10, math.inf])
def test_a_time_limit_beyond_all_clocks_is_none(client, limit):
    assert client.synthesize(box_goal(time_limit=limit)).check().grasps.grasps


def test_a_device_that_is_not_there_is_an_error_until_it_is_changed_back(client):
    assert set_parameter(client, 'synthesis.device', 'cuda:99').successful
    reply = client.synthesize(box_goal())
    assert reply.status == GoalStatus.STATUS_ABORTED
    assert reply.result.error_code == ErrorCode.DEVICE_UNAVAILABLE
    assert set_parameter(client, 'synthesis.device', 'auto').successful
    assert client.synthesize(box_goal()).succeeded


@pytest.mark.parametrize(
    ('name', 'value'), [('synthesis.seed_count', 0), ('lift_height', -1.0), ('marker_top_k', 'x')]
)
def test_a_parameter_out_of_range_is_refused(client, name, value):
    outcome = set_parameter(client, name, value)
    assert not outcome.successful
    assert outcome.reason


def test_an_inactive_node_rejects_goals_and_ends_the_one_under_way(client):
    handle = start_long_goal(client)
    change_state(client, Transition.TRANSITION_DEACTIVATE)
    reply = client.wait_for_result(handle, 60)
    assert reply.status == GoalStatus.STATUS_ABORTED
    assert reply.result.error_code == ErrorCode.PREEMPTED
    with pytest.raises(Exception, match='not active'):
        client.send_goal(box_goal())
    change_state(client, Transition.TRANSITION_ACTIVATE)
    assert client.synthesize(box_goal()).succeeded


def set_parameter(client, name, value):
    kinds = {
        int: ('integer_value', 2),
        float: ('double_value', 3),
        str: ('string_value', 4),
    }
    field, kind = kinds[type(value)]
    parameter = Parameter(name=name, value=ParameterValue(type=kind, **{field: value}))
    service = client.node.create_client(SetParameters, '/grasp_node/set_parameters')
    return call(client, service, SetParameters.Request(parameters=[parameter])).results[0]


def change_state(client, transition):
    service = client.node.create_client(ChangeState, '/grasp_node/change_state')
    request = ChangeState.Request(transition=Transition(id=transition))
    assert call(client, service, request).success


def call(client, service, request):
    assert service.wait_for_service(30)
    future = service.call_async(request)
    wait_for(future.done, 'the response')
    client.node.destroy_client(service)
    return future.result()
