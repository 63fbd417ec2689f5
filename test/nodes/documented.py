"""Commands as the documents give them, and graphs that such a command starts."""

from __future__ import annotations

import contextlib
import shlex
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from launch_stand_ins import ROOT, Context, all_nodes, ros_arguments, stand_ins

_END = 10.0  # s that a process has after it was told to end


def documented(page: str, start: str) -> list[str]:
    """Words of the one command on a page of `docs/` that begins so."""
    text = (ROOT / 'docs' / page).read_text(encoding='utf-8').replace('\\\n', ' ')
    (line,) = (line for line in text.splitlines() if line.strip().startswith(start))
    return shlex.split(line, comments=True)


@contextlib.contextmanager
def launched_graph(command: list[str], folder: Path) -> Iterator[dict[str, subprocess.Popen]]:
    """Run the nodes of this package that `ros2 launch dexgrasp_ros FILE ...` starts.

    The launch file is the real one. `launch` is played, and so are others' nodes, such as drivers.
    """
    assert command[:3] == ['ros2', 'launch', 'dexgrasp_ros']
    (path,) = (ROOT / 'launch').rglob(command[3])
    given = dict(word.split(':=', 1) for word in command[4:])
    with stand_ins():
        nodes = all_nodes(path, Context(**given))
    children = {}
    try:
        for name, node in nodes.items():
            words = [sys.executable, '-m', 'dexgrasp_ros.nodes.child', node.executable]
            children[name] = subprocess.Popen(
                [*words, *ros_arguments(node, folder)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
            threading.Thread(target=_tell, args=(name, children[name]), daemon=True).start()
        yield children
    finally:
        for child in children.values():
            child.terminate()
        for child in children.values():
            child.wait(_END)
            child.stdin.close()


def _tell(name: str, child: subprocess.Popen) -> None:
    """Pass on what a node says, for pytest to show where a test fails."""
    for line in child.stdout:
        print(f'[{name}] {line.rstrip()}')
