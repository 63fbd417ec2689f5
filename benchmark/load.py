"""What a graph takes for hours of work: failures, latency and memory of each node under load.

    .venv/bin/python benchmark/load.py [--goals 1000] [--clients 20] [--minutes 20]
        [--browsers 4] [--drawn] [--hand allegro] [--device auto] [--out FILE.md]

Real nodes, real DDS: a camera of 1280 x 720 pixels at 30 Hz, reconstruction, search, viewer. Pages
of the viewer are open all the while: plain websocket clients that read what a page is sent, or
with `--drawn` pages in a headless Chromium (by Playwright), which draws them on the same cores.
Then, one after the other:

- goals in a row, for boxes of 25 sizes over and over, each tenth for an object that is seen;
- clients, all at once, with three goals each: a newer goal pre-empts an older one, by policy;
- the objects reconstructed each second, until so many minutes have passed since the first goal.

Searches are small (8 seeds, 48 for what is seen, 50 iterations), so that many fit into the time.
Memory is resident, noted after each goal; its slope is that of a line through what was noted once
`--settled` goals were done, latency the median over the first and over the last tenth of the goals
for boxes, with 95 % intervals. Each figure is of one run.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import trimesh
import tyro
from markdown_tables import show, table
from numpy.typing import NDArray
from records import machine
from scipy import stats

from dexgrasp_msgs.action import SynthesizeGrasps
from dexgrasp_ros.bridge import GraspClient
from dexgrasp_ros.bridge.geometry import mesh_message
from dexgrasp_ros.core.depth_frame import DepthFrame
from dexgrasp_ros.core.errors import DexGraspError, ErrorCode
from dexgrasp_ros.nodes.graph import start_graph
from dexgrasp_ros.simulation import make_demo_scene, save_scene
from dexgrasp_ros.viewer.server import check_address

RATE, ROWS = 30.0, 720  # Hz, px
SEARCH = {'seed_count': 8, 'iterations': 50, 'seed_draws': 2}
NODES = ('sim_camera_node', 'reconstruction_node', 'grasp_node', 'viewer_node')
POLICY = (ErrorCode.PREEMPTED, ErrorCode.CANCELLED)
_SIZES = np.random.default_rng(0).uniform(0.03, 0.10, (25, 3))  # m
_SEEN_SEEDS = 48  # what is seen is harder to hold than a box
_TURNS = 3  # goals of each client
_TIMEOUT = 600.0  # s for a goal; on a busy machine other clients' work comes first
_RESAMPLES = 2000
# Without a graphics card, and as root in a container.
_BROWSER_ARGUMENTS = ('--no-sandbox', '--use-angle=swiftshader', '--enable-unsafe-swiftshader')


def main(
    *,
    goals: int = 1000,
    clients: int = 20,
    minutes: float = 20.0,
    browsers: int = 4,
    drawn: bool = False,
    settled: int = 100,
    hand: str = 'allegro',
    device: str = 'auto',
    out: Path | None = None,
) -> None:
    """Print the tables."""
    # Only this machine: a benchmark must not talk to somebody's robot.
    os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    seen = make_demo_scene(random_seed=0)
    labels = [int(n) for n in np.unique(seen.labels) if n > 0]
    port = check_address('127.0.0.1', 0)
    parameters = {
        'sim_camera_node': {'rate': RATE},
        'grasp_node': {f'synthesis.{name}': value for name, value in SEARCH.items()},
        'viewer_node': {'port': port},
    }
    with contextlib.ExitStack() as stack:
        scene = Path(stack.enter_context(tempfile.TemporaryDirectory())) / 'scene.npz'
        save_scene(enlarged(seen), scene)
        processes = stack.enter_context(
            start_graph(
                scene=scene,
                hand=hand,
                device=device,
                viewer=True,
                parameters=parameters,
                nodes=NODES,
            )
        )
        client = stack.enter_context(GraspClient())
        client.wait_until_ready(timeout=300.0)
        memory = Memory({name: process.pid for name, process in processes.items()})
        memory.note('at the start')
        sent = stack.enter_context((drawn_pages if drawn else read_pages)(browsers, port))
        end = time.monotonic() + 60.0 * minutes
        row = in_a_row(client, goals, labels, memory, settled)
        memory.note('after the goals')
        crowd = at_once(clients)
        memory.note('after the clients')
        made = reconstruct_until(end, client)
        memory.note('at the end')
    kind = 'drawn ' if drawn else ''
    asked = f'{goals} goals, {clients} clients, {minutes:g} minutes, {browsers} {kind}pages'
    ends = {'goals in a row': [code for code, _ in row], 'goals of clients': crowd}
    show(
        [
            f'{machine()}; {hand}, {asked}; {ROWS} rows at {RATE:g} Hz\n',
            *table(('', ''), [*_outcomes({**ends, 'reconstructions': made}), *_latency(row)]),
            *([f'\nA page was sent {np.mean(sent) / 2**20:.1f} MB.'] if sent else []),
            '\nResident memory [MB]\n',
            *memory.table(settled),
        ],
        out,
    )


def enlarged(frame: DepthFrame) -> DepthFrame:
    """Return a frame with pixels of half the size, cut to `ROWS` rows about its middle."""
    depth, labels = (a.repeat(2, axis=0).repeat(2, axis=1) for a in (frame.depth, frame.labels))
    first = max((len(depth) - ROWS) // 2, 0)
    rows = slice(first, first + ROWS)
    K = frame.intrinsics * [[2], [2], [1]]
    K[:2, 2] += [0.5, 0.5 - first]
    return replace(frame, depth=depth[rows], labels=labels[rows], intrinsics=K, rgb=None)


class Memory:
    """Resident memory of processes [MB], by moment and over the goals."""

    def __init__(self, pids: dict[str, int]) -> None:
        self._pids = pids
        self._moments: dict[str, dict[str, float]] = {}
        self._goals: list[dict[str, float]] = []

    def note(self, moment: str = '') -> None:
        """Note it after a goal, or at a moment that has a name."""
        page = os.sysconf('SC_PAGE_SIZE') / 2**20
        now = {
            name: int(Path(f'/proc/{pid}/statm').read_text().split()[1]) * page
            for name, pid in self._pids.items()
        }
        if moment:
            self._moments[moment] = now
        else:
            self._goals.append(now)

    def table(self, settled: int) -> Iterator[str]:
        """Yield the lines of a table with a row for each process."""
        rows = []
        for name in self._pids:
            held = [f'{now[name]:.0f}' for now in self._moments.values()]
            rows.append([f'`{name}`', *held, _slope([g[name] for g in self._goals[settled:]])])
        yield from table(('node', *self._moments, 'slope a 100 goals'), rows)


def _slope(values: Sequence[float]) -> str:
    """Growth over 100 goals, with its interval."""
    if len(values) < 3:
        return '–'
    line = stats.linregress(np.arange(len(values)), values)
    half = stats.t.ppf(0.975, len(values) - 2) * line.stderr
    low, middle, high = 100 * (line.slope - half), 100 * line.slope, 100 * (line.slope + half)
    return f'{middle:+.1f} ({low:+.1f} to {high:+.1f})'


@contextlib.contextmanager
def read_pages(count: int, port: int) -> Iterator[list[int]]:
    """Open pages of the viewer; yield the bytes that each has been sent."""
    import viser
    from websockets.sync.client import connect
    from websockets.typing import Subprotocol

    protocol = [Subprotocol(f'viser-v{viser.__version__}')]
    sent, readers = [0] * count, []

    def read(k: int, page: object) -> None:
        for message in page:
            sent[k] += len(message)

    with contextlib.ExitStack() as stack:
        for k in range(count):
            address = f'ws://127.0.0.1:{port}'
            page = stack.enter_context(connect(address, subprotocols=protocol, max_size=None))
            readers.append(threading.Thread(target=read, args=(k, page)))
            readers[-1].start()
        yield sent
    for reader in readers:
        reader.join()


@contextlib.contextmanager
def drawn_pages(count: int, port: int) -> Iterator[list[int]]:
    """Open pages of the viewer in a browser; what they are sent is not counted."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=shutil.which('chromium'), args=list(_BROWSER_ARGUMENTS)
        )
        for _ in range(count):
            browser.new_page(viewport={'width': 800, 'height': 450}).goto(
                f'http://127.0.0.1:{port}', timeout=1000 * _TIMEOUT
            )
        yield []
        browser.close()


def box_goal(size: NDArray[np.float64]) -> SynthesizeGrasps.Goal:
    """Goal for a box of these edges [m]."""
    box = trimesh.creation.box(size)
    goal = SynthesizeGrasps.Goal(source=SynthesizeGrasps.Goal.SOURCE_MESH)
    goal.mesh = mesh_message(box.vertices, box.faces)
    goal.mesh_pose.header.frame_id = 'table'
    return goal


def in_a_row(
    client: GraspClient, count: int, labels: Sequence[int], memory: Memory, settled: int
) -> list[tuple[str, float | None]]:
    """Return how each goal ended, and the seconds that it took; None for what is seen."""
    ends = []
    for k in range(count):
        is_seen = k % 10 == 9
        goal = box_goal(_SIZES[k % len(_SIZES)])
        if is_seen:
            label = labels[k // 10 % len(labels)]
            goal = SynthesizeGrasps.Goal(label=label, seed_count=_SEEN_SEEDS)
        start = time.perf_counter()
        code = _ask(lambda goal=goal: client.synthesize(goal, timeout=_TIMEOUT).check())
        ends.append((code, None if is_seen else time.perf_counter() - start))
        memory.note()
        if k + 1 == settled < count:
            memory.note(f'after {settled} goals')
    return ends


def at_once(count: int) -> list[str]:
    """How the goals of so many clients ended."""

    def work(k: int) -> list[str]:
        goal = box_goal(_SIZES[k % len(_SIZES)])
        with GraspClient(node_name=f'client_{k}') as client:
            client.wait_until_ready(timeout=_TIMEOUT)
            return [
                _ask(lambda: client.synthesize(goal, timeout=_TIMEOUT).check())
                for _ in range(_TURNS)
            ]

    with ThreadPoolExecutor(max(count, 1)) as pool:
        return [code for codes in pool.map(work, range(count)) for code in codes]


def reconstruct_until(end: float, client: GraspClient) -> list[str]:
    """How reconstructions ended, one a second, until a time of `time.monotonic`."""
    ends = []
    while (start := time.monotonic()) < end:
        ends.append(_ask(lambda: ErrorCode(client.reconstruct().error_code)))
        time.sleep(max(start + 1.0 - time.monotonic(), 0.0))
    return ends


def _ask(call: Callable[[], object]) -> str:
    """Name of the code that a call raises or returns; SUCCESS for any other value."""
    try:
        code = call()
    except DexGraspError as error:
        code = error.code
    return code.name if isinstance(code, ErrorCode) else ErrorCode.SUCCESS.name


def _outcomes(ends: dict[str, list[str]]) -> Iterator[list[str]]:
    """Rows of how many came to which end, and of the failures that no policy explains."""
    for name, codes in ends.items():
        yield [name, ', '.join(f'{n} {code}' for code, n in Counter(codes).most_common()) or '0']
    well = {ErrorCode.SUCCESS.name, *(code.name for code in POLICY)}
    failed = [code for codes in ends.values() for code in codes if code not in well]
    yield ['failures but by policy', str(len(failed))]


def _latency(row: Sequence[tuple[str, float | None]]) -> Iterator[list[str]]:
    """Rows of the median at the start and at the end, and of what that has grown."""
    seconds = [taken for code, taken in row if taken is not None and code == 'SUCCESS']
    tenth = len(seconds) // 10
    if not tenth:
        return
    rng = np.random.default_rng(0)
    parts = {'first': np.array(seconds[:tenth]), 'last': np.array(seconds[-tenth:])}
    medians = {
        name: np.median(rng.choice(part, (_RESAMPLES, tenth)), axis=1)
        for name, part in parts.items()
    }
    for name, part in parts.items():
        low, high = np.percentile(medians[name], [2.5, 97.5])
        cell = f'{np.median(part):.2f} s ({low:.2f} to {high:.2f})'
        yield [f'latency, {name} tenth of the boxes', cell]
    low, high = 100 * (np.percentile(medians['last'] / medians['first'], [2.5, 97.5]) - 1)
    grown = 100 * (np.median(parts['last']) / np.median(parts['first']) - 1)
    yield ['change', f'{grown:+.0f} % ({low:+.0f} to {high:+.0f})']


if __name__ == '__main__':
    tyro.cli(main)
