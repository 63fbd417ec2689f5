"""Grasps of the kind one asks for: success, diversity and coverage; run it again and it goes on.

    .venv/bin/python benchmark/variety.py [--hands allegro shadow …] [--random-seeds 0 …]
        [--objects 025_mug …] [--kinds any power precision cone hold avoid]
        [--protocols fc hard] [--out FILE.jsonl]

Every object is searched with 128 seeds for 16 grasps of each kind, and what comes is shaken by
each of the protocols; grasps that did not come count as failures. Kinds: those of
``--grasp-type``; ``cone``: the palm within 30 degrees of facing down in the frame of the mesh;
``hold``: contacts in the upper half of the object along the longest side of its bounding box only;
``avoid``: none in the upper quarter. Whether a grasp is of its kind is measured anew at its grasp
posture on the true mesh: links within 2 mm, and where. ``by chance`` says how many of the grasps
of ``any`` are of that kind. Each result is one line of JSON in ``--out``, and lines that are there
are not made again.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import math
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tyro
from arguments import Folder, find_meshes
from markdown_tables import interval, share, show, table
from records import TUNED, Record, Records

from dexgrasp_ros import (
    Region,
    SynthesisConfig,
    Wishes,
    evaluate,
    load_hand,
    load_object,
    synthesize,
)
from dexgrasp_ros.core.grasp_set import GraspSet
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.core.object_model import ObjectModel
from dexgrasp_ros.core.poses import compose, pose_to_matrix
from dexgrasp_ros.evaluation.geometry import GraspGeometry, Lie
from dexgrasp_ros.synthesis.fingers import fingertips

KINDS = ('any', 'power', 'precision', 'cone', 'hold', 'avoid')
_CONE = math.radians(30.0)
_DOWN = (0.0, 0.0, -1.0)
_MARGIN = 0.02  # m, of the region around the object
_NEAR = 0.002  # m, of a contact beyond the border of its region
_KEY = ('hand', 'object', 'kind', 'protocol', 'random_seed', 'seed_count', 'asked', 'iterations')
_HEAD = (
    *('kind', 'returned', 'held', '95 % interval', 'of the kind', 'by chance'),
    *('first component', 'touched share', 'fingertip / inner / palm contacts'),
)


def main(
    folder: Folder = None,
    *,
    hands: tuple[str, ...] = ('allegro', 'shadow', 'barrett'),
    random_seeds: tuple[int, ...] = (0,),
    objects: tuple[str, ...] = TUNED,
    kinds: tuple[str, ...] = KINDS,
    protocols: tuple[str, ...] = ('fc',),
    seed_count: int = 128,
    max_grasps: int = 16,
    iterations: int = 200,
    device: str = 'auto',
    out: Path = Path('out/variety.jsonl'),
) -> None:
    """Make what is missing, then print the tables of everything that was asked for."""
    meshes, stored = find_meshes(folder, objects), Records(out, _KEY)
    load, load_hand_once = functools.cache(load_object), functools.cache(load_hand)
    records = []
    for hand, name, seed, kind in itertools.product(hands, meshes, random_seeds, kinds):
        head = {
            'hand': hand,
            'object': name,
            'kind': kind,
            'random_seed': seed,
            'seed_count': seed_count,
            'asked': max_grasps,
            'iterations': iterations,
        }
        heads = [head | {'protocol': p} for p in protocols]
        if todo := [h for h in heads if h not in stored]:
            config = SynthesisConfig(
                seed_count=seed_count,
                max_grasps=max_grasps,
                random_seed=seed,
                iterations=iterations,
                device=device,
            )
            made = _run(load_hand_once(hand), load(meshes[name]), kind, config, todo)
            for record in made:
                stored.add(record)
                told = f'{record["returned"]} returned, {record["held"]} held'
                print(f'{hand} {name} {kind}, {record["protocol"]}: {told}', flush=True)
        records += [stored[h] for h in heads]
    for hand, protocol in itertools.product(hands, protocols):
        own = [r for r in records if (r['hand'], r['protocol']) == (hand, protocol)]
        show(_table(f'{hand}, {protocol}', own, len(set(random_seeds))))


def wishes_of(kind: str, obj: ObjectModel) -> Wishes | None:
    """Return what to ask for; cone and region are those of the module's docstring."""
    if kind == 'any':
        return None
    if kind == 'cone':
        return Wishes(approach_axis=_DOWN, approach_half_angle=_CONE)
    if kind == 'hold':
        return Wishes(hold_regions=(_upper(obj, 0.5),))
    if kind == 'avoid':
        return Wishes(avoid_regions=(_upper(obj, 0.25),))
    return Wishes(grasp_type=kind)


def _upper(obj: ObjectModel, share: float) -> Region:
    """Box around this share of the object at the upper end of its longest side."""
    low, high = obj.vertices.min(axis=0) - _MARGIN, obj.vertices.max(axis=0) + _MARGIN
    axis = int(np.argmax(high - low))
    low[axis] = high[axis] - share * (high[axis] - low[axis])
    return Region(shape='box', size=tuple(high - low), pose=(*(low + high) / 2, 0, 0, 0, 1))


def _run(
    hand: HandModel, obj: ObjectModel, kind: str, config: SynthesisConfig, heads: list[Record]
) -> Iterator[Record]:
    """Search once, and shake by the protocol of each of the heads."""
    start = time.process_time()
    grasps = synthesize(hand, obj, config, wishes=wishes_of(kind, obj))
    seconds = time.process_time() - start
    geometry = GraspGeometry(hand, obj)
    lies = [geometry.measure(p, q) for p, q in zip(grasps.base_pose, grasps.grasp, strict=True)]
    counts = np.array([_contacts(hand, lie) for lie in lies]).reshape(-1, 3)
    of_kind = {k: _of_kind(k, hand, obj, grasps, lies) for k in KINDS}
    for head in heads:
        result = evaluate(
            grasps, hand=hand, object=obj, protocol=head['protocol'], time_limit=3600.0
        )
        yield {
            **result.summary(),
            **head,
            'returned': len(grasps),
            'contacts': counts.tolist(),
            'of_kind': of_kind,
            'rejected': grasps.rejected,
            'search_cpu_seconds': seconds,
            'config': dataclasses.asdict(config),
            'wishes': grasps.wishes,
        }


def _contacts(hand: HandModel, lie: Lie) -> list[int]:
    """Count groups in contact: of fingertips, of inner links, of the palm."""
    tip, palm = fingertips(hand)[lie.groups], hand.group_fingers[lie.groups] < 0
    return [int(tip.sum()), int((~tip & ~palm).sum()), int(palm.sum())]


def _of_kind(
    kind: str, hand: HandModel, obj: ObjectModel, grasps: GraspSet, lies: list[Lie]
) -> int:
    """How many of the grasps are what the kind asks for, measured at the grasp posture."""
    if kind == 'cone':
        z = pose_to_matrix(compose(grasps.base_pose, hand.palm_pose))[:, :3, 2]
        return int((z @ np.array(_DOWN) >= math.cos(_CONE) - 1e-9).sum())
    return sum(_lies_so(kind, hand, obj, lie) for lie in lies)


def _lies_so(kind: str, hand: HandModel, obj: ObjectModel, lie: Lie) -> bool:
    tips, inner, palm = _contacts(hand, lie)
    fingers = set(hand.group_fingers[lie.groups].tolist()) - {-1}
    if kind == 'precision':
        return inner == palm == 0 and len(fingers) >= 2
    if kind == 'power':
        return palm > 0 and len(fingers) >= 2
    if kind == 'hold':
        return bool((_upper(obj, 0.5).distance(lie.points) <= _NEAR).all())
    if kind == 'avoid':
        return bool((_upper(obj, 0.25).distance(lie.points) >= -_NEAR).all())
    return tips + inner + palm > 0


def _table(title: str, records: list[Record], seeds: int) -> Iterator[str]:
    """Yield a row for each kind, over all objects and random seeds."""
    objects = len({r['object'] for r in records})
    yield f'\n{title}, {objects} objects, {seeds} random seeds\n'
    by_kind = defaultdict(list)
    for record in records:
        by_kind[record['kind']].append(record)
    free = by_kind.get('any', [])
    yield from table(_HEAD, (_cells(kind, own, free) for kind, own in by_kind.items()))


def _cells(kind: str, rows: list[Record], free: list[Record]) -> list[str]:
    asked, returned, held = (sum(r[k] for r in rows) for k in ('asked', 'returned', 'held'))
    first = [r['explained_variance'][0] for r in rows if r['explained_variance']]
    contacts = np.concatenate([np.reshape(r['contacts'], (-1, 3)) for r in rows])
    return [
        kind,
        f'{returned}/{asked}',
        share(held, asked),
        f'{interval(held, asked)} %',
        f'{sum(r["of_kind"][kind] for r in rows)}/{returned}',
        f'{sum(r["of_kind"][kind] for r in free)}/{sum(r["returned"] for r in free)}',
        f'{100 * np.mean(first):.0f} %' if first else '–',
        _share([r['touched_share'] for r in rows]),
        ' / '.join(f'{v:.1f}' for v in contacts.mean(axis=0)) if len(contacts) else '–',
    ]


def _share(values: list[float]) -> str:
    return f'{100 * np.mean(values):.0f} %' if values else '–'


if __name__ == '__main__':
    tyro.cli(main)
