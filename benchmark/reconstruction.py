"""How near reconstructions from one view are to the truth, by object and by way to complete.

    .venv/bin/python benchmark/reconstruction.py [--variants centers …] [--views 8]
        [--objects 025_mug …] [--noise-scale 1.0] [--out FILE.jsonl]
    .venv/bin/python benchmark/reconstruction.py --shake [--views 2] [--grasps 8] …

Every object comes to rest on a table with its mesh's z up and is seen from `--views` azimuths,
45 degrees apart, at elevations of 30 and 50 degrees in turns, from 0.6 m, at VGA, through the
noise of `dexgrasp_ros.simulation.SensorNoise`. `benchmark/shape_errors.py` says what is measured.
Variants are the package's (`ReconstructionConfig.completion`) and those of
`benchmark/completions.py`; all of them see the same image. Seconds are the processor's, of all
threads, for the whole frame.

With ``--shake`` grasps are planned on the reconstruction, and others, with the same random seed,
on the true mesh; both know their support plane. All are shaken on the true mesh where it was, so
that what the reconstruction gets wrong makes grasps fail. Those that did not come count as
failures.
Each result is one line of JSON in ``--out``, and lines that are there are not made again. Settings
may be chosen on the objects of `TUNED` only; the others are there to report on.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import trimesh
import tyro
from completions import VARIANTS
from records import TUNED, append_record, read_records, table_row
from shape_errors import shape_errors
from views import VIEWS, Resting, View, first_azimuth, rest, spread, take_view

from dexgrasp_ros import SynthesisConfig, evaluate, load_hand, load_object, synthesize
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.core.object_model import ObjectModel, ObservedObject
from dexgrasp_ros.evaluation import wilson_interval
from dexgrasp_ros.perception import ReconstructionConfig, reconstruct_frame
from dexgrasp_ros.perception.completion.guesses import GUESSES
from dexgrasp_ros.simulation import SensorNoise

TRUTH = 'truth'  # the variant that plans on the true mesh
_KEY = ('kind', 'variant', 'object', 'view', 'noise_scale')
_SHAPE, _SHAKE = 'shape', 'shake'
_MEASURES = (
    ('Chamfer [mm]', 'chamfer', 1e3),
    ('IoU', 'iou', 1.0),
    ('seen side [mm]', 'seen', 1e3),
    ('points [mm]', 'points', 1e3),
    ('invented [cm³]', 'invented', 1e6),
    ('CPU [s]', 'cpu_seconds', 1.0),
)


def main(
    folder: tyro.conf.Positional[Path | None] = None,
    *,
    variants: tuple[str, ...] = (ReconstructionConfig().completion,),
    objects: tuple[str, ...] = (),
    tuned: bool = False,
    views: int = VIEWS,
    noise_scale: float = 1.0,
    shake: bool = False,
    hand: str = 'allegro',
    grasps: int = 8,
    out: Path = Path('out/reconstruction.jsonl'),
) -> None:
    """Make what is missing, then print the tables of everything that was asked for."""
    folder = folder or Path(os.environ.get('DEXGRASP_TEST_DATA', '../shared/data')) / 'objects'
    meshes = dict(enumerate(sorted(folder.glob('*.obj'))))
    stored = {_key(r): r for r in read_records(out)}
    kind = _SHAKE if shake else _SHAPE
    variants = (*variants, TRUTH) if shake else variants
    model = load_hand(hand) if shake else None
    extra = {'hand': hand, 'asked': grasps} if shake else {}
    wanted = []
    for number, path in meshes.items():
        if (objects and path.stem not in objects) or (tuned and path.stem not in TUNED):
            continue
        thing = None
        for index in spread(views):
            head = {'kind': kind, 'object': path.stem, 'view': index, 'noise_scale': noise_scale}
            heads = [head | extra | {'variant': v} for v in variants]
            wanted += [_key(h) for h in heads]
            todo = [h for h in heads if _key(h) not in stored]
            if not todo:
                continue
            thing = thing or rest(load_object(path))
            view = take_view(thing, index, first_azimuth(number), _noise(noise_scale), index)
            for head in todo:
                found, seconds = (None, 0.0) if head['variant'] == TRUTH else _run(view, head)
                record = head | _about(model, thing, view, found, grasps, index)
                machine = f'{platform.machine()}, {os.cpu_count()} cores'
                record |= {'cpu_seconds': seconds, 'machine': machine}
                stored[_key(record)] = record
                append_record(out, record)
                print(_line(record), flush=True)
    records = [stored[k] for k in wanted]
    print(_shake_table(records, variants) if shake else _shape_tables(records, variants))


def _key(record: dict[str, Any]) -> tuple[Any, ...]:
    return (*(record[name] for name in _KEY), record.get('hand'), record.get('asked'))


def _noise(scale: float) -> SensorNoise | None:
    return SensorNoise(scale=scale) if scale > 0.0 else None


def _run(view: View, head: dict[str, Any]) -> tuple[ObservedObject | None, float]:
    """Reconstruct in one way; the object, or None, and seconds of the processor."""
    config = ReconstructionConfig(completion=head['variant'])
    with mock.patch.dict(GUESSES, VARIANTS):
        start = time.process_time()
        result = reconstruct_frame(view.frame, config=config)
        seconds = time.process_time() - start
    return (result.objects[0] if result.objects else None), seconds


def _about(
    hand: HandModel | None,
    thing: Resting,
    view: View,
    found: ObservedObject | None,
    grasps: int,
    random_seed: int,
) -> dict[str, Any]:
    """Measure the shape, or with a hand the success of its grasps."""
    if hand is not None:
        return _shaken(hand, thing, view, found, grasps, random_seed)
    if found is None:
        return {'failed': True}
    return {**shape_errors(view, found), 'phases': found.timing, 'warnings': found.warnings}


def _shaken(
    hand: HandModel,
    thing: Resting,
    view: View,
    found: ObservedObject | None,
    grasps: int,
    random_seed: int,
) -> dict[str, Any]:
    """Plan on the reconstruction, or on the truth where there is none; shake on the truth."""
    true = thing.obj
    config = SynthesisConfig(max_grasps=grasps, random_seed=random_seed)
    planned = synthesize(hand, _in_mesh_frame(thing, view, found), config)
    result = evaluate(planned, hand=hand, object=true, protocol='fc')
    causes = result.causes()
    causes.pop('held', None)
    return {
        'held': int(result.held.sum()),
        'returned': len(planned),
        'causes': causes,
        'penetration': result.penetration.tolist(),
        'score': planned.score.tolist(),
    }


def _in_mesh_frame(thing: Resting, view: View, found: ObservedObject | None) -> ObjectModel:
    """Return what is planned on, where the true mesh is."""
    if found is None:
        mesh, plane = (thing.obj.vertices, thing.obj.faces), thing.support_plane
        return load_object(mesh, support_plane=plane)
    T = view.T_mesh_cam
    plane = found.support_plane
    if plane is not None:
        normal = T[:3, :3] @ plane[:3]
        plane = np.append(normal, plane[3] - normal @ T[:3, 3])
    return load_object(
        (trimesh.transform_points(found.vertices, T), found.faces),
        support_plane=plane,
        obstacles=trimesh.transform_points(found.obstacles, T) if len(found.obstacles) else None,
    )


def _line(record: dict[str, Any]) -> str:
    what = f'{record["object"]} view {record["view"]} {record["variant"]}'
    if record['kind'] == _SHAKE:
        return f'{what}: {record["held"]}/{record["asked"]}'
    if record.get('failed'):
        return f'{what}: failed'
    return f'{what}: {1e3 * record["chamfer"]:.2f} mm, {record["iou"]:.3f}'


def _halves(records: list[dict[str, Any]]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yield the records of each object, of each half, and all."""
    for name in sorted({r['object'] for r in records}):
        yield name, [r for r in records if r['object'] == name]
    yield '**tuned half**', [r for r in records if r['object'] in TUNED]
    yield '**reporting half**', [r for r in records if r['object'] not in TUNED]
    yield '**all**', records


def _shape_tables(records: list[dict[str, Any]], variants: tuple[str, ...]) -> str:
    """Chamfer and IoU side by side, then everything by halves."""
    lines = []
    for title, name, scale in _MEASURES[:2]:
        lines += [f'\n{title}: mean over views (least to most)\n']
        lines += [table_row(['object', *variants]), table_row(['---'] * (len(variants) + 1))]
        for what, part in _halves(records):
            if part:
                cells = [_spread(_of(part, v), name, scale) for v in variants]
                lines.append(table_row([what, *cells]))
    heads = ['half', 'variant', *(m[0] for m in _MEASURES), 'failed']
    lines += ['\nMeans over objects and views\n', table_row(heads)]
    lines.append(table_row(['---'] * len(heads)))
    for what, part in list(_halves(records))[-3:]:
        for variant in variants if part else ():
            own = _of(part, variant)
            cells = [f'{scale * _mean(own, name):.3g}' for _, name, scale in _MEASURES]
            failed = str(sum(bool(r.get('failed')) for r in own))
            lines.append(table_row([what, variant, *cells, failed]))
    return '\n'.join(lines)


def _of(records: list[dict[str, Any]], variant: str) -> list[dict[str, Any]]:
    return [r for r in records if r['variant'] == variant]


def _values(records: list[dict[str, Any]], name: str) -> list[float]:
    return [r[name] for r in records if not r.get('failed')]


def _mean(records: list[dict[str, Any]], name: str) -> float:
    return float(np.mean(_values(records, name)))


def _spread(records: list[dict[str, Any]], name: str, scale: float) -> str:
    values = scale * np.array(_values(records, name))
    return (
        f'{values.mean():.2f} ({values.min():.2f} to {values.max():.2f})' if len(values) else '–'
    )


def _shake_table(records: list[dict[str, Any]], variants: tuple[str, ...]) -> str:
    """Held grasps by object and variant, and the ratio to those planned on the truth."""
    heads = ['object', *variants, *(f'{v} / {TRUTH}' for v in variants if v != TRUTH)]
    lines = [table_row(heads), table_row(['---'] * len(heads))]
    for what, part in _halves(records):
        if not part:
            continue
        held = {v: sum(r['held'] for r in _of(part, v)) for v in variants}
        asked = {v: sum(r['asked'] for r in _of(part, v)) for v in variants}
        cells = [_success(held[v], asked[v]) for v in variants]
        for v in variants:
            if v != TRUTH:
                cells.append(f'{100 * held[v] / max(held[TRUTH], 1):.0f} %')
        lines.append(table_row([what, *cells]))
    return '\n'.join(lines)


def _success(held: int, asked: int) -> str:
    low, high = wilson_interval(held, asked)
    return f'{held}/{asked} = {100 * held / asked:.0f} % ({100 * low:.0f} to {100 * high:.0f})'


if __name__ == '__main__':
    tyro.cli(main)
