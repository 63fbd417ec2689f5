"""Do searches that start at predicted grasps cost less? Run it again and it goes on.

    .venv/bin/python benchmark/seed_sources.py [--hands barrett …] [--objects 025_mug …]
        [--random-seeds 0 1 2] [--seed-counts 128 32] [--model DIR] [--out FILE.jsonl]

Each object is searched with seeds from each source, one source after the other, until there are 16
grasps or no candidate is left; these are shaken (`fc`; what did not come failed). Time is that of
the processor, over all threads, so that other processes hardly count; loading hand, object and
model is left out, predicting is not. Objects are those that settings may be chosen on. Each result
is one line of JSON in ``--out``; lines that are there are not made again: another version of
search or model needs another file.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import time
from collections.abc import Iterator
from pathlib import Path

import tyro
from arguments import Folder, check_names, find_meshes
from markdown_tables import show, spread, table
from records import TUNED, Record, Records

from dexgrasp_ros import SynthesisConfig, evaluate, load_hand, load_object, synthesize
from dexgrasp_ros.core.config import SEED_SOURCES
from dexgrasp_ros.learning import learned_seeds
from dexgrasp_ros.learning.predictor import SHIPPED

WANTED = 16
_KEY = ('hand', 'object', 'random_seed', 'seed_count', 'source')


def main(
    folder: Folder = None,
    *,
    hands: tuple[str, ...] = ('allegro', 'barrett', 'shadow'),
    objects: tuple[str, ...] = TUNED,
    random_seeds: tuple[int, ...] = (0, 1, 2),
    seed_counts: tuple[int, ...] = (128,),
    model: Path = SHIPPED,
    out: Path = Path('out/seed_sources.jsonl'),
) -> None:
    """Make what is missing, then print a table for each hand."""
    check_names('objects', objects, TUNED)
    meshes = find_meshes(folder, objects)
    load = functools.cache(lambda name: load_object(meshes[name]))
    stored, hand_of, learned = Records(out, _KEY), functools.cache(load_hand), learned_seeds(model)
    records, warm = [], set()
    runs = itertools.product(hands, random_seeds, objects, seed_counts, SEED_SOURCES)
    for hand, seed, name, count, source in runs:
        head = dict(zip(_KEY, (hand, name, seed, count, source), strict=True))
        if head not in stored:
            config = SynthesisConfig(
                device='cpu',
                random_seed=seed,
                seed_count=count,
                max_grasps=WANTED,
                seed_source=source,
            )
            if (hand, name) not in warm:  # what is compiled and uploaded once counts for nobody
                few = dataclasses.replace(config, seed_count=16)
                synthesize(hand_of(hand), load(name), few, learned=learned)
                warm.add((hand, name))
            start = time.process_time()
            grasps = synthesize(hand_of(hand), load(name), config, learned=learned)
            made = {'seconds': time.process_time() - start, 'grasps': len(grasps), 'held': 0}
            if len(grasps):
                made['held'] = int(evaluate(grasps, object=load(name), protocol='fc').held.sum())
            stored.add(head | made)
            print(f'{hand} {name} {seed} {source}: {made}', flush=True)
        records.append(stored[head])
    for hand in hands:
        show(_table([r for r in records if r['hand'] == hand]))


def _table(records: list[Record]) -> Iterator[str]:
    """Yield a row for each source and number of seeds; seconds also over those of geometric."""
    usual = {_where(r): r['seconds'] for r in records if r['source'] == SEED_SOURCES[0]}
    rows = []
    for count, source in dict.fromkeys((r['seed_count'], r['source']) for r in records):
        own = [r for r in records if (r['seed_count'], r['source']) == (count, source)]
        wanted = WANTED * len(own)
        rows.append(
            [
                str(count),
                source,
                f'{sum(r["grasps"] for r in own)} of {wanted}',
                f'{sum(r["held"] for r in own)} of {wanted}',
                spread([r['seconds'] for r in own]),
                spread([r['seconds'] / usual[_where(r)] for r in own]),
            ]
        )
    yield f'\n{records[0]["hand"]}, {len({r["object"] for r in records})} objects\n'
    yield from table(['seeds', 'source', 'grasps', 'held', 'processor s', 'over geometric'], rows)


def _where(record: Record) -> tuple:
    return record['object'], record['random_seed'], record['seed_count']


if __name__ == '__main__':
    tyro.cli(main)
