"""What DexGraspBench says of our grasps, beside our shake test; run it again and it goes on.

    .venv/bin/python benchmark/dexgraspbench.py --bench DIR --bench-python DIR/env/bin/python
        [--objects 025_mug …] [--settings fc tabletop] [--hands allegro_bench shadow]
        [--parts best rest] [--out FOLDER]

`--bench` is a clone of github.com/JYChen18/DexGraspBench with its submodule, `--bench-python` the
Python that it runs with; the experiments ``dexgrasp_*_best`` and ``_rest`` in it are made here.
Every object is searched with 128 seeds, on its table for the setting tabletop, and all that comes
is kept: ``best`` are the 16 with the highest scores, ``rest`` the others. What does not come of
16, or of 128, has failed in both tests. Both hands have the torque limits that they have there,
and the Allegro hand has the shapes that it has there as well; ours is protocol ``fc`` or
``tabletop-bench``. Grasps, our verdicts and the benchmark's stay in `--out`.

Where the two disagree, our test is repeated with what is otherwise there, one thing at a time; the
first of `CHANGES` and `OF_HANDS` that makes our verdict the benchmark's is named as the cause.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import tyro
from arguments import Folder, find_meshes
from bench_tables import tables
from markdown_tables import show
from records import Record, Records

from dexgrasp_ros import SynthesisConfig, evaluate, load_hand, load_object, synthesize
from dexgrasp_ros.core.grasp_set import GraspSet
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.core.names import word_names
from dexgrasp_ros.core.object_model import ObjectModel
from dexgrasp_ros.dataset.formats.dexgraspbench import BenchExport, export_set
from dexgrasp_ros.evaluation.bench_hands import with_bench_limits
from dexgrasp_ros.evaluation.protocols import Protocol, find_protocol
from dexgrasp_ros.object import object_pieces
from dexgrasp_ros.simulation import settle

BEST, SEEDS = 16, 128
PROTOCOLS = {'fc': 'fc', 'tabletop': 'tabletop-bench'}
_KEY = ('setting', 'hand', 'object', 'part')


def _physics(protocol: Protocol, **changes: float | bool) -> Protocol:
    return dataclasses.replace(protocol, physics=dataclasses.replace(protocol.physics, **changes))


# What is otherwise in the benchmark, by our words for it; of the hand only what it has: joints of
# its Allegro have 0.1 N m s/rad and no inertia of their own, fingers of its Shadow have tendons.
CHANGES: dict[str, Callable[[Protocol], Protocol]] = {
    'ten jumps': lambda p: dataclasses.replace(p, jumps=10),
    'softer wrist': lambda p: _physics(p, weld_time=0.02),
}
OF_HANDS: dict[str, tuple[str, Callable[[Protocol], Protocol]]] = {
    'allegro_bench': (
        'damping of joints',
        lambda p: _physics(p, damping_per_gain=0.02, armature_per_gain=1e-9),
    ),
    'shadow': ('tendons', lambda p: _physics(p, shared_tendons=True)),
}


def main(
    folder: Folder = None,
    *,
    bench: Path,
    bench_python: Path,
    objects: tuple[str, ...] = (),
    settings: tuple[str, ...] = ('fc', 'tabletop'),
    hands: tuple[str, ...] = ('allegro_bench', 'shadow'),
    parts: tuple[str, ...] = ('best', 'rest'),
    out: Path = Path('out/dexgraspbench'),
) -> None:
    """Make what is missing, then print the tables."""
    meshes, ours = find_meshes(folder, objects), Records(out / 'ours.jsonl', _KEY)
    theirs = Records(out / 'theirs.jsonl', _KEY)
    load = functools.cache(lambda hand: with_bench_limits(load_hand(hand)))
    for part, setting, hand in itertools.product(parts, settings, hands):
        export = BenchExport(bench.resolve(), load(hand), f'_{part}')
        heads = [
            {'setting': setting, 'hand': hand, 'object': name, 'part': part} for name in meshes
        ]
        for head in heads:
            if head not in ours:
                ours.add(head | _test(head, meshes[head['object']], export, out))
                print(*head.values(), ours[head]['held'], flush=True)
        if any(head not in theirs for head in heads):
            _run(bench, bench_python, export, setting)
        for head in heads:
            if head not in theirs:
                found = _verdicts(export, ours[head])
                causes = _causes(head, meshes[head['object']], export.hand, out, ours[head], found)
                theirs.add(head | found | {'causes': causes})
    pairs = [(ours[r], r) for r in theirs if r in ours and r['object'] in meshes]
    show(tables(pairs, BEST, SEEDS))


def _object(mesh: Path, setting: str) -> ObjectModel:
    """Load an object, on its table where there is one."""
    obj = load_object(mesh)
    if setting == 'fc':
        return obj
    rest = settle(obj, object_pieces(obj).pieces)
    return load_object(mesh, support_plane=rest.support_plane)


def _grasps(head: Record, mesh: Path, hand: HandModel, out: Path) -> tuple[GraspSet, ObjectModel]:
    """Search once for both parts; return the grasps of one."""
    obj = _object(mesh, head['setting'])
    file = out / f'{head["setting"]}_{head["hand"]}_{head["object"]}.npz'
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        config = SynthesisConfig(max_grasps=SEEDS, seed_count=SEEDS)
        # Planned for the hand as it is; only the tests have other torque limits.
        synthesize(load_hand(head['hand']), obj, config).save(file)
    part = slice(BEST) if head['part'] == 'best' else slice(BEST, None)
    return GraspSet.load(file).select(part), obj


def _test(head: Record, mesh: Path, export: BenchExport, out: Path) -> Record:
    """Shake the grasps of an object, and write them for the benchmark."""
    grasps, obj = _grasps(head, mesh, export.hand, out)
    protocol = PROTOCOLS[head['setting']]
    found = evaluate(grasps, hand=export.hand, object=obj, protocol=protocol, time_limit=3600.0)
    export_set(export, grasps, obj)
    # What it has seen of an earlier search, it would not look at again.
    shutil.rmtree(_evaluated(export, head), ignore_errors=True)
    return {
        'held': int(found.held.sum()),
        'held_each': found.held.tolist(),
        'cause': found.cause.tolist(),
        'displacement': found.displacement.tolist(),
        'rotation': found.rotation.tolist(),
        'penetration': found.penetration.tolist(),
        'tip_distance': found.tip_distance.tolist(),
        'volume_ratio': found.volume_ratio,
    }


def _run(bench: Path, python: Path, export: BenchExport, setting: str) -> None:
    """Let the benchmark look at what it has not seen yet."""
    words = export.command(setting, 'eval').split()[1:]
    subprocess.run(
        [str(python.absolute()), *words, 'task.analytic_fc_metrics=null'], cwd=bench, check=True
    )


def _verdicts(export: BenchExport, ours: Record) -> Record:
    """Read what the benchmark has found of the grasps of one object."""
    folder = _evaluated(export, ours)
    files = sorted(folder.glob('*/*.npy'), key=lambda file: int(file.stem))
    found = [np.load(file, allow_pickle=True).item() for file in files]
    if len(found) != len(ours['held_each']):
        raise SystemExit(f'{folder} has {len(found)} grasps of {len(ours["held_each"])}')
    return {
        'held': sum(bool(f['succ_flag']) for f in found),
        'held_each': [bool(f['succ_flag']) for f in found],
        'moved': [float(f['delta_pos']) for f in found],
        'turned': [float(f['delta_angle']) for f in found],
        'penetration': [float(f['ho_pene']) for f in found],
        'self_penetration': [float(f['self_pene']) for f in found],
        'contact_distance': [float(f['contact_dist']) for f in found],
        'qpos': [np.asarray(f['grasp_qpos']).tolist() for f in found],
        'obj_pose': [np.asarray(f['obj_pose']).tolist() for f in found],
    }


def _evaluated(export: BenchExport, head: Record) -> Path:
    (name,) = word_names([head['object']]).values()
    return export.experiment(head['setting']) / 'evaluation' / name


def _causes(
    head: Record, mesh: Path, hand: HandModel, out: Path, ours: Record, theirs: Record
) -> dict[str, str]:
    """Name what makes our verdict the benchmark's, for each grasp on which they differ."""
    both = np.array([ours['held_each'], theirs['held_each']])
    open_ones = np.flatnonzero(both[0] != both[1])
    if not len(open_ones):
        return {}
    grasps, obj = _grasps(head, mesh, hand, out)
    causes = dict.fromkeys(map(str, open_ones), 'other')
    for name, protocol in _changed(head['setting'], head['hand']):
        found = evaluate(grasps.select(open_ones), hand=hand, object=obj, protocol=protocol)
        agrees = found.held == both[1][open_ones]
        causes |= dict.fromkeys(map(str, open_ones[agrees]), name)
        open_ones = open_ones[~agrees]
        if not len(open_ones):
            break
    return causes


def _changed(setting: str, hand: str) -> Iterator[tuple[str, Protocol]]:
    """Yield our protocol with what is otherwise there, one thing at a time, then all."""
    base = whole = find_protocol(PROTOCOLS[setting])
    for name, change in (*CHANGES.items(), OF_HANDS[hand]):
        whole = change(whole)
        if change(base) != base:
            yield name, change(base)
    yield 'all of these', whole


if __name__ == '__main__':
    tyro.cli(main)
