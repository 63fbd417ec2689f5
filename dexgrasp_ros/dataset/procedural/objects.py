"""A folder of procedural objects: watertight, 3 to 25 cm, the same for the same seed."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import TypedDict

import numpy as np
import trimesh
from manifold3d import Manifold

from dexgrasp_ros.core.doors import reading
from dexgrasp_ros.core.errors import ErrorCode, InputError
from dexgrasp_ros.core.files import remove_leftovers, write_bytes, write_text
from dexgrasp_ros.core.json_files import read_json, write_json
from dexgrasp_ros.dataset.config import derive_seed
from dexgrasp_ros.dataset.procedural.kinds import KINDS
from dexgrasp_ros.object.bodies import from_manifold

RULES = 1  # version of what makes objects: another one makes others of the same seed
SMALLEST, LARGEST = 0.03, 0.25  # m, of the longest edge of a box about the object
MOST = 1_000_000

_RECORD, _TABLE = 'procedural.json', 'objects.csv'
_LICENSE, _SOURCE = 'Apache-2.0', 'dexgrasp dataset objects'
_COLUMNS = ('file', 'license', 'source', 'kind', 'faces', 'x_m', 'y_m', 'z_m', 'volume_cm3')


class _Record(TypedDict):
    """What a folder of objects was made from."""

    rules: int
    random_seed: int


class Made(TypedDict):
    """What a run did."""

    made: int
    skipped: int  # were there
    kinds: dict[str, int]


def make_objects(
    out: Path,
    count: int,
    random_seed: int = 0,
    progress: Callable[[int, int], None] = lambda done, count: None,
) -> Made:
    """Make the objects of a folder that are not there yet, and a table of all.

    An object depends on the seed and on its own number, so that a folder can grow.

    Parameters
    ----------
    out
        Folder, new or begun: ``bottle-00007.ply`` … and ``objects.csv``, which
        ``dexgrasp dataset generate`` reads.
    count
        Of the objects, at least: those that are there stay.
    random_seed
        Start of all random numbers.
    progress
        Called with the number of objects that are there and `count`.

    Raises
    ------
    InputError
        OUT_OF_RANGE: no such count or seed. INVALID_INPUT: the folder has objects of another seed
        or of other rules, or what is in it cannot be read.
    OSError
        A file cannot be written.
    """
    for name, value, low, high in (
        ('count', count, 1, MOST),
        ('random_seed', random_seed, 0, 2**31 - 1),
    ):
        if not low <= value <= high:
            raise InputError(
                f"'{name}' is {value}; expected {low} to {high}.", ErrorCode.OUT_OF_RANGE
            )
    _open_folder(out, random_seed)
    rows, kinds = [], dict.fromkeys(KINDS, 0)
    made = 0
    total = max(count, _last(out) + 1)  # the table has whatever is there
    for number in range(total):
        rng = np.random.default_rng(derive_seed('objects', random_seed, number))
        kind = str(rng.choice(list(KINDS)))
        kinds[kind] += 1
        path = out / f'{kind}-{number:05d}.ply'
        mesh = _there(path)
        if mesh is None:
            mesh = draw_object(kind, rng)
            write_bytes(path, mesh.export(file_type='ply', encoding='binary'))
            made += 1
        rows.append(_row(path.name, kind, mesh))
        progress(number + 1, total)
    _write_table(out / _TABLE, rows)
    return {'made': made, 'skipped': total - made, 'kinds': kinds}


def draw_object(kind: str, rng: np.random.Generator) -> trimesh.Trimesh:
    """Draw one object of a kind: closed, in one piece, its centre of mass at the origin."""
    while True:
        solid = max(KINDS[kind](rng).decompose(), key=Manifold.volume)
        longest = float(np.ptp(np.array(solid.bounding_box()).reshape(2, 3), axis=0).max())
        solid = solid.scale(np.full(3, np.clip(longest, SMALLEST, LARGEST) / longest))
        # Of a tenth of a millimetre are the slivers that booleans leave.
        mesh = from_manifold(solid.simplify(1e-4))
        # Surfaces that touch in an edge are closed only as long as its corners stay two.
        if mesh.is_watertight and mesh.body_count == 1:
            mesh.apply_translation(-mesh.center_mass)
            return mesh


def _open_folder(out: Path, random_seed: int) -> None:
    """Note what objects are made from, or refuse a folder where they were from something else."""
    expected: _Record = {'rules': RULES, 'random_seed': random_seed}
    path = out / _RECORD
    try:
        there = read_json(path, schema=_Record)
    except FileNotFoundError:
        write_json(path, expected)
        return
    if {name: there[name] for name in expected} != expected:
        raise InputError(
            f"'{out}' has objects of the random seed {there['random_seed']} by rules of version"
            f' {there["rules"]}; expected {random_seed} and {RULES}, or another folder.'
        )
    remove_leftovers(out)


def _last(out: Path) -> int:
    """Greatest number of an object that is there; -1: none."""
    numbers = (path.stem.rpartition('-')[2] for path in out.glob('*-*.ply'))
    return max((int(n) for n in numbers if n.isdecimal()), default=-1)


def _there(path: Path) -> trimesh.Trimesh | None:
    """Object that was made before; None if it is not there, or what is there is no such mesh."""
    if not path.is_file():
        return None
    try:
        with reading(f"'{path}' is no mesh"):
            mesh = trimesh.load_mesh(path)
    except InputError:
        return None
    return mesh if mesh.is_watertight else None


def _row(file: str, kind: str, mesh: trimesh.Trimesh) -> tuple[object, ...]:
    size = [f'{value:.4f}' for value in mesh.extents]
    return (file, _LICENSE, _SOURCE, kind, len(mesh.faces), *size, f'{1e6 * mesh.volume:.1f}')


def _write_table(path: Path, rows: list[tuple[object, ...]]) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator='\n').writerows([_COLUMNS, *rows])
    write_text(path, text.getvalue())
