"""Ways to search, compared: grasps approved for the processor's time; run it again and it goes on.

    .venv/bin/python benchmark/searches.py [--hands allegro shadow] [--random-seeds 0 1 2]
        [--objects box 'half shell' 025_mug …] [--variants 'half at 40' 'contact fields' …]
        [--seed-count 128] [--shake] [--out FILE.jsonl]

Every variant of `search_variants.VARIANTS` searches every object, and everything that passes the
selection is counted, duplicates too; then the best 16 distinct ones are looked at, and with
``--shake`` shaken (`fc`; what did not come failed). Time is that of the processor, in one thread,
so that other processes hardly count: of the seeds and of the descent. The closing part adds the
same for each candidate in every variant. Objects are shapes that are made here (`SHAPES`) and
those of the test data that settings may be chosen on. Each result is one line of JSON in
``--out``; lines that are there are not made again: another version of the search needs
another file. The package's own search is none of the variants: it sends candidates to the end
in batches, the promising ones first, until there are as many grasps as are wanted.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import trimesh
import tyro
from arguments import Folder, check_names, find_meshes
from markdown_tables import show, spread, table
from records import Record, Records
from search_variants import BASE, BEST, VARIANTS, run

from dexgrasp_ros import SynthesisConfig, load_hand, load_object
from dexgrasp_ros.core.object_model import ObjectModel

SHAPES: dict[str, Callable[[], trimesh.Trimesh]] = {
    'box': lambda: trimesh.creation.box((0.07, 0.14, 0.20)),
    'half shell': lambda: _half_shell(0.075, 0.07),
    'plate': lambda: trimesh.creation.box((0.16, 0.16, 0.012)),
    'cylinder': lambda: trimesh.creation.cylinder(0.05, 0.22),
}
_KEY = ('variant', 'changes', 'hand', 'object', 'random_seed', 'seed_count', 'shaken')
_COUNTS = ('to_the_end', 'approved', 'distinct')
_HEAD = (
    'variant',
    'to the end',
    'approved',
    'distinct',
    'time',
    'approved in the same time',
    f'score of the best {BEST}',
    'PCA, 2 components',
)


def main(
    folder: Folder = None,
    *,
    hands: tuple[str, ...] = ('allegro', 'shadow'),
    random_seeds: tuple[int, ...] = (0, 1, 2),
    objects: tuple[str, ...] = (*SHAPES, '025_mug'),
    variants: tuple[str, ...] = tuple(VARIANTS),
    seed_count: int = 128,
    shake: bool = False,
    out: Path = Path('out/searches.jsonl'),
) -> None:
    """Make what is missing, then print a table for each hand."""
    check_names('variants', variants, VARIANTS)
    others = [name for name in objects if name not in SHAPES]
    meshes = find_meshes(folder, others) if others else {}
    load = functools.cache(lambda name: _object(name, meshes))
    stored, load_hand_once = Records(out, _KEY), functools.cache(load_hand)
    records = []
    # All variants of one object before the next: a run that is broken off compares like with like.
    for hand, seed, name, variant in itertools.product(hands, random_seeds, objects, variants):
        head = {
            'variant': variant,
            'changes': repr(VARIANTS[variant]),
            'hand': hand,
            'object': name,
            'random_seed': seed,
            'seed_count': seed_count,
            'shaken': shake,
        }
        if head not in stored:
            config = SynthesisConfig(device='cpu', random_seed=seed, seed_count=seed_count)
            made = run(load_hand_once(hand), load(name), config, VARIANTS[variant], shake)
            stored.add(head | made)
            print(f'{hand} {name} {seed} {variant}: {made["approved"]}', flush=True)
        records.append(stored[head])
    for hand in hands:
        show(_table(hand, [r for r in records if r['hand'] == hand]))


def _object(name: str, meshes: dict[str, Path]) -> ObjectModel:
    if name in meshes:
        return load_object(meshes[name])
    mesh = SHAPES[name]()
    return load_object((np.asarray(mesh.vertices), np.asarray(mesh.faces)), name=name)


def _half_shell(outer: float, inner: float) -> trimesh.Trimesh:
    """Half a hollow ball of these radii [m]."""
    balls = [trimesh.creation.icosphere(4, r) for r in (outer, inner)]
    shell = trimesh.boolean.difference(balls, engine='manifold')
    lower = trimesh.creation.box((0.3, 0.3, 0.3))
    lower.apply_translation((0.0, 0.0, -0.15))
    return trimesh.boolean.intersection([shell, lower], engine='manifold')


def _table(hand: str, records: list[Record]) -> Iterator[str]:
    """Yield a row for each variant, against `BASE` on the same objects and random seed."""
    objects = ', '.join(dict.fromkeys(r['object'] for r in records))
    seeds = ', '.join(map(str, sorted({r['random_seed'] for r in records})))
    yield (
        f'\n{hand}; {objects}; random seeds {seeds}; time, and grasps in it, over those of'
        f' "{BASE}": mean, least and most by random seed\n'
    )
    shaken = any(r['shaken'] for r in records)
    base = {(r['object'], r['random_seed']): r for r in records if r['variant'] == BASE}
    rows = []
    for variant in dict.fromkeys(r['variant'] for r in records):
        own = [r for r in records if r['variant'] == variant]
        held = [f'{sum(r["held"] for r in own)}/{BEST * len(own)}'] if shaken else []
        rows.append([*_cells(variant, own, base), *held])
    yield from table([*_HEAD, *([f'held of the best {BEST}'] if shaken else [])], rows)


def _cells(variant: str, records: list[Record], base: dict[tuple, Record]) -> list[str]:
    times, gains = [], []
    for seed in sorted({r['random_seed'] for r in records}):
        own = [r for r in records if r['random_seed'] == seed]
        usual = [base[r['object'], seed] for r in own if (r['object'], seed) in base]
        if len(usual) < len(own):
            continue
        seconds = [sum(r['seeds'] + r['descent'] for r in rs) for rs in (own, usual)]
        approved = [sum(r['approved'] for r in rs) for rs in (own, usual)]
        times.append(seconds[0] / seconds[1])
        gains.append(approved[0] / max(approved[1], 1) / times[-1])
    variance = [r['variance'][1] for r in records if len(r['variance']) > 1]
    return [
        variant,
        *(f'{np.mean([r[name] for r in records]):.1f}' for name in _COUNTS),
        spread(times, middle=np.mean),
        spread(gains, middle=np.mean),
        # What did not come has no score.
        f'{np.mean([sum(r["best"]) / BEST for r in records]):.3f}',
        f'{np.mean(variance):.2f}' if variance else '–',
    ]


if __name__ == '__main__':
    tyro.cli(main)
