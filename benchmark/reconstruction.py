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

import functools
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import trimesh
import tyro
from arguments import Folder, find_meshes
from completions import VARIANTS
from markdown_tables import interval, share, show, spread, table
from records import TUNED, Record, Records, by_half, by_object, machine
from shape_errors import shape_errors
from views import VIEWS, Resting, View, choose_views, first_azimuth, rest, take_view

from dexgrasp_ros import SynthesisConfig, evaluate, load_hand, load_object, synthesize
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.core.object_model import ObjectModel, ObservedObject
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
    folder: Folder = None,
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
    stored, kind = Records(out, _key), _SHAKE if shake else _SHAPE
    variants = (*variants, TRUTH) if shake else variants
    model = load_hand(hand) if shake else None
    extra = {'hand': hand, 'asked': grasps} if shake else {}
    wanted = []
    for number, (name, path) in enumerate(find_meshes(folder).items()):
        if (objects and name not in objects) or (tuned and name not in TUNED):
            continue
        resting = functools.cache(lambda path=path: rest(load_object(path)))
        for index in choose_views(views):
            head = {'kind': kind, 'object': name, 'view': index, 'noise_scale': noise_scale}
            heads = [head | extra | {'variant': v} for v in variants]
            wanted += heads
            todo = [h for h in heads if h not in stored]
            if not todo:
                continue
            thing = resting()
            view = take_view(thing, index, first_azimuth(number), _noise(noise_scale), index)
            for head in todo:
                found, seconds = (None, 0.0) if head['variant'] == TRUTH else _run(view, head)
                if model is not None:
                    config = SynthesisConfig(max_grasps=grasps, random_seed=index)
                    about = _shaken(model, thing, _in_mesh_frame(thing, view, found), config)
                else:
                    about = _shape(view, found)
                record = head | about
                stored.add(record | {'cpu_seconds': seconds, 'machine': machine()})
                print(_line(record), flush=True)
    records = [stored[head] for head in wanted]
    show(_shake_table(records, variants) if shake else _shape_tables(records, variants))


def _key(record: Record) -> tuple[Any, ...]:
    return (*(record[name] for name in _KEY), record.get('hand'), record.get('asked'))


def _noise(scale: float) -> SensorNoise | None:
    return SensorNoise(scale=scale) if scale > 0.0 else None


def _run(view: View, head: Record) -> tuple[ObservedObject | None, float]:
    """Reconstruct in one way; the object, or None, and seconds of the processor."""
    config = ReconstructionConfig(completion=head['variant'])
    with mock.patch.dict(GUESSES, VARIANTS):
        start = time.process_time()
        result = reconstruct_frame(view.frame, config=config)
        seconds = time.process_time() - start
    return (result.objects[0] if result.objects else None), seconds


def _shape(view: View, found: ObservedObject | None) -> Record:
    if found is None:
        return {'failed': True}
    return {**shape_errors(view, found), 'phases': found.timing, 'warnings': found.warnings}


def _shaken(
    hand: HandModel, thing: Resting, plan_on: ObjectModel, config: SynthesisConfig
) -> Record:
    """Plan on the reconstruction, or on the truth; shake on the truth."""
    planned = synthesize(hand, plan_on, config)
    result = evaluate(planned, hand=hand, object=thing.obj, protocol='fc')
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


def _line(record: Record) -> str:
    what = f'{record["object"]} view {record["view"]} {record["variant"]}'
    if record['kind'] == _SHAKE:
        return f'{what}: {record["held"]}/{record["asked"]}'
    if record.get('failed'):
        return f'{what}: failed'
    return f'{what}: {1e3 * record["chamfer"]:.2f} mm, {record["iou"]:.3f}'


def _shape_tables(records: list[Record], variants: Sequence[str]) -> Iterator[str]:
    """Yield Chamfer and IoU side by side, then everything by halves."""
    halves = list(by_half(records))
    for title, name, scale in _MEASURES[:2]:
        rows = (
            [what, *(_spread(_of(part, v), name, scale) for v in variants)]
            for what, part in (*by_object(records), *halves)
        )
        yield f'\n{title}: mean over views (least to most)\n'
        yield from table(['object', *variants], rows)
    yield '\nMeans over objects and views\n'
    heads = ['half', 'variant', *(m[0] for m in _MEASURES), 'failed']
    yield from table(heads, (_means(what, v, part) for what, part in halves for v in variants))


def _means(half: str, variant: str, records: list[Record]) -> list[object]:
    own = _of(records, variant)
    cells = [f'{scale * np.mean(_values(own, name)):.3g}' for _, name, scale in _MEASURES]
    return [half, variant, *cells, sum(bool(r.get('failed')) for r in own)]


def _of(records: list[Record], variant: str) -> list[Record]:
    return [r for r in records if r['variant'] == variant]


def _values(records: list[Record], name: str) -> list[float]:
    return [r[name] for r in records if not r.get('failed')]


def _spread(records: list[Record], name: str, scale: float) -> str:
    return spread((scale * v for v in _values(records, name)), middle=np.mean)


def _shake_table(records: list[Record], variants: Sequence[str]) -> Iterator[str]:
    """Held grasps by object and variant, and the ratio to those planned on the truth."""
    others = [v for v in variants if v != TRUTH]
    rows = []
    for what, part in (*by_object(records), *by_half(records)):
        held = {v: sum(r['held'] for r in _of(part, v)) for v in variants}
        asked = {v: sum(r['asked'] for r in _of(part, v)) for v in variants}
        success = [
            f'{share(held[v], asked[v], 0)} ({interval(held[v], asked[v])})' for v in variants
        ]
        ratios = [f'{100 * held[v] / max(held[TRUTH], 1):.0f} %' for v in others]
        rows.append([what, *success, *ratios])
    return table(['object', *variants, *(f'{v} / {TRUTH}' for v in others)], rows)


if __name__ == '__main__':
    tyro.cli(main)
