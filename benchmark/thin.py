"""Success on thin, wide, flat and large things; run it again and it goes on where it stopped.

    .venv/bin/python benchmark/thin.py [--hands allegro barrett shadow] [--half tuning reporting]
        [--objects plate_240 …] [--protocols fc hard tabletop] [--random-seeds 0]
        [--out FILE.jsonl]

Objects are made of formulas: discs, plates with rims, bowls, dominoes, packs of cards, rulers,
tiles and boxes. Settings may be chosen on those of `TUNING`; those of `REPORTING` have other
dimensions and are there to report on. Searches and tests are those of `success.py`: 128 seeds, the
best 16 are shaken; on the tabletop the object has been let go with z up. A thing whose least
extent, free or in height above its table, says that it cannot be had is marked: wider than the
hand's opening, or lower than 8 mm.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import trimesh
import tyro
from markdown_tables import share, show, table
from numpy.typing import NDArray
from records import Record, Records
from success import BEST, plan_search, search_and_shake

from dexgrasp_ros import SynthesisConfig, load_hand, load_object
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.hand.kinematics import link_matrices
from dexgrasp_ros.synthesis.flat import LEAST_HEIGHT

_PIECES = 0.02  # of bowls and plates: coarser pieces fill them
_POSTURES = 200
_FACING = 0.93  # cosine of the angle of friction, 0.4
_SECTIONS = 96
_KEY = ('hand', 'object', 'random_seed', 'protocol')
_HEAD = ('object', 'least [mm]', 'test', 'returned', 'held', 'fell to')


def disc(diameter: float, height: float) -> trimesh.Trimesh:
    """Cylinder, sizes in mm as for all of these."""
    return trimesh.creation.cylinder(diameter / 2, height, sections=_SECTIONS)


def box(*sides: float) -> trimesh.Trimesh:
    """Cuboid."""
    return trimesh.creation.box(sides)


def shell(line: NDArray[np.float64], wall: float) -> trimesh.Trimesh:
    """Revolve a line [K, 2] of radii and heights, from the axis outwards, with a wall above it."""
    along = np.gradient(line, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    inner = line + wall * np.column_stack([-along[:, 1], along[:, 0]])
    inner[0, 0] = 0.0
    profile = np.concatenate([line, inner[::-1]])
    return trimesh.creation.revolve(profile, sections=_SECTIONS)


def plate(diameter: float, height: float, wall: float) -> trimesh.Trimesh:
    """Flat foot of 0.6 of the diameter, and a rim that rises straight from it."""
    foot = np.column_stack([np.linspace(0.0, 0.3, 5) * diameter, np.zeros(5)])
    rim = np.linspace([0.3 * diameter, 0.0], [0.5 * diameter, height], 5)
    return shell(np.concatenate([foot, rim[1:]]), wall)


def bowl(diameter: float, wall: float) -> trimesh.Trimesh:
    """Half a ball with a flat foot."""
    angle = np.linspace(np.radians(25.0), np.radians(90.0), 14)
    arc = 0.5 * diameter * np.column_stack([np.sin(angle), np.cos(angle[0]) - np.cos(angle)])
    return shell(np.concatenate([[[0.0, 0.0], [arc[0, 0] / 2, 0.0]], arc]), wall)


TUNING = {
    'disc_160x8': functools.partial(disc, 160, 8),
    'disc_280x5': functools.partial(disc, 280, 5),
    'plate_240': functools.partial(plate, 240, 24, 1.5),
    'bowl_150': functools.partial(bowl, 150, 2.5),
    'domino_48': functools.partial(box, 48, 24, 8),
    'cards_88': functools.partial(box, 88, 63, 18),
    'ruler_300': functools.partial(box, 300, 30, 3),
    'tile_60': functools.partial(box, 60, 30, 8),
    'box_200': functools.partial(box, 200, 170, 150),
}
REPORTING = {
    'disc_120x10': functools.partial(disc, 120, 10),
    'disc_220x6': functools.partial(disc, 220, 6),
    'plate_190': functools.partial(plate, 190, 20, 1.2),
    'bowl_180': functools.partial(bowl, 180, 3.0),
    'domino_56': functools.partial(box, 56, 28, 10),
    'cards_92': functools.partial(box, 92, 58, 15),
    'ruler_200': functools.partial(box, 200, 25, 4),
    'tile_51': functools.partial(box, 51, 25, 6),
    'box_180': functools.partial(box, 180, 160, 160),
}
_HALVES = {'tuning': TUNING, 'reporting': REPORTING}


def main(
    *,
    hands: tuple[str, ...] = ('allegro', 'barrett', 'shadow'),
    half: tuple[str, ...] = ('tuning', 'reporting'),
    objects: tuple[str, ...] = (),
    protocols: tuple[str, ...] = ('fc', 'hard', 'tabletop'),
    random_seeds: tuple[int, ...] = (0,),
    out: Path = Path('out/thin.jsonl'),
) -> list[str]:
    """Make what is missing; print and return the tables of all that was asked for."""
    makers = {name: make for h in half for name, make in _HALVES[h].items()}
    names = objects or tuple(makers)
    stored, config = Records(out, _KEY), SynthesisConfig()
    wanted = []
    for hand, name, seed in itertools.product(hands, names, random_seeds):
        head = {'hand': hand, 'object': name, 'random_seed': seed}
        heads = [head | {'protocol': p} for p in protocols]
        wanted += heads
        todo = [(h['protocol'], BEST) for h in heads if h not in stored]
        if not todo:
            continue
        mesh = makers[name]().apply_scale(0.001)
        obj = load_object((mesh.vertices, mesh.faces), name=name)
        model, plan = load_hand(hand), plan_search(config, BEST, seed)
        for record in search_and_shake(model, obj, plan, todo, _PIECES):
            made = {'asked': plan.max_grasps, 'extents': sorted(1e3 * mesh.extents)}
            stored.add(head | made | {'height': 1e3 * mesh.extents[2]} | record)
            counts = f'{record["held"]} of {record["returned"]}'
            print(f'{hand} {name} seed {seed} {record["protocol"]}: {counts}', flush=True)
    lines = []
    for hand in hands:
        width = 1e3 * opening(load_hand(hand))
        records = [stored[head] for head in wanted if head['hand'] == hand]
        lines += [f'\n### {hand}, opening {width:.0f} mm\n', *_table(records, width)]
    show(lines)
    return lines


def opening(hand: HandModel) -> float:
    """Widest gap [m] between points of two fingers, or of one and the palm, that face each other.

    Facing: within the angle of friction of the line between them, in any of 200 random postures.
    """
    rng = np.random.default_rng(0)
    q = rng.uniform(hand.lower, hand.upper, (_POSTURES, len(hand.joint_names)))
    of_cluster = np.repeat(np.arange(len(hand.group_names)), np.diff(hand.group_clusters))
    groups = np.repeat(of_cluster, np.diff(hand.cluster_points))
    use = np.flatnonzero(hand.group_weights[groups] >= 0.25)
    use = use[:: max(1, len(use) // 150)]
    links, fingers = hand.geometry_links[groups[use]], hand.group_fingers[groups[use]]
    other = fingers[:, None] != fingers[None]
    widest = 0.0
    for frames in link_matrices(hand, q):
        turn = frames[links, :3, :3]
        point = np.einsum('mij,mj->mi', turn, hand.points[use]) + frames[links, :3, 3]
        normal = np.einsum('mij,mj->mi', turn, hand.normals[use])
        way = point[None] - point[:, None]
        length = np.linalg.norm(way, axis=2)
        along = np.einsum('mi,mni->mn', normal, way) / np.maximum(length, 1e-9)
        facing = other & (along > _FACING) & (along.T > _FACING)
        widest = max(widest, float(length[facing].max(initial=0.0)))
    return widest


def _table(records: list[Record], width: float) -> Iterator[str]:
    yield from table(_HEAD, (_cells(r, width) for r in records))
    for protocol in dict.fromkeys(r['protocol'] for r in records):
        own = [r for r in records if r['protocol'] == protocol and not _impossible(r, width)]
        returned, asked = (sum(r[k] for r in own) for k in ('returned', 'asked'))
        held = sum(r['held'] for r in own)
        if returned:
            yield f'\n{protocol}, what can be had: returned {share(returned, asked)}, '
            yield f'held {share(held, returned)} of these.'


def _impossible(record: Record, width: float) -> str:
    """Why the hand cannot have it; empty where it can."""
    if record['extents'][0] > width:
        return 'wider than the opening'
    if record['protocol'] == 'tabletop' and record['height'] < 1e3 * LEAST_HEIGHT:
        return 'lies flat'
    return ''


def _cells(record: Record, width: float) -> list[str]:
    why = _impossible(record, width)
    fell = {k: n for k, n in record['rejected'].items() if n and k != 'surplus'}
    return [
        record['object'],
        f'{record["extents"][0]:.3g}' + (f' ({why})' if why else ''),
        record['protocol'],
        str(record['returned']),
        str(record['held']),
        ', '.join(f'{n} {reason}' for reason, n in fell.items()) or '–',
    ]


if __name__ == '__main__':
    tyro.cli(main)
