"""Do grasps hold when the hand has somebody else's shapes? Run it again and it goes on.

    .venv/bin/python benchmark/others_shapes.py [--hands allegro barrett shadow]
        [--objects 025_mug …] [--random-seeds 0 …] [--shapes 'as it is' '+3 mm' boxes …]
        [--protocol fc] [--out FILE.jsonl]

Every object is searched with 128 seeds, and the best 16 grasps are shaken: as they are, and with
the object moved and turned by 3 mm and 3 degrees and its surface grown or shrunk by 2 mm
(`dexgrasp_ros.evaluation.Perturbation`), by the hand that they were planned for and by hands that
have another collision geometry in the test only: all faces 1, 2 or 3 mm further out; boxes around
links, or around their parts where those would be much larger; capsules of the same size for the
links of fingers. Such hands do not collide with themselves. With ``tendons`` the hand is as it is,
but that joints which follow others share a tendon with them (`PhysicsSettings.shared_tendons`).
Grasps that did not come count as failures. Each result is one line of JSON in ``--out``, and lines
that are there are not made again: another version of the search needs another file.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import tyro
from arguments import Folder, check_names, find_meshes
from hand_shapes import boxes, capsules, grow
from markdown_tables import interval, share, show, table
from records import TUNED, Record, Records, by_half, by_object

from dexgrasp_ros import SynthesisConfig, evaluate, load_hand, load_object, synthesize
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.core.object_model import ObjectModel
from dexgrasp_ros.evaluation import Perturbation
from dexgrasp_ros.evaluation.protocols import find_protocol

UNMOVED, TENDONS = 'unmoved', 'tendons'
SHAPES = {
    UNMOVED: lambda hand: hand,  # and the object where it should be
    'as it is': lambda hand: hand,
    '+1 mm': lambda hand: grow(hand, 0.001),
    '+2 mm': lambda hand: grow(hand, 0.002),
    '+3 mm': lambda hand: grow(hand, 0.003),
    'boxes': boxes,
    'capsules': capsules,
    TENDONS: lambda hand: hand,
}
_KEY = ('hand', 'object', 'random_seed', 'protocol', 'shape', 'seed_count', 'asked')


def main(
    folder: Folder = None,
    *,
    hands: tuple[str, ...] = ('allegro', 'barrett', 'shadow'),
    objects: tuple[str, ...] = TUNED,
    random_seeds: tuple[int, ...] = (0,),
    shapes: tuple[str, ...] = tuple(s for s in SHAPES if s != TENDONS),
    protocol: str = 'fc',
    seed_count: int = 128,
    max_grasps: int = 16,
    out: Path = Path('out/others_shapes.jsonl'),
) -> None:
    """Make what is missing; print a table for each hand and clearance."""
    check_names('shapes', shapes, SHAPES)
    meshes, stored = find_meshes(folder, objects), Records(out, _KEY)
    load = functools.cache(load_object)
    changed = functools.cache(lambda hand, shape: SHAPES[shape](load_hand(hand)))
    wanted = []
    for seed, name, hand in itertools.product(random_seeds, meshes, hands):
        head = {
            'hand': hand,
            'object': name,
            'random_seed': seed,
            'protocol': protocol,
            'seed_count': seed_count,
            'asked': max_grasps,
        }
        wanted += [head | {'shape': s} for s in shapes]
        todo = {s: changed(hand, s) for s in shapes if head | {'shape': s} not in stored}
        if todo:
            config = SynthesisConfig(
                max_grasps=max_grasps, seed_count=seed_count, random_seed=seed
            )
            obj = load(meshes[name])
            for record in _search_and_shake(load_hand(hand), obj, config, todo, protocol):
                stored.add(head | record)
                told = f'{record["held"]}/{max_grasps}'
                print(f'{hand} {name} {seed}, {record["shape"]}: {told}', flush=True)
    for hand in hands:
        show(_table(hand, [stored[h] for h in wanted if h['hand'] == hand], shapes))


def _search_and_shake(
    hand: HandModel,
    obj: ObjectModel,
    config: SynthesisConfig,
    shapes: dict[str, HandModel],
    protocol: str,
) -> Iterator[Record]:
    """Search once, and shake by each of the hands."""
    start = time.process_time()
    grasps = synthesize(hand, obj, config)
    seconds = time.process_time() - start
    for shape, other in shapes.items():
        moved = None if shape == UNMOVED else Perturbation(random_seed=config.random_seed)
        test = find_protocol(protocol)
        physics = dataclasses.replace(test.physics, shared_tendons=shape == TENDONS)
        test = dataclasses.replace(test, physics=physics)
        result = evaluate(
            grasps, hand=other, object=obj, protocol=test, perturbation=moved, time_limit=3600.0
        )
        yield {
            'shape': shape,
            'held': int(result.held.sum()),
            'returned': len(grasps),
            'held_each': result.held.tolist(),
            'cause': result.cause.tolist(),
            'penetration': grasps.penetration.tolist(),
            'search_cpu_seconds': seconds,
        }


def _table(hand: str, records: list[Record], shapes: Sequence[str]) -> Iterator[str]:
    """Yield a row for each object, each half of them and all; a column for each shape."""
    seeds = ', '.join(map(str, sorted({r['random_seed'] for r in records})))
    yield f'\n{hand}, random seeds {seeds}\n'
    parts = (*by_object(records), *by_half(records))
    yield from table(('object', *shapes), ([name, *_cells(own, shapes)] for name, own in parts))


def _cells(records: list[Record], shapes: Sequence[str]) -> Iterator[str]:
    for shape in shapes:
        own = [r for r in records if r['shape'] == shape]
        held, asked = (sum(r[k] for r in own) for k in ('held', 'asked'))
        yield f'{share(held, asked)} ({interval(held, asked)})'


if __name__ == '__main__':
    tyro.cli(main)
