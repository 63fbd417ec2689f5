"""Time from goal to result over ROS, by phase: real nodes, real DDS, one label at a time.

    .venv/bin/python benchmark/latency.py [SCENE.npz] [--hand allegro] [--max-grasps 16]
        [--repeats 50] [--every] [--device auto] [--out FILE.md]

The graph is that of `dexgrasp demo`: a camera that shows the scene (by default the one that the
package renders), reconstruction, search and hand command, each a process. Goals ask for one label
after another, each with a random seed of its own, for live objects: where the last reconstruction
is older than the node's `object_max_age`, it is done again within the goal, and counts. The
first goal is not timed. With ``--every`` each goal asks for all objects of the frame; the row of
grasps is then their sum. From the image's stamp to the arrival of `grasps` is what a robot waits
for what it saw. `goal to first grasp` is when the feedback first tells a score: from then on the
search has a grasp, which is published with the others. Each row is the median, with the 95th
percentile, the least and the most.
"""

from __future__ import annotations

import math
import os
import queue
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tyro
from markdown_tables import show, table
from records import machine

from dexgrasp_msgs.action import SynthesizeGrasps
from dexgrasp_msgs.msg import GraspArray
from dexgrasp_ros.bridge import GraspClient
from dexgrasp_ros.bridge.geometry import stamp_to_nanoseconds
from dexgrasp_ros.bridge.qos import latched_subscription
from dexgrasp_ros.core.depth_frame import load_scene
from dexgrasp_ros.nodes.graph import start_graph
from dexgrasp_ros.simulation import make_demo_scene, save_scene


def main(
    scene: tyro.conf.Positional[Path | None] = None,
    *,
    hand: str = 'allegro',
    max_grasps: int = 16,
    seed_count: int = 128,
    repeats: int = 50,
    every: bool = False,
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
        asked = [int(SynthesizeGrasps.Goal.LABEL_ALL)] if every else labels
        times: dict[str, list[float]] = defaultdict(list)
        with (
            start_graph(scene=scene.resolve(), hand=hand, device=device),
            GraspClient() as client,
        ):
            client.wait_until_ready(timeout=180.0)
            ages = _ages(client)
            for k in range(-1, repeats):
                request = {'max_grasps': max_grasps, 'seed_count': seed_count}
                request |= {'label': asked[k % len(asked)], 'random_seed': k + 1}
                for name, value in _ask(client, request, ages).items():
                    if k >= 0:
                        times[name].append(value)
    title = f'{machine()}; {hand}, {max_grasps} grasps of {seed_count} seeds, {repeats} goals'
    title += ' for all at once' if every else ''
    rows = (_cells(name, seconds, repeats) for name, seconds in times.items())
    head = ('phase', 'median [s]', '95th percentile', 'least to most')
    show([f'{title}, {len(labels)} objects\n', *table(head, rows)], out)


def _ages(client: GraspClient) -> queue.SimpleQueue[tuple[int, float]]:
    """Stamp [ns] of the image of each `grasps` that arrives from now on, and its age then [s]."""
    ages: queue.SimpleQueue[tuple[int, float]] = queue.SimpleQueue()

    def take(message: GraspArray) -> None:
        stamp = stamp_to_nanoseconds(message.header.stamp)
        ages.put((stamp, (client.node.get_clock().now().nanoseconds - stamp) / 1e9))

    client.node.create_subscription(GraspArray, 'grasps', take, latched_subscription())
    return ages


def _ask(
    client: GraspClient, request: dict[str, int], ages: queue.SimpleQueue[tuple[int, float]]
) -> dict[str, float]:
    """Seconds from image and from goal to the grasps, then those of the node's phases."""
    scored: list[float] = []

    def look(feedback: SynthesizeGrasps.Feedback) -> None:
        if math.isfinite(feedback.best_score):
            scored.append(time.perf_counter() - start)

    start = time.perf_counter()
    reply = client.synthesize(timeout=600.0, feedback=look, **request)
    whole = time.perf_counter() - start
    result = reply.check()
    wanted, stamp = stamp_to_nanoseconds(result.grasps.header.stamp), None
    while stamp != wanted:
        stamp, age = ages.get(timeout=10.0)
    phases = {p.phase: p.seconds for p in result.timing}
    other = whole - sum(phases.values())
    return {
        '**image to `grasps`**': age,
        '**goal to first grasp**': scored[0] if scored else whole,
        '**goal to result**': whole,
        **phases,
        'transport, waiting': other,
        'grasps': len(result.grasps.grasps),
    }


def _cells(name: str, values: Sequence[float], repeats: int) -> list[str]:
    """Phases that a goal went without count as 0."""
    filled = [*values, *[0.0] * (repeats - len(values))]
    digits = 0 if name == 'grasps' else 3
    low, median, late, high = (f'{v:.{digits}f}' for v in np.percentile(filled, [0, 50, 95, 100]))
    return [name, median, late, f'{low} to {high}']


if __name__ == '__main__':
    tyro.cli(main)
