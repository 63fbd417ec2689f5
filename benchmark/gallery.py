"""Hands of every kind on a box, a bottle and a screwdriver; run it again and it goes on.

    .venv/bin/python benchmark/gallery.py [HAND …] [--objects box bottle screwdriver]
        [--records FILE.jsonl] [--out FILE.md] [--page FILE.md]

HAND is a name, the path of a URDF or xacro file, or NAME=PATH[:ROOT]: what to call it, and the
link at which it begins. Objects are made here: a box of 40 x 60 x 120 mm, a bottle of 60 mm with a
neck of 28 mm and a cap, a screwdriver with a handle of 28 mm and a shaft of 8 mm. Each hand is to
find 16 grasps of each with 128 seeds, and what comes is shaken (protocol ``fc``). Loading is timed
with an empty cache and once more. Each result is one line of JSON in ``--records``, and lines that
are there are not made again. The table goes to ``--out``, and into ``--page`` between the comments
``<!-- figures -->`` and ``<!-- end of figures -->``.
"""

from __future__ import annotations

import functools
import itertools
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

import numpy as np
import trimesh
import tyro
from arguments import check_names
from markdown_tables import show, table
from records import Record, Records

from dexgrasp_ros import SynthesisConfig, evaluate, load_hand, load_object, synthesize
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.core.object_model import ObjectModel
from dexgrasp_ros.hand.opening import is_gripper
from dexgrasp_ros.simulation.demo_objects import make_bottle

OWN = ('allegro', 'barrett', 'shadow')
_KEY = ('hand', 'object', 'random_seed', 'seed_count', 'asked', 'iterations')
_FIGURES = re.compile('(<!-- figures -->\n).*?(<!-- end of figures -->)', re.DOTALL)


def make_screwdriver(
    *, handle: float = 0.1, shaft: float = 0.1, handle_radius: float = 0.014, radius: float = 0.004
) -> trimesh.Trimesh:
    """Make a handle with a shaft, lengths and radii in metres, that stands on z = 0."""
    top = handle + shaft
    profile = [[0, 0], [handle_radius, 0], [handle_radius, handle]]
    profile += [[radius, handle], [radius, top], [0, top]]
    return trimesh.creation.revolve(np.array(profile), sections=48)


OBJECTS: dict[str, Callable[[], trimesh.Trimesh]] = {
    'box': lambda: trimesh.creation.box((0.04, 0.06, 0.12)),
    'bottle': lambda: make_bottle(height=0.2, radius=0.030, neck_radius=0.014),
    'screwdriver': make_screwdriver,
}


def main(
    hands: tyro.conf.Positional[tuple[str, ...]] = OWN,
    *,
    objects: tuple[str, ...] = tuple(OBJECTS),
    max_grasps: int = 16,
    seed_count: int = 128,
    iterations: int = 200,
    random_seed: int = 0,
    device: str = 'auto',
    records: Path = Path('out/gallery.jsonl'),
    out: Path | None = Path('benchmark/gallery.md'),
    page: Path | None = None,
) -> None:
    """Make what is missing, then print the table and write it to the files."""
    check_names('objects', objects, OBJECTS)
    stored, sources = Records(records, _KEY), dict(map(parse_hand, hands))
    loaded, load = functools.cache(load_timed), functools.cache(load_made)
    config = SynthesisConfig(
        max_grasps=max_grasps,
        seed_count=seed_count,
        iterations=iterations,
        random_seed=random_seed,
        device=device,
    )
    found = []
    for hand, name in itertools.product(sources, objects):
        head = {
            'hand': hand,
            'object': name,
            'random_seed': random_seed,
            'seed_count': seed_count,
            'asked': max_grasps,
            'iterations': iterations,
        }
        if head not in stored:
            stored.add(head | _run(*loaded(*sources[hand]), load(name), config))
        found.append(stored[head])
    lines = list(table(_head(objects), _rows(found)))
    told = f'{max_grasps} grasps were asked for, of {seed_count} seeds; returned / held in `fc`.'
    show(['# Hands of every kind', '', told, '', *lines], out)
    if page is not None:
        fill_page(page, [told, '', *lines])


def parse_hand(word: str) -> tuple[str, tuple[str, str | None]]:
    """Name, source and root of ``NAME=PATH[:ROOT]``, or of a name or path alone."""
    name, is_named, rest = word.rpartition('=')
    source, _, root = rest.partition(':')
    return name if is_named else Path(source).stem, (source, root or None)


def load_timed(source: str, root: str | None) -> tuple[HandModel, list[float]]:
    """Load a hand with an empty cache and once more; return it, and the seconds of both."""
    seconds = []
    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch.dict(os.environ, {'XDG_CACHE_HOME': folder}),
    ):
        for _ in range(2):
            start = time.perf_counter()
            hand = load_hand(source, root=root)
            seconds.append(time.perf_counter() - start)
    return hand, seconds


def load_made(name: str) -> ObjectModel:
    """One of `OBJECTS`."""
    mesh = OBJECTS[name]()
    return load_object((np.asarray(mesh.vertices), np.asarray(mesh.faces)), name=name)


def kind_of(hand: HandModel) -> str:
    """Tell grippers, hands of three fingers, and those with more."""
    count = len(np.unique(hand.group_fingers[hand.group_fingers >= 0]))
    return 'gripper' if is_gripper(hand) else 'three fingers' if count == 3 else f'{count} fingers'


def fill_page(page: Path, lines: list[str]) -> None:
    """Put lines between the two comments of a page that say where figures stand."""
    text, count = _FIGURES.subn(
        lambda found: '\n'.join((found[1] + '\n'.join(lines), found[2])),
        page.read_text(encoding='utf-8'),
    )
    if count != 1:
        raise SystemExit(f'{page} has {count} places for figures; expected one')
    page.write_text(text, encoding='utf-8')


def _run(
    hand: HandModel, seconds: list[float], obj: ObjectModel, config: SynthesisConfig
) -> Record:
    grasps = synthesize(hand, obj, config)
    held = int(evaluate(grasps, hand=hand, object=obj).held.sum()) if len(grasps) else 0
    print(f'{hand.name} {obj.name}: {len(grasps)} returned, {held} held', flush=True)
    return {
        'kind': kind_of(hand),
        'joints': len(hand.joint_names),
        'groups': len(hand.group_names),
        'load_seconds': seconds,
        'returned': len(grasps),
        'held': held,
        'rejected': grasps.rejected,
        'search_seconds': sum(grasps.timing.values()),
    }


def _head(objects: tuple[str, ...]) -> tuple[str, ...]:
    return ('hand', 'kind', 'joints', 'groups', 'load first / again [s]', *objects)


def _rows(records: list[Record]) -> Iterator[list[object]]:
    """Yield a row for each hand; the records of a hand follow each other."""
    for hand, group in itertools.groupby(records, lambda record: record['hand']):
        own = list(group)
        first = own[0]
        yield [
            hand,
            *(first[k] for k in ('kind', 'joints', 'groups')),
            ' / '.join(f'{s:.1f}' for s in first['load_seconds']),
            *(f'{record["returned"]} / {record["held"]}' for record in own),
        ]


if __name__ == '__main__':
    tyro.cli(main)
