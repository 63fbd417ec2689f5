"""Lift rate in the closed loop, by object; run it again and it goes on where it stopped.

    .venv/bin/python benchmark/lift.py [--hands allegro barrett shadow] [--objects 025_mug …]
        [--random-seeds 0] [--object-mass 0.1] [--speed-scale 1.0] [--pictures DIR]
        [--out FILE.jsonl]

One graph for each hand: MuJoCo in place of the robot, a camera that looks at it with the noise of
a Kinect, reconstruction, search, execution; all goes through topics and actions. Each object
stands alone on the table as it comes to rest with its mesh's z up, turned about z by chance. It
is reconstructed from one image, and the best of the grasps is carried out once. It is lifted if
its lowest point was 8 cm above the table for 3 s on end; nothing but contact holds it.
Each attempt is one line of JSON in ``--out``, and lines that are there are not made again.
Settings may be chosen on the objects of `TUNED` only; the others are there to report on.
"""

from __future__ import annotations

import itertools
import os
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import tyro
from arguments import Folder, find_meshes
from markdown_tables import interval, share, show, table
from records import Record, Records, by_half, by_object, machine

from dexgrasp_ros import load_hand
from dexgrasp_ros.bridge import GraspClient
from dexgrasp_ros.bridge.attempt import Attempt, attempt_grasp
from dexgrasp_ros.bridge.geometry import stamp_to_nanoseconds
from dexgrasp_ros.bridge.simulation_watch import SimulationWatch
from dexgrasp_ros.cli.closed_loop import draw_attempt
from dexgrasp_ros.core.errors import DexGraspError, ErrorCode
from dexgrasp_ros.evaluation.lift import moved_by
from dexgrasp_ros.nodes.graph import start_graph
from dexgrasp_ros.simulation import save_picture, stand_objects

NO_RECONSTRUCTION, NO_GRASP = 'no reconstruction', 'no grasp'
# What makes a result another one.
_KEY = ('hand', 'object', 'random_seed', 'seed_count', 'object_mass', 'speed_scale', 'hold_force')
_HEAD = ('object', 'lifted', '95 % interval', 'what the rest died of')


def main(
    folder: Folder = None,
    *,
    hands: tuple[str, ...] = ('allegro', 'barrett', 'shadow'),
    objects: tuple[str, ...] = (),
    random_seeds: tuple[int, ...] = (0,),
    seed_count: int = 128,
    max_grasps: int = 16,
    object_mass: float = 0.1,
    speed_scale: float = 1.0,
    hold_force: float = 0.0,
    device: str = 'auto',
    pictures: Path | None = None,
    out: Path = Path('out/lift.jsonl'),
) -> list[str]:
    """Make what is missing; print and return the tables of all that was asked for."""
    meshes, stored = find_meshes(folder, objects), Records(out, _KEY)
    lines = []
    for hand in hands:
        heads = [
            {
                'hand': Path(hand).stem,
                'object': name,
                'random_seed': seed,
                'seed_count': seed_count,
                'object_mass': object_mass,
                'speed_scale': speed_scale,
                'hold_force': hold_force,
                'max_grasps': max_grasps,
            }
            for seed, name in itertools.product(random_seeds, meshes)
        ]
        if todo := [head for head in heads if head not in stored]:
            for record in _run(hand, meshes, todo, device, pictures):
                stored.add(record)
                what = f'{hand} {record["object"]} seed {record["random_seed"]}'
                how = f'{record["cause"]} {record["message"]} ({record["seconds"]:.0f} s)'
                print(f'{what}: {how}', flush=True)
        lines += _table(hand, [stored[head] for head in heads])
    show(lines)
    return lines


def _run(
    hand: str,
    meshes: dict[str, Path],
    heads: list[Record],
    device: str,
    pictures: Path | None,
) -> Iterator[Record]:
    """Yield a record for each head, all from one graph."""
    # Only this machine: a benchmark must not talk to somebody's robot.
    os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    model = load_hand(hand)
    first = heads[0]
    # Convex pieces are made once and kept on disk; a node that makes them stands still meanwhile.
    for name in {head['object'] for head in heads}:
        stand_objects([meshes[name]])
    start = {'objects': str(meshes[first['object']]), 'object_mass': first['object_mass']}
    with (
        start_graph(
            hand=hand, device=device, closed_loop=True, parameters={'sim_hand_node': start}
        ),
        GraspClient() as client,
    ):
        watch = SimulationWatch(client.node, model)
        client.wait_until_ready(timeout=180.0, execution=True)
        for head in heads:
            begin = time.perf_counter()
            try:
                record, attempt = _attempt(client, watch, meshes[head['object']], head)
            except DexGraspError as error:
                record, attempt = _failure(error, ErrorCode(error.code).name), None
            record = head | record | {'seconds': time.perf_counter() - begin}
            record['machine'] = machine()
            if pictures is not None and attempt is not None:
                pictures.mkdir(parents=True, exist_ok=True)
                name = f'{head["hand"]}_{head["object"]}_{head["random_seed"]}.png'
                save_picture(draw_attempt(model, watch, attempt), pictures / name)
            yield record


def _attempt(
    client: GraspClient, watch: SimulationWatch, mesh: Path, head: Record
) -> tuple[Record, Attempt | None]:
    """Stand an object up, find a grasp of it, carry it out."""
    watch.reset({'objects': str(mesh), 'random_seed': head['random_seed']})
    client.clear_objects()
    watch.wait_for_image()
    reply = client.synthesize(
        label=1,
        max_grasps=head['max_grasps'],
        seed_count=head['seed_count'],
        random_seed=head['random_seed'],
        timeout=600.0,
    )
    grasps = reply.result.grasps.grasps
    if not grasps:
        code = ErrorCode(reply.result.error_code)
        cause = NO_GRASP if code == ErrorCode.NO_GRASP_FOUND else NO_RECONSTRUCTION
        return _failure(DexGraspError(reply.result.error_message, code), cause), None
    limits = {name: head[name] for name in ('speed_scale', 'hold_force')}
    attempt = attempt_grasp(client, watch, grasps[0], **limits)
    result = attempt.reply.result
    code = ErrorCode(result.error_code)
    cause = str(attempt.cause)
    if not attempt.lifted and code != ErrorCode.SUCCESS:
        cause = f'{cause}, {code.name}'
    return {
        'lifted': attempt.lifted,
        'cause': cause,
        'error_code': int(code),
        'message': result.error_message,
        'phase': result.phase,
        'phases': attempt.phases,
        'moved': {p: moved_by(attempt.course, t) for p, t in attempt.phases.items()},
        'highest': float(attempt.course.heights().max()),
        'highest_at_end': float(attempt.course.heights()[-1]),
        'score': grasps[0].quality.score,
        'found': len(grasps),
        'image_age': watch.now - stamp_to_nanoseconds(grasps[0].header.stamp) / 1e9,
    }, attempt


def _failure(error: DexGraspError, cause: str) -> Record:
    return {
        'lifted': False,
        'cause': cause,
        'error_code': int(error.code),
        'message': str(error),
    }


def _table(title: str, records: list[Record]) -> Iterator[str]:
    """Yield a row for each object, for each half, and for all."""
    yield f'\n{title}\n'
    parts = (*by_object(records), *by_half(records))
    yield from table(_HEAD, (_cells(name, own) for name, own in parts))


def _cells(name: str, records: list[Record]) -> list[str]:
    lifted, count = sum(r['lifted'] for r in records), len(records)
    causes = Counter(r['cause'] for r in records if not r['lifted'])
    return [
        name,
        share(lifted, count, 0),
        f'{interval(lifted, count)} %',
        ', '.join(f'{n} {cause}' for cause, n in causes.most_common()) or '–',
    ]


if __name__ == '__main__':
    tyro.cli(main)
