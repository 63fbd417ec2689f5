"""Tables cleared in the closed loop, by scene; run it again and it goes on where it stopped.

    .venv/bin/python benchmark/clear.py [FOLDER] [--hands allegro barrett shadow]
        [--objects 025_mug …] [--scenes 0 1 2] [--count 5] [--labels simulator|tabletop]
        [--pictures DIR] [--out FILE.jsonl]

One graph for each hand. In each scene ``--count`` objects, drawn from the list by the scene's
number, settle together into a heap; `clear_table` then clears what one noisy camera sees. What is
cleared is decided by where the objects are in the end; whether an attempt succeeded, by what the
action says, which has seen the table after it. An attempt disturbed another object if one moved by
more than 5 mm before the lift was over. Each scene is one line of JSON in ``--out``, and lines
that are there are not made again.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tyro
from arguments import Folder, find_meshes
from markdown_tables import interval, share, show, table
from records import Record, Records, machine

from dexgrasp_ros import load_hand
from dexgrasp_ros.bridge import GraspClient
from dexgrasp_ros.bridge.simulation_watch import SimulationWatch
from dexgrasp_ros.cli.clear_table import OUTSIDE, Moments
from dexgrasp_ros.core.errors import DexGraspError
from dexgrasp_ros.nodes.graph import start_graph
from dexgrasp_ros.simulation import save_picture, stand_objects

_KEY = ('hand', 'scene', 'objects', 'count', 'labels', 'seed_count')
_HEAD = ('hand', 'scenes', 'attempts that cleared', '95 % interval', 'objects cleared',
         '95 % interval', 'attempts an object', 's an attempt', 'disturbed a neighbour',
         'what failed')  # fmt: skip
_MOVED = 0.005  # m
_TIMEOUT = 3600.0  # s for a scene


def main(
    folder: Folder = None,
    *,
    hands: tuple[str, ...] = ('allegro', 'barrett', 'shadow'),
    objects: tuple[str, ...] = (),
    scenes: tuple[int, ...] = tuple(range(12)),
    count: int = 5,
    labels: str = 'simulator',
    seed_count: int = 128,
    device: str = 'auto',
    pictures: Path | None = None,
    out: Path = Path('out/clear.jsonl'),
) -> list[str]:
    """Make what is missing; print and return the table of all that was asked for."""
    meshes, stored = find_meshes(folder, objects), Records(out, _KEY)
    rows = []
    for hand in hands:
        heads = [
            {
                'hand': Path(hand).stem,
                'scene': scene,
                'objects': ','.join(meshes),
                'count': count,
                'labels': labels,
                'seed_count': seed_count,
            }
            for scene in scenes
        ]
        if todo := [head for head in heads if head not in stored]:
            for record in _run(hand, meshes, todo, device, pictures):
                stored.add(record)
                print(
                    f'{hand} scene {record["scene"]}: {record["cleared"]} of {record["there"]} in'
                    f' {len(record["attempts"])} attempts {record["message"]}'
                    f' ({record["seconds"]:.0f} s)',
                    flush=True,
                )
        rows.append(_cells(hand, [stored[head] for head in heads]))
    lines = list(table(_HEAD, rows))
    show(lines)
    return lines


def _run(
    hand: str, meshes: dict[str, Path], heads: list[Record], device: str, pictures: Path | None
) -> Iterator[Record]:
    """Yield a record for each head, all from one graph."""
    # Only this machine: a benchmark must not talk to somebody's robot.
    os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    model, files = load_hand(hand), list(meshes.values())
    for head in heads:  # convex pieces are kept on disk; a node that makes them stands still
        stand_objects(files, random_seed=head['scene'], count=head['count'], heaped=True)
    first = heads[0]
    with (
        start_graph(
            hand=hand,
            device=device,
            closed_loop=True,
            clearing=True,
            segmentation=first['labels'] == 'tabletop',
            parameters={
                'sim_hand_node': _world(files, first),
                'clear_table_node': {'seed_count': first['seed_count']},
            },
        ),
        GraspClient() as client,
    ):
        watch = SimulationWatch(client.node, model)
        client.wait_until_ready(timeout=240.0, execution=True, clearing=True)
        for head in heads:
            begin = time.perf_counter()
            watch.reset(_world(files, head))
            client.clear_objects()
            watch.wait_for_image()
            record = head | _clear(client, watch, model, head, pictures)
            yield record | {'seconds': time.perf_counter() - begin, 'machine': machine()}


def _world(files: list[Path], head: Record) -> dict[str, Any]:
    return {
        'objects': ','.join(map(str, files)),
        'random_seed': head['scene'],
        'object_count': head['count'],
        'heaped': True,
    }


def _clear(
    client: GraspClient, watch: SimulationWatch, model: Any, head: Record, pictures: Path | None
) -> Record:
    """Clear one scene."""
    moments, times = Moments(watch), {}

    def note(feedback: Any) -> None:
        moments.note(feedback)
        times.setdefault((feedback.attempt, feedback.phase), watch.now)

    try:
        result = client.clear_table(feedback=note, timeout=_TIMEOUT).result
    except DexGraspError as error:
        return {'there': head['count'], 'cleared': 0, 'attempts': [], 'message': str(error)}
    attempts = [_attempt(report, watch, times) for report in result.reports]
    if pictures is not None:
        pictures.mkdir(parents=True, exist_ok=True)
        name = f'{head["hand"]}_{head["labels"]}_{head["scene"]}.png'
        save_picture(moments.draw(model, result.reports), pictures / name)
    poses = watch.object_poses()
    return {
        'there': len(poses),
        'cleared': sum(bool(np.linalg.norm(p[:2]) > OUTSIDE) for p in poses.values()),
        'seen': result.objects,
        'attempts': attempts,
        'left': list(result.left),
        'message': result.error_message,
        'timing': {t.phase: t.seconds for t in result.timing},
    }


def _attempt(report: Any, watch: SimulationWatch, times: dict[tuple[int, str], float]) -> Record:
    """Return what an attempt came to, and whether it moved another object than its own."""
    begin = watch.object_poses(times[report.number, 'execute'])
    ends = [times[k] for k in ((report.number, 'check'), (report.number, 'home')) if k in times]
    end = watch.object_poses(min(ends)) if ends else begin
    moved = {k: float(np.linalg.norm(end[k][:3] - begin[k][:3])) for k in begin}
    # With labels of its own, which object is meant is told by what moved most.
    own = report.object_label if report.object_label in moved else max(moved, key=moved.get)
    others = [far for label, far in moved.items() if label != own]
    return {
        'object': report.object_id,
        'outcome': report.outcome,
        'message': report.message,
        'score': report.grasp.quality.score,
        'disturbed': bool(max(others, default=0.0) > _MOVED),
        'timing': {t.phase: t.seconds for t in report.timing},
    }


def _cells(hand: str, records: list[Record]) -> list[str]:
    attempts = [a for r in records for a in r['attempts']]
    good = sum(a['outcome'] == 'cleared' for a in attempts)
    cleared, there = sum(r['cleared'] for r in records), sum(r['there'] for r in records)
    seconds = sum(sum(r.get('timing', {}).values()) for r in records)
    causes = Counter(a['outcome'] for a in attempts if a['outcome'] != 'cleared')
    made = max(len(attempts), 1)
    return [
        Path(hand).stem,
        str(len(records)),
        share(good, made, 0),
        f'{interval(good, made)} %',
        share(cleared, there, 0),
        f'{interval(cleared, there)} %',
        f'{len(attempts) / max(there, 1):.2f}',
        f'{seconds / made:.0f}',
        share(sum(a['disturbed'] for a in attempts), made, 0),
        ', '.join(f'{n} {cause}' for cause, n in causes.most_common()) or '–',
    ]


if __name__ == '__main__':
    tyro.cli(main)
