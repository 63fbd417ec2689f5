"""`grasp_planning_node`, and the node that searches for it, killed (`kill -9`) and restarted."""

from __future__ import annotations

import contextlib
import importlib.util
import time

import pytest

pytest.importorskip('rclpy')

from action_msgs.msg import GoalStatus, GoalStatusArray
from geometry_msgs.msg import Pose
from rclpy.action import ActionClient
from shape_msgs.msg import SolidPrimitive

from dexgrasp_ros.bridge.geometry import header
from dexgrasp_ros.bridge.qos import latched_subscription

ABSENT = [p for p in ('grasping_msgs', 'moveit_msgs') if importlib.util.find_spec(p) is None]
pytestmark = [
    pytest.mark.slow,  # a node that was killed is taken for a living one for 20 s
    pytest.mark.skipif(bool(ABSENT), reason=f'absent: {ABSENT}'),
]
SEARCHER, PLANNER = 'grasp_node', 'grasp_planning_node'
ANSWER = 60.0  # s; a goal that was sent to a node that was killed has no answer


@pytest.fixture(scope='module')
def graph(make_graph):
    graph = make_graph()
    graph.start(SEARCHER, PLANNER)
    return graph


class Planning:
    """A client of `plan_grasps`."""

    def __init__(self, graph, until):
        from grasping_msgs.action import GraspPlanning
        from grasping_msgs.msg import Object

        self.node, self._until = graph.client.node, until
        self._client = ActionClient(self.node, GraspPlanning, 'plan_grasps')
        box = SolidPrimitive(type=SolidPrimitive.BOX, dimensions=[0.05, 0.05, 0.1])
        wanted = Object(header=header('base', 0), name='box')
        wanted.primitives, wanted.primitive_poses = [box], [Pose()]
        self._goal = GraspPlanning.Goal(object=wanted)

    def begin(self):
        """Handle of a goal that is worked on."""
        sent = self._client.send_goal_async(self._goal)
        self._until(sent.done, 'an answer')
        assert sent.result().accepted
        return sent.result()

    def end(self, handle):
        """How a goal ended."""
        ended = handle.get_result_async()
        self._until(ended.done, 'an end')
        return ended.result()

    def until_planned(self):
        """Ask until there are grasps."""

        def planned():
            sent = self._client.send_goal_async(self._goal)
            if not (is_soon(sent.done) and sent.result().accepted):
                return False
            ended = sent.result().get_result_async()
            return is_soon(ended.done) and ended.result().result.grasps

        self._until(self._client.server_is_ready, 'the action')
        self._until(planned, 'grasps')


def is_soon(condition):
    until = time.monotonic() + ANSWER
    while not condition() and time.monotonic() < until:
        time.sleep(0.02)
    return condition()


@pytest.fixture(scope='module')
def planning(graph, until):
    planning = Planning(graph, until)
    planning.until_planned()
    return planning


@contextlib.contextmanager
def searching(planning):
    """Give what tells whether a search has begun; all before have ended."""
    begun = []

    def hear(message):
        begun.extend(s for s in message.status_list if s.status == GoalStatus.STATUS_EXECUTING)

    topic = 'synthesize_grasps/_action/status'
    heard = planning.node.create_subscription(
        GoalStatusArray, topic, hear, latched_subscription(10)
    )
    try:
        yield lambda: begun
    finally:
        planning.node.destroy_subscription(heard)


@pytest.mark.parametrize('node', [PLANNER, SEARCHER])
def test_at_rest(graph, planning, node):
    graph.kill(node)
    graph.start(node)
    planning.until_planned()


def test_the_planner_at_work(graph, planning, until):
    """What it asked for is searched for nobody; the node that does it serves the next."""
    with searching(planning) as begun:
        planning.begin()
        until(begun, 'a search')
        graph.kill(PLANNER)
    graph.start(PLANNER)
    planning.until_planned()
    graph.until_said(SEARCHER, lambda _l, _t, v: v['last outcome'] == 'SUCCESS')


@pytest.mark.parametrize('is_accepted', [True, False])
def test_the_searcher_at_work(graph, planning, until, is_accepted):
    """Whoever waits for grasps learns it, whether the search had begun or was only asked for."""
    with searching(planning) as begun:
        if not is_accepted:
            graph.pause(SEARCHER)
        handle = planning.begin()
        if is_accepted:
            until(begun, 'a search')
        else:
            until(lambda: handle.status == GoalStatus.STATUS_EXECUTING, 'its work')
            assert not begun()
        graph.kill(SEARCHER)
    ended = planning.end(handle)
    assert ended.status == GoalStatus.STATUS_ABORTED and not ended.result.grasps
    graph.start(SEARCHER)
    planning.until_planned()
