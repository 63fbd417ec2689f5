"""Success of grasps in the shake test, by object; run it again and it goes on where it stopped.

    .venv/bin/python benchmark/success.py [--hands allegro my_hand.urdf …] [--random-seeds 0 1 2]
        [--protocols fc hard tabletop] [--objects 025_mug …] [--attempted] [--unsimulated]
        [--verify] [--perturb] [--piece-threshold 0.05] [--out FILE.jsonl]

Every object is searched with 128 seeds and the best 16 grasps are shaken; grasps that did not come
count as failures. With ``--attempted`` all seeds are shaken as well, whatever their
residual, penetration and simulated closing; a seed that comes to no postures at all (no opposed
contacts, no clear way, object pushed off) is a failure. With
``--unsimulated`` another search ranks without simulated closings, and with ``--verify`` another
one returns only what has held in the protocol already, which says nothing but how many come. With
``--perturb`` grasps are shaken once more with the object moved and turned by 3 mm and 3 degrees
and its surface grown or shrunk by 2 mm, in the test only (`dexgrasp_ros.evaluation.Perturbation`);
not so those of ``--attempted``.
On the tabletop the object is first let go with the z axis of its mesh up, until it rests; the
plane under it is what the search plans for and what the test has as floor.
``--piece-threshold`` cuts the objects of the test finer or coarser than is usual.
Each result is one line of JSON in ``--out``, and lines that are there are not made again: another
version of the search needs another file. Settings may be chosen on the objects of `TUNED` only;
the others are there to report on.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tyro
from arguments import Folder, find_meshes
from markdown_tables import interval, share, show, spread, table
from records import Record, Records, by_half, by_object, machine

from dexgrasp_ros import SynthesisConfig, evaluate, load_hand, load_object, synthesize
from dexgrasp_ros.core.convex_pieces import FINE
from dexgrasp_ros.core.grasp_set import GraspSet
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.core.object_model import ObjectModel
from dexgrasp_ros.evaluation import Evaluation, Perturbation, synthesize_verified
from dexgrasp_ros.object import object_pieces
from dexgrasp_ros.simulation import settle

BEST, ATTEMPTED, UNSIMULATED, VERIFIED = 'best', 'attempted', 'unsimulated', 'verified'
PERTURBED = 'perturbed'  # the best; after other kinds it is the second word
# What makes a result another one.
_KEY = ('hand', 'object', 'random_seed', 'protocol', 'kind', 'seed_count', 'asked')
_HEAD = (
    'object',
    'held',
    '95 % interval',
    'penetration mean / max [mm]',
    'self [mm]',
    'AUC of the score',
    'failures',
)


def main(
    folder: Folder = None,
    *,
    hands: tuple[str, ...] = ('allegro',),
    random_seeds: tuple[int, ...] = (0, 1, 2),
    protocols: tuple[str, ...] = ('fc',),
    objects: tuple[str, ...] = (),
    attempted: bool = False,
    unsimulated: bool = False,
    verify: bool = False,
    perturb: bool = False,
    piece_threshold: float = FINE,
    seed_count: int = 128,
    max_grasps: int = 16,
    device: str = 'auto',
    out: Path = Path('out/success.jsonl'),
) -> list[str]:
    """Make what is missing; print and return the tables of all that was asked for."""
    meshes, stored = find_meshes(folder, objects), Records(out, _key)
    load, load_hand_once = functools.cache(load_object), functools.cache(load_hand)
    extra = {UNSIMULATED: unsimulated, VERIFIED: verify}
    searches = _searches([BEST, *(k for k, on in extra.items() if on)], attempted, perturb)
    config = SynthesisConfig(max_grasps=max_grasps, seed_count=seed_count, device=device)
    wanted = []
    for hand, name, seed, kinds in itertools.product(hands, meshes, random_seeds, searches):
        plan = plan_search(config, kinds[0], seed)
        head = {
            'hand': _short_name(hand),
            'object': name,
            'random_seed': seed,
            'seed_count': seed_count,
            'asked': plan.max_grasps,
            'piece_threshold': piece_threshold,
        }
        heads = [head | {'protocol': p, 'kind': k} for p in protocols for k in kinds]
        wanted += heads
        todo = [(h['protocol'], h['kind']) for h in heads if h not in stored]
        if not todo:
            continue
        model, obj = load_hand_once(hand), load(meshes[name])
        for record in search_and_shake(model, obj, plan, todo, piece_threshold):
            stored.add(head | record)
            what = f'{head["hand"]} {name} seed {seed} {record["protocol"]}'
            print(f'{what} {record["kind"]}: {record["held"]}/{head["asked"]}', flush=True)
    groups = _grouped(stored[head] for head in wanted)
    lines = [line for group, records in groups.items() for line in _table(group, records)]
    show(lines)
    return lines


def _short_name(hand: str) -> str:
    """Name of a hand in records: a URDF's is that of its file."""
    path = Path(hand)
    return path.stem if path.suffix else hand


def _searches(returned: list[str], attempted: bool, perturb: bool) -> list[tuple[str, ...]]:
    """Kinds of records, those of the same search together."""
    twin = {k: PERTURBED if k == BEST else f'{k} {PERTURBED}' for k in returned}
    kinds = [(k, twin[k]) if perturb else (k,) for k in returned]
    return [*kinds, (ATTEMPTED,)] if attempted else kinds


def plan_search(config: SynthesisConfig, kind: str, seed: int) -> SynthesisConfig:
    config = dataclasses.replace(config, random_seed=seed)
    if kind == UNSIMULATED:
        return dataclasses.replace(config, simulate_closing=False)
    if kind != ATTEMPTED:
        return config
    return dataclasses.replace(
        config,
        max_grasps=config.seed_count,
        max_residual=0.5,
        max_displacement=1.0,
        max_rotation=3.2,
        pregrasp_margin=0.0,
        max_penetration=0.1,
        max_self_penetration=0.1,
        duplicate_translation=0.0,
        duplicate_rotation=0.0,
        duplicate_joint=0.0,
    )


def search_and_shake(
    hand: HandModel,
    obj: ObjectModel,
    config: SynthesisConfig,
    shakes: list[tuple[str, str]],
    threshold: float,
) -> Iterator[Record]:
    """Search once and shake by each (protocol, kind); on the tabletop the search knows it."""
    found: dict[Any, tuple[GraspSet, float]] = {}
    settled = None
    for protocol, kind in shakes:
        on_table = protocol == 'tabletop'
        if on_table:
            settled = settled or _settled(obj)
        thing = settled if on_table else obj
        verified = protocol if kind.startswith(VERIFIED) else None
        key = verified or on_table
        if key not in found:
            start = time.perf_counter()
            grasps = (
                synthesize_verified(
                    hand, thing, config, protocol=protocol, piece_threshold=threshold
                )
                if verified
                else synthesize(hand, thing, config)
            )
            found[key] = grasps, time.perf_counter() - start
        grasps, seconds = found[key]
        moved = kind.endswith(PERTURBED)
        wish = Perturbation(random_seed=config.random_seed) if moved else None
        result = evaluate(
            grasps,
            hand=hand,
            object=thing,
            protocol=protocol,
            perturbation=wish,
            piece_threshold=threshold,
        )
        yield {'kind': kind} | _record(result, config, grasps, seconds)


def _settled(obj: ObjectModel) -> ObjectModel:
    """Return the object on the plane that it comes to rest on, once it is let go with z up."""
    rest = settle(obj, object_pieces(obj).pieces)
    if not rest.at_rest:
        print(f'{obj.name} still moves after {rest.seconds:.1f} s on the table', flush=True)
    return load_object((obj.vertices, obj.faces), name=obj.name, support_plane=rest.support_plane)


def _record(
    result: Evaluation, config: SynthesisConfig, grasps: GraspSet, seconds: float
) -> dict[str, Any]:
    causes = result.causes()
    causes.pop('held', None)
    if lost := config.max_grasps - len(grasps):
        causes['not returned'] = lost
    return {
        **result.summary(),
        'returned': len(grasps),
        'held': int(result.held.sum()),
        'held_each': result.held.tolist(),
        'score': grasps.score.tolist(),
        'causes': causes,
        'penetration': result.penetration.tolist(),
        'self_penetration': result.self_penetration.tolist(),
        'cpu_time': result.cpu_time.tolist(),
        'rejected': grasps.rejected,
        'search_seconds': seconds,
        'machine': machine(),
        'device': grasps.config['device'],
        'config': grasps.config,
    }


def _key(record: Record) -> tuple[Any, ...]:
    """Identify a result; files from before pieces could be cut finer stay readable."""
    threshold = record.get('piece_threshold', FINE)
    finer = () if threshold == FINE else (threshold,)
    return (*(record[name] for name in _KEY), *finer)


def _grouped(records: Iterable[Record]) -> dict[tuple[str, ...], list[Record]]:
    groups = defaultdict(list)
    for record in records:
        groups[record['hand'], record['protocol'], record['kind']].append(record)
    return groups


def _table(group: tuple[str, ...], records: list[Record]) -> Iterator[str]:
    """Yield a row for each object, for each half, and for all."""
    seeds = sorted({r['random_seed'] for r in records})
    yield f'\n{" ".join(group)}, random seeds {", ".join(map(str, seeds))}\n'
    parts = (*by_object(records), *by_half(records))
    yield from table(_HEAD, (_cells(name, own) for name, own in parts))


def _cells(name: str, records: list[Record]) -> list[str]:
    held, asked = (sum(r[k] for r in records) for k in ('held', 'asked'))
    by_seed = defaultdict(lambda: [0, 0])
    for r in records:
        by_seed[r['random_seed']][0] += r['held']
        by_seed[r['random_seed']][1] += r['asked']
    rates = [100 * h / a for h, a in by_seed.values()]
    by_rate = f' ({min(rates):.1f} to {max(rates):.1f} by seed)' if len(rates) > 1 else ''
    depth = 1e3 * np.array([d for r in records for d in r['penetration']])
    own = 1e3 * np.array([d for r in records for d in r['self_penetration']], dtype=float)
    orders = [a for r in records if (a := _order(r)) is not None]
    causes: Counter[str] = Counter()
    for r in records:
        for cause, n in r['causes'].items():
            causes[_phase(cause)] += n
    return [
        name,
        f'{share(held, asked)}{by_rate}',
        f'{interval(held, asked)} %',
        f'{depth.mean():.2f} / {depth.max():.2f}' if len(depth) else '–',
        f'{np.nanmean(own):.2f} / {np.nanmax(own):.2f}' if np.isfinite(own).any() else '–',
        spread(orders),
        ', '.join(f'{n} {cause}' for cause, n in causes.most_common()) or '–',
    ]


def _order(record: Record) -> float | None:
    """Area under the ROC curve of the score as a prediction; None where all or none held."""
    held = np.array(record.get('held_each', []), dtype=bool)
    if not held.any() or held.all():
        return None
    score = np.array(record['score'])
    above = score[held][:, None] - score[~held][None]
    return float(np.mean(above > 0) + 0.5 * np.mean(above == 0))


def _phase(cause: str) -> str:
    """When it happened: the six pulls are one; what the object did stands in the records."""
    phase = cause.partition(' (')[0]
    return 'pull' if phase.startswith('direction') else phase


if __name__ == '__main__':
    tyro.cli(main)
