"""Servers that look at a request once its client can be answered."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest

pytest.importorskip('rclpy')

import rclpy
from rclpy.action import ActionClient
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from std_srvs.srv import Trigger

from dexgrasp_msgs.action import ExecuteGrasp
from dexgrasp_ros.bridge import servers
from dexgrasp_ros.bridge.servers import ReachingActionServer, create_reaching_service


@pytest.fixture
def client(node, ros_domain):
    """Give a node of another participant than `node`; both are spun."""
    context = Context()
    rclpy.init(context=context, domain_id=ros_domain)
    client, ends = rclpy.create_node('client', context=context), []
    for spun in (node, client):
        executor = SingleThreadedExecutor(context=spun.context)
        executor.add_node(spun)
        thread = threading.Thread(target=executor.spin, daemon=True)
        thread.start()
        ends.append((executor, thread))
    yield client
    for executor, thread in ends:
        executor.shutdown(timeout_sec=10)
        thread.join(10)
    client.destroy_node()
    context.try_shutdown()


@pytest.fixture
def discovered(node, monkeypatch):
    """Give an event before which `node` has seen writers alone, as beside a busy discovery."""
    event, look = threading.Event(), node.get_subscriptions_info_by_topic
    monkeypatch.setattr(
        node,
        'get_subscriptions_info_by_topic',
        lambda *args, **kwargs: look(*args, **kwargs) if event.is_set() else [],
    )
    return event


def done(answer):
    """Whether the future ends in time."""
    ended = threading.Event()
    answer.add_done_callback(lambda _: ended.set())
    return ended.wait(10)


def serve(node, accepted):
    def run(handle):
        handle.succeed()
        return ExecuteGrasp.Result()

    return ReachingActionServer(
        node,
        ExecuteGrasp,
        'execute_grasp',
        run,
        callback_group=ReentrantCallbackGroup(),
        handle_accepted_callback=lambda handle: (accepted(handle.request), handle.execute()),
    )


def connect(client):
    actions = ActionClient(client, ExecuteGrasp, 'execute_grasp')
    assert actions.wait_for_server(20)
    return actions


def ask_for_goal(node, client, reached):
    server = serve(node, lambda _: reached.set())
    return server, connect(client).send_goal_async(ExecuteGrasp.Goal())


def ask_for_service(node, client, reached):
    def answer(_request, response):
        reached.set()
        return response

    group = ReentrantCallbackGroup()
    create_reaching_service(node, Trigger, 'reset', answer, callback_group=group)
    service = client.create_client(Trigger, 'reset')
    assert service.wait_for_service(20)
    return service, service.call_async(Trigger.Request())


@pytest.mark.parametrize('ask', [ask_for_goal, ask_for_service])
def test_a_request_waits_until_its_client_can_hear_the_answer(node, client, discovered, ask):
    reached = threading.Event()
    kept, answer = ask(node, client, reached)
    assert not reached.wait(0.3)
    others = threading.Event()
    node.create_timer(0.01, others.set)  # what else the node does goes on
    assert others.wait(10)
    discovered.set()
    assert reached.wait(10)
    assert done(answer)
    del kept


def test_goals_are_accepted_in_the_order_in_which_they_came(node, client, discovered, monkeypatch):
    """Else an old goal would take the place of a newer one."""
    limits, both = [], threading.Event()

    def accepted(goal):
        limits.append(goal.time_limit)
        if len(limits) == 2:
            both.set()

    kept, actions = serve(node, accepted), connect(client)
    waits = threading.Event()
    look = node.get_publishers_info_by_topic
    monkeypatch.setattr(
        node, 'get_publishers_info_by_topic', lambda *a, **k: (waits.set(), look(*a, **k))[1]
    )
    monkeypatch.setattr(servers, '_LOOK_PERIOD', 0.5)
    answers = [actions.send_goal_async(ExecuteGrasp.Goal(time_limit=1.0))]
    assert waits.wait(10)
    monkeypatch.setattr(servers, '_LOOK_PERIOD', 0.02)  # the second would look first
    answers.append(actions.send_goal_async(ExecuteGrasp.Goal(time_limit=2.0)))
    discovered.set()
    assert both.wait(10) and limits == [1.0, 2.0]
    assert all(done(answer) for answer in answers)
    del kept


@pytest.mark.parametrize('ends', ['is gone', 'stays deaf'])
def test_a_goal_is_rejected_whose_client_cannot_hear(node, client, monkeypatch, ends):
    """Nobody would know of the hand that moves, nor stop it."""
    half, waits, look = threading.Event(), threading.Event(), node.get_publishers_info_by_topic
    half.set()

    def look_with_another(*args, **kwargs):
        waits.set()
        another = [SimpleNamespace(endpoint_gid=[7] * 16)] if half.is_set() else []
        return look(*args, **kwargs) + another

    if ends == 'stays deaf':
        monkeypatch.setattr(servers, '_PATIENCE', 0.1)
    reached = threading.Event()
    kept, actions = serve(node, lambda _: reached.set()), connect(client)
    monkeypatch.setattr(node, 'get_publishers_info_by_topic', look_with_another)
    answer = actions.send_goal_async(ExecuteGrasp.Goal())
    assert waits.wait(10)
    if ends == 'is gone':
        half.clear()
    assert done(answer) and not answer.result().accepted and not reached.is_set()
    again = actions.send_goal_async(ExecuteGrasp.Goal())  # it is not waited for once more
    assert done(again) and again.result().accepted
    del kept


def test_a_client_that_never_can_is_told_of(node, client, discovered, monkeypatch):
    monkeypatch.setattr(servers, '_PATIENCE', 0.1)
    reached = threading.Event()
    kept, answer = ask_for_service(node, client, reached)
    assert done(answer)
    assert reached.is_set() and not discovered.is_set()
    del kept
