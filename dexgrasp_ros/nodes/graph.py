"""The nodes as child processes, for starting them without launch."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import yaml

from dexgrasp_ros.core.resources import find_resource
from dexgrasp_ros.nodes.launching import ANY_AGE

_STOP_TIMEOUT = 10.0  # s between asking a process to end and ending it
_LOG = logging.getLogger(__name__)


@contextlib.contextmanager
def start_graph(
    *,
    scene: str | Path | None = None,
    hand: str = 'allegro',
    device: str = 'auto',
    segmentation: bool = False,
    viewer: bool = False,
    closed_loop: bool = False,
    clearing: bool = False,
    namespace: str = '',
    domain_id: int | None = None,
    parameters: Mapping[str, Mapping[str, object]] | None = None,
    nodes: Sequence[str] | None = None,
    log: Callable[[str], None] | None = None,
) -> Iterator[dict[str, subprocess.Popen[str]]]:
    """Run the graph as child processes for as long as the context lasts.

    The children end with the context, and also when this process dies in any way. Ctrl-C reaches
    this process only, which then ends them in order.

    Parameters
    ----------
    scene
        Scene file for `sim_camera_node`; without one that node is not started.
    hand
        Name of a hand or path of a URDF.
    device
        Device of the search.
    segmentation
        Start `tabletop_segmentation_node`, for a camera or a scene without labels.
    viewer
        Start `viewer_node`, the web page.
    closed_loop
        Start `sim_hand_node`, with a camera that sees what it simulates; `execute_grasp` moves
        the hand, and nothing else does.
    clearing
        Start `clear_table_node`, whose looks at the table then decide what `grasp_node` knows.
    namespace
        Of all nodes.
    domain_id
        ROS domain; by default that of the environment.
    parameters
        Further parameters, by node and name.
    nodes
        Which nodes to start; by default all.
    log
        Called with each line of the children's logs, on threads of their own; by default they go
        to the logger of this module.

    Yields
    ------
    dict
        The processes, by name of the node.
    """
    given: dict[str, dict[str, object]] = {
        'sim_camera_node': {'scene': str(scene)},
        'tabletop_segmentation_node': {},
        'reconstruction_node': {},
        'grasp_node': {'hand': str(hand), 'synthesis.device': device},
        'hand_command_node': {'hand': str(hand)},
        'clear_table_node': {},
        'viewer_node': {'hand': str(hand)},
    }
    if clearing:
        given['grasp_node']['object_max_age'] = ANY_AGE
    else:
        del given['clear_table_node']
    if closed_loop:
        given = _closed_loop(given, str(hand))
    elif scene is None:
        del given['sim_camera_node']
    if not segmentation:
        del given['tabletop_segmentation_node']
    if not viewer:
        del given['viewer_node']
    for node, values in (parameters or {}).items():
        given.setdefault(node, {}).update(values)
    environment = dict(os.environ)
    if domain_id is not None:
        environment['ROS_DOMAIN_ID'] = str(domain_id)
    children: dict[str, subprocess.Popen[str]] = {}
    readers: list[threading.Thread] = []
    try:
        for node in nodes if nodes is not None else given:
            command = _command(node, given.get(node, {}), namespace)
            child = subprocess.Popen(
                command,
                env=environment,
                # Its end tells the child that this process is gone; see `child`.
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors='replace',
                start_new_session=True,
            )
            children[node] = child
            readers.append(_forward(child, node, log or _LOG.info))
        yield children
    finally:
        _stop(list(children.values()))
        for reader in readers:
            reader.join()


def _closed_loop(given: dict[str, dict[str, object]], hand: str) -> dict[str, dict[str, object]]:
    """Return the parameters of all nodes where a simulation takes the robot's place."""
    given['sim_camera_node'] = {'hand': hand}
    for file in sorted(find_resource('config/closed_loop').glob('*.yaml')):
        settings = yaml.safe_load(file.read_text('utf-8'))['/**']['ros__parameters']
        if file.stem in given:
            given[file.stem] = settings | given[file.stem]
    # No file says so: with one, the launch file of a real robot would let commands leave.
    given['hand_command_node']['command_enabled'] = True
    for values in given.values():
        values['use_sim_time'] = True
    return {'sim_hand_node': {'hand': hand}, **given}


def _command(node: str, parameters: Mapping[str, object], namespace: str) -> list[str]:
    command = [sys.executable, '-m', 'dexgrasp_ros.nodes.child', node, '--ros-args']
    if namespace:
        command += ['-r', f'__ns:=/{namespace.strip("/")}']
    for name, value in parameters.items():
        command += ['-p', f'{name}:={_argument(value)}']
    return command


def _argument(value: object) -> str:
    """`value` as YAML; text in quotes, so that a path of digits stays text.

    JSON's quotes, since YAML folds the lines of a text in single ones.
    """
    if isinstance(value, str):
        return json.dumps(value)
    return str(value).lower() if isinstance(value, bool) else repr(value)


def _forward(
    child: subprocess.Popen[str], node: str, log: Callable[[str], None]
) -> threading.Thread:
    def read() -> None:
        for line in child.stdout:
            log(f'[{node}] {line.rstrip()}')

    thread = threading.Thread(target=read, name=f'{node}_log', daemon=True)
    thread.start()
    return thread


def _stop(children: Sequence[subprocess.Popen[str]]) -> None:
    for child in children:
        if child.poll() is None:
            child.send_signal(signal.SIGINT)
    for child in children:
        try:
            child.wait(_STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        child.stdin.close()
