"""Runs of ``dexgrasp dataset generate`` that take seconds, and what they wrote."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import trimesh
from inline_work import run_command

HAND, GRASPS, SHARD = 'barrett', 6, 4
# Two objects of two shards each; few iterations, and a weak squeeze, so that some grasps fail. How
# fingers close and hold is asked of searches elsewhere.
SETTINGS = (
    *('--hands', HAND, '--grasps-per-object', str(GRASPS), '--shard-size', str(SHARD)),
    *('--round-seeds', '16', '--max-rounds', '2', '--directions', '4', '--max-scenes', '1'),
    *('--iterations', '40', '--squeeze-force', '5', '--device', 'cpu', '--no-simulate-closing'),
)
PATIENCE = 300.0  # s for what a run shall reach


def write_meshes(folder: Path) -> Path:
    """Write a box and a ball, with their table."""
    folder.mkdir(parents=True)
    trimesh.creation.box((0.05, 0.06, 0.09)).export(folder / 'box.stl')
    trimesh.creation.icosphere(subdivisions=3, radius=0.035).export(folder / 'ball.obj')
    (folder / 'objects.csv').write_text('file,license,source\nball.obj,CC0,made up\n')
    return folder


def words(objects: Path, out: Path, *more: str) -> list[str]:
    """Words of the command; later options count."""
    return ['dataset', 'generate', '--objects', str(objects), '--out', str(out), *SETTINGS, *more]


def generate(objects: Path, out: Path, *more: str) -> tuple[int, dict, str]:
    """Run here to the end; return the exit code, the report, and what was said."""
    return run_command(*words(objects, out, *more))


@contextmanager
def running(objects: Path, out: Path, *more: str) -> Iterator[subprocess.Popen]:
    """Begin a run in a process group of its own; what is left of it ends with the context."""
    process = subprocess.Popen(
        [sys.executable, '-m', 'dexgrasp_ros.cli', *words(objects, out, *more), '--json'],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_for(condition: Callable[[], object], process: subprocess.Popen) -> None:
    """Wait until something holds, while a run goes on."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert process.poll() is None, f'the run has ended: {process.communicate()}'
        assert time.monotonic() < deadline
        time.sleep(0.01)


def worker_pids(pid: int) -> list[int]:
    """Worker processes of a run in a process."""
    return [child for child, parent in _parents().items() if parent == pid and _works(child)]


def _works(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return 'worker_process' in Path(f'/proc/{pid}/cmdline').read_text()
    return False


def working_pids(process: subprocess.Popen) -> list[int]:
    """Processes of a run's own Ray cluster that are at a task."""
    parents, found = _parents(), []
    for pid in parents:
        above = pid
        while above in parents and above != process.pid:
            above = parents[above]
        with contextlib.suppress(OSError):
            title = Path(f'/proc/{pid}/cmdline').read_text()
            if above == process.pid and title.startswith('ray::call'):
                found.append(pid)
    return found


def _parents() -> dict[int, int]:
    """Parent of each process of this machine."""
    parents = {}
    for folder in Path('/proc').glob('[0-9]*'):
        with contextlib.suppress(OSError, IndexError):
            told = (folder / 'stat').read_text().rpartition(')')[2].split()
            parents[int(folder.name)] = int(told[1])
    return parents


def content(out: Path) -> dict[str, bytes]:
    """All files of a dataset, but for how long things took."""
    paths = [p for p in sorted(out.rglob('*')) if p.is_file()]
    names = {p.relative_to(out).as_posix(): p for p in paths}
    return {n: p.read_bytes() for n, p in names.items() if not n.startswith('timing/')}


def shards(out: Path) -> list[Path]:
    """Shards of grasps that are there."""
    return sorted(out.glob('grasps/*/*/*.parquet'))
