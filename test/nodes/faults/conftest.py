"""A graph of real nodes that can be killed and started again one by one, and what it says."""

from __future__ import annotations

import contextlib
import dataclasses
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip('rclpy')

import trimesh
from diagnostic_msgs.msg import DiagnosticArray
from viewer_bench import free_port

from dexgrasp_msgs.action import SynthesizeGrasps
from dexgrasp_ros.bridge.client import GoalReply, GraspClient
from dexgrasp_ros.bridge.diagnostics import OK
from dexgrasp_ros.bridge.geometry import mesh_message
from dexgrasp_ros.bridge.qos import standard
from dexgrasp_ros.core.depth_frame import DepthFrame
from dexgrasp_ros.core.errors import DexGraspError, ErrorCode
from dexgrasp_ros.nodes.graph import start_graph

Goal = SynthesizeGrasps.Goal
LABEL = 5
PATIENCE = 180.0  # s; nodes start in the midst of it, and a machine may be busy
PAGE_PORT = free_port()
PARAMETERS = {
    'viewer_node': {'port': PAGE_PORT},
    'sim_camera_node': {'rate': 5.0},
    'reconstruction_node': {'image_timeout': 1.0, 'max_age': 2.0},
    'grasp_node': {
        # How good grasps are is not the subject.
        'synthesis.seed_count': 8,
        'synthesis.iterations': 50,
        'synthesis.seed_draws': 2,
        'synthesis.simulate_closing': False,
        'object_max_age': 0.0,  # each goal looks anew
    },
}
REPORTS = {
    'tabletop_segmentation_node': '/tabletop_segmentation_node: segmentation',
    'reconstruction_node': '/reconstruction_node: reconstruction',
    'grasp_node': '/grasp_node: synthesis',
}
SHORT_OF_MEMORY = Path(__file__).parent / 'short_of_memory.py'


class Graph:
    """Nodes as processes, a client of them, and the newest that each says on `/diagnostics`."""

    def __init__(self, **options: object) -> None:
        self._options = options
        self._stack = contextlib.ExitStack()
        self._processes: dict[str, subprocess.Popen[str]] = {}
        self.client = self._stack.enter_context(GraspClient())
        self._said: dict[str, tuple[bytes, str, dict[str, str]]] = {}
        self.client.node.create_subscription(
            DiagnosticArray, '/diagnostics', self._hear, standard()
        )

    def start(self, *nodes: str) -> None:
        graph = start_graph(nodes=nodes, parameters=PARAMETERS, log=print, **self._options)
        self._processes |= self._stack.enter_context(graph)

    def start_short_of_memory(self, sign: Path) -> None:
        """Start `grasp_node`, whose device has no memory left while there is the file `sign`."""
        given = [f'{name}:={value}' for name, value in PARAMETERS['grasp_node'].items()]
        options = ' '.join(f'-p {value}' for value in given).lower().split()
        command = [sys.executable, SHORT_OF_MEMORY, sign, 'grasp_node', '--ros-args', *options]
        process = subprocess.Popen(command, stdin=subprocess.PIPE)
        self._stack.callback(process.wait, 30)
        self._stack.callback(process.stdin.close)  # which ends it
        self._processes['grasp_node'] = process

    def kill(self, node: str) -> None:
        """End a node as ``kill -9`` does, and forget what it said."""
        self._processes[node].kill()
        self._processes[node].wait(30)
        self._said.pop(REPORTS.get(node), None)

    def terminate(self, node: str) -> int:
        """Ask a node to end as a container does; return its exit code."""
        self._processes[node].terminate()
        self._said.pop(REPORTS.get(node), None)
        return self._processes[node].wait(30)

    def pause(self, node: str) -> None:
        """Let a node hear and say nothing, so that it is killed at whatever it is asked for."""
        self._processes[node].send_signal(signal.SIGSTOP)

    def go_on(self, node: str) -> None:
        self._processes[node].send_signal(signal.SIGCONT)

    def close(self) -> None:
        self._stack.close()

    def synthesize(self, **fields: object) -> GoalReply:
        """Ask for grasps of what the camera sees."""
        fields = {'label': LABEL, **fields}
        return self.client.synthesize(source=Goal.SOURCE_LIVE, max_grasps=2, **fields)

    def begin_long_search(self) -> object:
        """Send a goal that takes minutes; return its handle once it searches."""
        self.until_said('grasp_node', lambda level, *_: level == OK)
        goal = goal_of_box(seed_count=512)
        searches = threading.Event()

        def hear(feedback: SynthesizeGrasps.Feedback) -> None:
            if feedback.phase == 'optimize':
                searches.set()

        handle = self.client.send_goal(goal, feedback=hear, timeout=PATIENCE)
        assert searches.wait(PATIENCE)
        return handle

    def until_grasps(self, **fields: object) -> None:
        """Ask until there are grasps, and all that report are content again."""

        def found() -> bool:
            try:
                return self.synthesize(**fields).succeeded
            except DexGraspError as error:  # sent to a node that was killed
                assert error.code == ErrorCode.TIME_LIMIT
                return False

        wait_for(found, 'a goal that succeeds')
        wait_for(lambda: all(level == OK for level, _, _ in self._said.values()), self._said)

    def until_code(self, code: ErrorCode, **fields: object) -> str:
        """Ask until goals end with a code; return the last one's sentence."""
        replies = []

        def asked() -> bool:
            replies.append(self.synthesize(**fields).result)
            return replies[-1].error_code == code

        wait_for(asked, code)
        return replies[-1].error_message

    def until_said(self, node: str, holds: Callable[[bytes, str, dict[str, str]], bool]) -> None:
        """Wait for level, sentence and values of a node's report that are as wanted."""
        name = REPORTS[node]
        wait_for(lambda: name in self._said and holds(*self._said[name]), self._said)

    def _hear(self, message: DiagnosticArray) -> None:
        for status in message.status:
            values = {v.key: v.value for v in status.values}
            self._said[status.name] = (status.level, status.message, values)


def goal_of_box(**fields: object) -> SynthesizeGrasps.Goal:
    box = trimesh.creation.box((0.06, 0.06, 0.1))
    mesh = mesh_message(box.vertices, box.faces)
    goal = Goal(source=Goal.SOURCE_MESH, mesh=mesh, **fields)
    goal.mesh_pose.header.frame_id = 'table'
    return goal


def wait_for(condition: Callable[[], object], what: object) -> None:
    until = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < until, what
        time.sleep(0.02)


@pytest.fixture(scope='module')
def make_graph(module_ros_domain):
    """Give graphs that end with the module; options are those of `start_graph`."""
    with contextlib.ExitStack() as stack:

        def make(**options: object) -> Graph:
            graph = Graph(**options)
            stack.callback(graph.close)
            return graph

        yield make


@pytest.fixture(scope='session')
def small_frame(frame: DepthFrame) -> DepthFrame:
    """Give every second pixel of the box."""
    return dataclasses.replace(
        frame,
        depth=frame.depth[::2, ::2],
        labels=frame.labels[::2, ::2],
        intrinsics=frame.intrinsics * [[0.5], [0.5], [1]],
    )


@pytest.fixture(scope='session')
def page_address() -> str:
    """Where `viewer_node` offers its page."""
    return f'http://127.0.0.1:{PAGE_PORT}'


@pytest.fixture(scope='session')
def until() -> Callable[[Callable[[], object], object], None]:
    """Wait for a condition, patiently."""
    return wait_for


@pytest.fixture(scope='session')
def box_goal() -> Callable[..., SynthesizeGrasps.Goal]:
    """Make goals for a box, with more fields."""
    return goal_of_box
