"""A client of nodes under test: it sends messages, and knows when they have been dealt with."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from ideal_robot import IdealRobot
from messages import TEXTS
from rcl_interfaces.msg import Parameter as ParameterMessage
from rcl_interfaces.msg import ParameterValue
from rcl_interfaces.srv import GetParameters, SetParameters
from rclpy.parameter import Parameter
from rclpy.publisher import Publisher
from rclpy.qos import QoSProfile

from dexgrasp_ros.bridge.client import GraspClient
from dexgrasp_ros.bridge.qos import standard
from dexgrasp_ros.bridge.trajectories import finger_points, pose_points
from dexgrasp_ros.core.errors import LONGEST_MESSAGE, ErrorCode
from dexgrasp_ros.nodes.graph import start_graph

SECONDS = 120.0  # for one message or goal, or a start, on a busy machine
ENOUGH = 3.0  # s of a search that goes well; then it is cancelled
_LONGEST_LINE = 2 * LONGEST_MESSAGE  # of a log, which has a stamp and the node's name as well
# m and rad beyond which no command of the grasps of this folder leads; the workspace has 2 m
_FAR_WRIST, _FAR_JOINT = 3.0, 4.0


class NodeSession:
    """See the module.

    Parameters
    ----------
    client
        Spins the node that sends.
    log
        Lines that the nodes have logged so far; it grows.
    robot
        What hears commands, where a node sends any.
    """

    def __init__(
        self, client: GraspClient, log: list[str], robot: IdealRobot | None = None
    ) -> None:
        self.client, self.log, self.robot, self.node = client, log, robot, client.node
        self.kept: dict[str, Any] = {}  # what doors remember from one message to the next
        self._publishers: dict[str, Publisher] = {}
        self._said = len(log)  # lines of it that were looked at

    def publish(self, kind: type, topic: str, message: Any, qos: QoSProfile | None = None) -> None:
        """Send a message to a node that listens, as it was made or spoilt."""
        if topic not in self._publishers:
            self._publishers[topic] = self.node.create_publisher(kind, topic, qos or standard())
            wait_for(self._publishers[topic].get_subscription_count, f'who hears {topic}')
        self._publishers[topic].publish(message)

    def heard(self, node: str) -> None:
        """Return once a node has looked at all that was sent to it."""
        for _ in range(3):
            answer = self.call(GetParameters, f'{node}/get_parameters', names=['use_sim_time'])
            assert len(answer.values) == 1

    @contextlib.contextmanager
    def changed(self, node: str, values: dict[str, Any]) -> Iterator[None]:
        """Change parameters of a node for as long as the context lasts."""
        get = f'{node}/get_parameters'
        before = self.call(GetParameters, get, names=list(values)).values
        after = [Parameter('', value=v).to_parameter_msg().value for v in values.values()]

        def put(some: list[ParameterValue]) -> None:
            named = [ParameterMessage(name=n, value=v) for n, v in zip(values, some, strict=True)]
            answer = self.call(SetParameters, f'{node}/set_parameters', parameters=named)
            assert all(result.successful for result in answer.results), answer

        put(after)
        try:
            yield
        finally:
            put(before)

    def call(self, kind: type, name: str, **request: Any) -> Any:
        """Answer of a service, in bounded time."""
        client = self.node.create_client(kind, name)
        assert client.wait_for_service(SECONDS), f'nobody offers {name}'
        try:
            done = client.call_async(kind.Request(**request))
            wait_for(done.done, f'an answer of {name}')
            return done.result()
        finally:
            self.node.destroy_client(client)

    def end_of(self, send: Callable[..., Any], goal: Any) -> str:
        """Send a goal; let it end, or cancel it once it does something; return its sentence."""
        begun: list[object] = []
        # A search says so before it searches, an execution when it moves.
        handle = send(goal, feedback=begun.append, timeout=SECONDS)
        until = time.monotonic() + ENOUGH
        moves = self.robot is not None
        while not self.client.is_complete(handle) and time.monotonic() < until:
            if moves and begun:
                break
            time.sleep(0.002)
        if not self.client.is_complete(handle):
            self.client.cancel(handle)
        result = self.client.wait_for_result(handle, SECONDS).result
        assert ErrorCode(result.error_code) != ErrorCode.INTERNAL, result.error_message
        assert bool(result.error_message) == bool(result.error_code)
        return result.error_message

    def check(self, *told: str) -> None:
        """Hold what a node told and logged, and what it commanded, against the promise.

        Raises
        ------
        AssertionError
            A trace, a message that repeats all that came, a command that leads anywhere.
        """
        lines = self.log[self._said :]
        self._said = len(self.log)
        assert not any('Traceback' in line for line in lines), '\n'.join(lines)
        for text in told:
            assert len(text) <= LONGEST_MESSAGE, text
        for text in (*told, *lines):
            assert len(text) <= _LONGEST_LINE, text[:_LONGEST_LINE]
            for long in TEXTS:
                assert len(long) <= 200 or long[:201] not in text, text[:_LONGEST_LINE]
        if self.robot is not None:
            self._check_commands()

    def _check_commands(self) -> None:
        self.robot.wait_until_heard()
        for command in self.robot.heard:
            if hasattr(command.points[0], 'positions') if command.points else False:
                points, times = finger_points(command)
                assert (np.abs(points) < _FAR_JOINT).all(), points
            else:
                points, times = pose_points(command)
                away = np.linalg.norm(points[:, :3] - IdealRobot.HOME[:3], axis=1)
                assert (away < _FAR_WRIST).all(), points
            assert np.isfinite(times).all()
        self.robot.reset()


def wait_for(condition: Callable[[], Any], what: str, timeout: float = SECONDS) -> None:
    """Wait for a condition."""
    until = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < until, f'{what} did not come within {timeout:g} s'
        time.sleep(0.001)


@contextlib.contextmanager
def own_session(door: Any, domain: int) -> Iterator[NodeSession]:
    """Start the node of a door, and end it."""
    from dexgrasp_ros.hand import load_hand

    node, log = door.node, []
    with contextlib.ExitStack() as stack:
        given = {node: door.parameters}
        graph = start_graph(nodes=[node], parameters=given, domain_id=domain, log=log.append)
        (process,) = stack.enter_context(graph).values()
        client = stack.enter_context(GraspClient(domain_id=domain))
        robot = None
        if node == 'hand_command_node':
            robot = IdealRobot(domain, load_hand('allegro'))
            stack.callback(robot.close)
        session = NodeSession(client, log, robot)
        wait_for_start(node, session)
        yield session
        assert process.poll() is None, f'the node has died: {log[-5:]}'


def wait_for_start(node: str, session: NodeSession) -> None:
    """Wait until a node takes what comes."""
    client, robot = session.client, session.robot
    client.wait_until_ready(
        SECONDS,
        grasps=node == 'grasp_node',
        reconstruction=node == 'reconstruction_node',
        execution=node == 'hand_command_node',
    )
    session.heard(node)
    if robot is not None:
        wait_for(lambda: robot.node.count_publishers('joint_trajectory'), 'the connection')
        robot.wait_until_heard()
