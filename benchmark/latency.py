"""Time from goal to result over ROS, by phase: real nodes, real DDS, one label at a time.

    .venv/bin/python benchmark/latency.py [SCENE.npz] [--hand allegro] [--max-grasps 16]
        [--repeats 30] [--device auto] [--out FILE.md]

The graph is that of `dexgrasp demo`: a camera that shows the scene (by default the one that the
package renders), reconstruction, search and hand command, each a process. Goals ask for one label
after another, each with a random seed of its own, for live objects: where the last reconstruction
is older than the node's `object_max_age`, it is done again within the goal, and counts. The
first goal is not timed. Each row is the median, with the least and the most.
"""

from __future__ import annotations

import os
import platform
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tyro

from dexgrasp_ros.bridge import GraspClient
from dexgrasp_ros.core.depth_frame import load_scene
from dexgrasp_ros.nodes.graph import start_graph
from dexgrasp_ros.simulation import make_demo_scene, save_scene


def main(
    scene: tyro.conf.Positional[Path | None] = None,
    *,
    hand: str = 'allegro',
    max_grasps: int = 16,
    seed_count: int = 128,
    repeats: int = 30,
    device: str = 'auto',
    out: Path | None = None,
) -> None:
    """Print the table."""
    # Only this machine: a benchmark must not talk to somebody's robot.
    os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    with tempfile.TemporaryDirectory() as folder:
        if scene is None:
            scene = Path(folder) / 'scene.npz'
            save_scene(make_demo_scene(random_seed=0), scene)
        labels = [int(n) for n in np.unique(load_scene(scene).labels) if n > 0]
        times: dict[str, list[float]] = defaultdict(list)
        with (
            start_graph(scene=scene.resolve(), hand=hand, device=device),
            GraspClient() as client,
        ):
            client.wait_until_ready(timeout=180.0)
            for k in range(-1, repeats):
                request = {'max_grasps': max_grasps, 'seed_count': seed_count}
                request |= {'label': labels[k % len(labels)], 'random_seed': k + 1}
                for name, value in _ask(client, request).items():
                    if k >= 0:
                        times[name].append(value)
    lines = [
        f'{platform.machine()}, {os.cpu_count()} cores; {hand}, {max_grasps} grasps of'
        f' {seed_count} seeds, {repeats} goals, {len(labels)} objects\n',
        '| phase | median [s] | least to most |',
        '| --- | --- | --- |',
        *(_row(name, times[name], repeats) for name in times),
    ]
    print('\n'.join(lines))
    if out is not None:
        out.write_text('\n'.join(lines) + '\n')


def _ask(client: GraspClient, request: dict[str, int]) -> dict[str, float]:
    """Seconds from goal to result, then those of the phases that the node tells of."""
    start = time.perf_counter()
    reply = client.synthesize(timeout=600.0, **request)
    whole = time.perf_counter() - start
    result = reply.check()
    phases = {p.phase: p.seconds for p in result.timing}
    other = whole - sum(phases.values())
    return {
        '**goal to result**': whole,
        **phases,
        'transport, waiting': other,
        'grasps': len(result.grasps.grasps),
    }


def _row(name: str, values: Sequence[float], repeats: int) -> str:
    """Phases that a goal went without count as 0."""
    filled = [*values, *[0.0] * (repeats - len(values))]
    digits = 0 if name == 'grasps' else 3
    median, low, high = np.median(filled), min(filled), max(filled)
    return f'| {name} | {median:.{digits}f} | {low:.{digits}f} to {high:.{digits}f} |'


if __name__ == '__main__':
    tyro.cli(main)
