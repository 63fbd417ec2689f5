"""What a grasp costs in the shake test, by hand, and that what makes it fast changes no verdict.

    .venv/bin/python benchmark/shake_speed.py [--hands allegro barrett shadow my_hand.urdf …]
        [--objects 025_mug …] [--count 4] [--loose] [--random-seed 0] [--out FILE.jsonl]

Every grasp is shaken three times, one after the other: as MuJoCo does it by itself, looking at
all pairs of geometries in every step; the same with the matrices that this package chooses; and
looking at near pairs only, which is what the package does. The second and the third must agree to
the last bit, the first and the third in their verdicts. Times are those of the process (CPU), of
grasps that held all six pulls; what else runs on the machine stretches them, but all three alike.

Objects are by default those of the test data that settings may be chosen on, with ``--count`` of
the best grasps of a search each; with ``--loose`` also so many that nothing was asked of, which
often fail. Each grasp is one line of JSON in ``--out``; those that are there are not made again.
"""

from __future__ import annotations

import itertools
from pathlib import Path

import mujoco
import numpy as np
import tyro
from arguments import find_meshes
from markdown_tables import show, table
from records import TUNED, Record, append_record, read_records
from success import ATTEMPTED, BEST, plan_search

from dexgrasp_ros import SynthesisConfig, load_hand, load_object, synthesize
from dexgrasp_ros.core.grasp_set import GraspSet
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.evaluation import find_protocol
from dexgrasp_ros.evaluation.protocols import Protocol
from dexgrasp_ros.evaluation.shake_test import Postures, ShakeResult, shake
from dexgrasp_ros.object import object_pieces
from dexgrasp_ros.simulation import PhysicsModel, build_physics

_LOOSE_SEEDS = 24
_HEAD = (
    'hand',
    'grasps',
    'held',
    'MuJoCo by itself [s]',
    'other matrices [s]',
    'near pairs [s]',
    'ratio',
    'same verdicts',
    'same bits',
    'displacement differs by [mm]',
)
_SOURCE = ('hand', 'object', 'kind', 'random_seed', 'count')
# Fields of a `ShakeResult` that say what happened.
_OUTCOME = ('cause', 'motion', 'closing_displacement', 'displacement', 'rotation')


def main(
    *,
    hands: tuple[str, ...] = ('allegro', 'barrett', 'shadow'),
    objects: tuple[str, ...] = TUNED,
    count: int = 4,
    loose: bool = False,
    random_seed: int = 0,
    out: Path = Path('out/shake_speed.jsonl'),
) -> None:
    """Shake what is missing, then print the table of all that was asked for."""
    meshes = find_meshes(None, objects)
    kinds = (BEST, ATTEMPTED) if loose else (BEST,)
    stored = read_records(out)
    done, wanted = {_source(r) for r in stored}, set()
    for hand, name, kind in itertools.product(hands, meshes, kinds):
        source = (Path(hand).stem, name, kind, random_seed, count)
        wanted.add(source)
        if source in done:
            continue
        head = dict(zip(_SOURCE, source, strict=True))
        records = measure(load_hand(hand), meshes[name], kind, random_seed, count)
        for record in records:
            append_record(out, head | record)
            stored.append(head | record)
        print(*source, len(records), flush=True)
    stored = [r for r in stored if _source(r) in wanted]
    names = dict.fromkeys(Path(h).stem for h in hands)
    show(table(_HEAD, ([h, *summarize([r for r in stored if r['hand'] == h])] for h in names)))


def _source(record: Record) -> tuple[object, ...]:
    return tuple(record[k] for k in _SOURCE)


def measure(hand: HandModel, mesh: Path, kind: str, random_seed: int, count: int) -> list[Record]:
    """Search, then shake the first `count` grasps in the three ways, in turns."""
    obj, protocol = load_object(mesh), find_protocol('fc')
    seeds = 128 if kind == BEST else _LOOSE_SEEDS
    config = SynthesisConfig(max_grasps=16, seed_count=seeds)
    grasps = synthesize(hand, obj, plan_search(config, kind, random_seed))
    physics = build_physics(hand, obj, object_pieces(obj).pieces, protocol.physics)
    return [
        {'results': [_outcome(r) for r in three_ways(physics, protocol, postures(grasps, n))]}
        for n in range(min(count, len(grasps)))
    ]


def postures(grasps: GraspSet, number: int) -> Postures:
    """One grasp as the test needs it, the object where it was."""
    return Postures(
        pregrasp_pose=grasps.pregrasp_base_pose[number],
        grasp_pose=grasps.base_pose[number],
        pregrasp=grasps.pregrasp[number],
        grasp=grasps.grasp[number],
        squeeze=grasps.squeeze[number],
        object_pose=np.array([0.0, 0, 0, 0, 0, 0, 1]),
    )


def three_ways(physics: PhysicsModel, protocol: Protocol, grasp: Postures) -> list[ShakeResult]:
    """By MuJoCo itself; with the package's matrices; with near pairs only as well."""
    chosen = physics.model.opt.jacobian
    physics.model.opt.jacobian = mujoco.mjtJacobian.mjJAC_AUTO
    by_itself = shake((physics,), protocol, grasp, every_pair=True)
    physics.model.opt.jacobian = chosen
    return [
        by_itself,
        shake((physics,), protocol, grasp, every_pair=True),
        shake((physics,), protocol, grasp),
    ]


def _outcome(result: ShakeResult) -> Record:
    return {k: getattr(result, k) for k in (*_OUTCOME, 'cpu_time')}


def summarize(rows: list[Record]) -> list[str]:
    """Cells of a hand's row."""
    results = [r['results'] for r in rows]
    held = [r for r in results if r[0]['cause'] == 'held']
    # Of JSON text, because NaN is not equal to itself.
    bits = [str([x[k] for k in _OUTCOME]) for r in results for x in r[1:]]
    same = sum(a == b for a, b in zip(bits[::2], bits[1::2], strict=True))
    agree = sum(a['cause'] == c['cause'] for a, _, c in results)
    cells = [str(len(results)), str(len(held))]
    if not held:
        return [*cells, *['–'] * 4, f'{agree}', f'{same}', '–']
    times = np.array([[x['cpu_time'] for x in r] for r in held])
    apart = 1e3 * np.array([abs(a['displacement'] - c['displacement']) for a, _, c in held])
    cells += [f'{m:.2f} ({a:.2f}–{b:.2f})' for m, a, b in zip(
        times.mean(axis=0), times.min(axis=0), times.max(axis=0), strict=True)]  # fmt: skip
    cells.append(f'{times[:, 2].sum() / times[:, 0].sum():.2f}')
    return [*cells, f'{agree}', f'{same}', f'{np.median(apart):.2g}, at most {apart.max():.2g}']


if __name__ == '__main__':
    tyro.cli(main)
