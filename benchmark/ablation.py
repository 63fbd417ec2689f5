"""What each term of the search is worth in the shake test; run it again and it goes on.

    .venv/bin/python benchmark/ablation.py [--variants 'as it is' '2 sweeps' …]
        [--objects 025_mug …] [--random-seeds 0 1 2] [--protocol fc] [--out FILE.jsonl]

Every variant of `VARIANTS` searches every object with 128 seeds, and the best 16 grasps are
shaken; grasps that did not come count as failures. Objects are by default those that settings may
be chosen on. Each result is one line of JSON in ``--out``, and lines that are there are not made
again: another version of the search needs another file.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import tyro
from arguments import Folder, check_names, find_meshes
from markdown_tables import interval, share, show, table
from records import TUNED, Record, Records
from success import BEST, FINE, search_and_shake

from dexgrasp_ros import SynthesisConfig, load_hand, load_object

BASE = 'as it is'
_DEFAULT = SynthesisConfig()
# What is left out or changed; without annealing a setting has its last value all the time.
VARIANTS: dict[str, dict[str, Any]] = {
    BASE: {},
    'no annealing of softness': {'softness_start': _DEFAULT.softness_end},
    'no annealing at all': {
        'softness_start': _DEFAULT.softness_end,
        'distance_weight_start': _DEFAULT.distance_weight_end,
        'penalty_scale_start': _DEFAULT.penalty_scale_end,
    },
    'constant penalties': {'penalty_scale_start': 1.0, 'penalty_scale_end': 1.0},
    'one draw': {'seed_draws': 1},
    'no simulated closing': {'simulate_closing': False},
    'closing on the surface as it is': {'surface_error': 0.0},
    'no contact term': {'contact_weight': 0.0},
    'distance and penetration only': {
        'contact_weight': 0.0,
        'self_weight': 0.0,
        'distance_weight_end': _DEFAULT.distance_weight_start,
    },
    'no pull of open contacts': {'distance_weight_start': 1e-6, 'distance_weight_end': 1e-6},
    'no object points in the hand': {'object_penetration_weight': 0.0},
    'no hand points in the object': {'penetration_weight': 0.0},
    'no self term': {'self_weight': 0.0},
    '100 iterations': {'iterations': 100},
    '400 iterations': {'iterations': 400},
    '2 sweeps': {'sweeps': 2},
    '6 sweeps': {'sweeps': 6},
    'friction 0.3': {'friction': 0.3},
    'friction 0.6': {'friction': 0.6},
    'squeeze 10 N': {'squeeze_force': 10.0},
    'squeeze 15 N': {'squeeze_force': 15.0},
    'squeeze 40 N': {'squeeze_force': 40.0},
    'no clearance': {'clearance': 0.0},
    'no retreat': {'max_retreat': 0.0},
    'pre-grasp 5 mm': {'pregrasp_clearance': 0.005},
}
_KEY = ('changes', 'hand', 'object', 'random_seed', 'protocol', 'seed_count', 'asked')
_HEAD = ('variant', 'held', '95 % interval', 'points', 'returned', 'penetration [mm]', 'search')


def main(
    folder: Folder = None,
    *,
    variants: tuple[str, ...] = tuple(VARIANTS),
    hand: str = 'allegro',
    random_seeds: tuple[int, ...] = (0, 1, 2),
    protocol: str = 'fc',
    objects: tuple[str, ...] = TUNED,
    seed_count: int = 128,
    max_grasps: int = 16,
    device: str = 'auto',
    out: Path = Path('out/ablation.jsonl'),
) -> list[str]:
    """Make what is missing; print and return the table of what was asked for."""
    check_names('variants', variants, VARIANTS)
    meshes, stored = find_meshes(folder, objects), Records(out, _KEY)
    load, model = functools.cache(load_object), load_hand(hand)
    records = []
    # All variants of one object before the next: a run that is broken off compares like with like.
    for seed, name, variant in itertools.product(random_seeds, meshes, variants):
        head = {
            'variant': variant,
            'changes': _changes(variant),
            'hand': hand,
            'object': name,
            'random_seed': seed,
            'protocol': protocol,
            'seed_count': seed_count,
            'asked': max_grasps,
        }
        if head not in stored:
            settings = {'random_seed': seed, 'seed_count': seed_count, 'max_grasps': max_grasps}
            config = SynthesisConfig(device=device, **settings, **VARIANTS[variant])
            shakes = search_and_shake(model, load(meshes[name]), config, [(protocol, BEST)], FINE)
            record = stored.add(next(shakes) | head)
            print(f'{name} seed {seed} {variant}: {record["held"]}/{max_grasps}', flush=True)
        records.append(stored[head] | {'variant': variant})
    lines = list(_table(hand, protocol, records))
    show(lines)
    return lines


def _changes(variant: str) -> str:
    """Say what a variant sets, such as ``iterations 100``: what makes its results its own."""
    return ', '.join(f'{name} {value:g}' for name, value in VARIANTS[variant].items())


def _table(hand: str, protocol: str, records: list[Record]) -> Iterable[str]:
    """Yield a row for each variant, over all objects and seeds; points are against `BASE`."""
    names = sorted({r['object'] for r in records})
    seeds = sorted({r['random_seed'] for r in records})
    title = f'{hand}, {protocol}, {len(names)} objects ({", ".join(names)}), random seeds {seeds}'
    by_variant = {v: [r for r in records if r['variant'] == v] for v in VARIANTS}
    base = _share(by_variant[BASE])
    yield f'\n{title}\n'
    yield from table(_HEAD, (_cells(v, own, base) for v, own in by_variant.items() if own))


def _share(records: Iterable[Record]) -> float:
    """Share of the grasps asked for that held; NaN of none."""
    held, asked = (sum(r[k] for r in records) for k in ('held', 'asked'))
    return held / asked if asked else float('nan')


def _cells(variant: str, records: list[Record], base: float) -> list[str]:
    held, asked, returned = (sum(r[k] for r in records) for k in ('held', 'asked', 'returned'))
    points = 100 * (_share(records) - base)
    depth = 1e3 * np.array([d for r in records for d in r['penetration']])
    return [
        f'{variant} ({_changes(variant)})' if VARIANTS[variant] else f'**{variant}**',
        share(held, asked),
        f'{interval(held, asked)} %',
        f'{points:+.1f}' if variant != BASE and np.isfinite(points) else '',
        f'{returned}/{asked}',
        f'{depth.mean():.2f}, at most {depth.max():.2f}' if len(depth) else '–',
        f'{np.mean([r["search_seconds"] for r in records]):.1f} s',
    ]


if __name__ == '__main__':
    tyro.cli(main)
