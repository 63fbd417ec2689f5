"""The ``.npz`` of a set of grasps, field by field: what a file must hold to be one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.archive import read_archive
from dexgrasp_ros.core.doors import reading
from dexgrasp_ros.core.errors import ErrorCode, InputError, quoted
from dexgrasp_ros.core.files import replacing

_JSON_FIELDS = ('locked_joints', 'config', 'wishes', 'timing', 'rejected')
_NUMBERS = ('locked_joints', 'timing', 'rejected')  # of these the values are numbers
_TEXT_FIELDS = ('hand', 'hand_digest', 'urdf', 'object_mesh', 'hand_frame')
_LIST_FIELDS = ('joint_names', 'link_names', 'warnings')
# Arrays by their axes: N grasps, J joints, C places for contacts.
_AXES: Mapping[str, tuple[str | int, ...]] = {
    **dict.fromkeys(('base_pose', 'pregrasp_base_pose'), ('N', 7)),
    **dict.fromkeys(('pregrasp', 'grasp', 'squeeze'), ('N', 'J')),
    'joint_stiffness': ('J',),
    **dict.fromkeys(('score', 'residual', 'penetration', 'epsilon', 'opening_width'), ('N',)),
    **dict.fromkeys(('least_friction', 'largest_pull'), ('N',)),
    **dict.fromkeys(('contact_count', 'seed_index'), ('N',)),
    'contact_links': ('N', 'C'),
    **dict.fromkeys(('contact_points', 'contact_normals', 'contact_forces'), ('N', 'C', 3)),
    'support_plane': (4,),
}
_INTEGERS = ('contact_count', 'contact_links', 'seed_index')
# The others may be NaN: not known, or a place that is not used.
_FINITE = ('base_pose', 'pregrasp_base_pose', 'pregrasp', 'grasp', 'squeeze', 'joint_stiffness')
_LARGEST = 1e6  # m, rad or N m/rad; what is larger makes contacts and pictures overflow
_UNIT = 0.01  # of a quaternion's length


def write_fields(path: Path, fields: Mapping[str, Any]) -> None:
    """Write the fields of a set, whole or not at all.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    arrays = {n: np.asarray(json.dumps(v) if n in _JSON_FIELDS else v) for n, v in fields.items()}
    with replacing(path) as temporary, temporary.open('wb') as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)


def read_fields(path: str | Path, needed: set[str], known: set[str]) -> dict[str, Any]:
    """Read the fields of a set, each of its type and all of shapes that fit together.

    Parameters
    ----------
    path
        The file.
    needed, known
        Names of fields: those that must be there, and those that are read.

    Raises
    ------
    InputError
        As `read_archive`; WRONG_TYPE, WRONG_SHAPE or OUT_OF_RANGE for a field.
    """
    data = read_archive(path, 'grasp', needed)
    where = f"The grasp file '{path}'"
    fields: dict[str, Any] = {}
    for name in sorted(known & data.keys()):
        what = f"{where}: '{name}'"
        if name in _JSON_FIELDS:
            fields[name] = _mapping(what, _text(what, data[name]), name in _NUMBERS)
        elif name in _TEXT_FIELDS:
            fields[name] = _text(what, data[name])
        elif name in _LIST_FIELDS:
            fields[name] = _words(what, data[name])
        elif name == 'object_scale':
            fields[name] = _scale(what, data[name])
        elif name in _AXES:
            fields[name] = _numbers(what, name, data[name])
    _check_shapes(where, fields)
    _check_values(where, fields)
    return fields


def _text(what: str, value: NDArray) -> str:
    if value.ndim or value.dtype.kind != 'U':
        raise _wrong(what, value, 'a text')
    return str(value)


def _words(what: str, value: NDArray) -> tuple[str, ...]:
    # Of no words NumPy makes an array of numbers.
    if value.ndim != 1 or (len(value) and value.dtype.kind != 'U'):
        raise _wrong(what, value, 'a list of words')
    return tuple(str(word) for word in value)


def _mapping(what: str, text: str, numbers: bool) -> dict[str, Any]:
    with reading(f'{what} is no JSON'):
        found = json.loads(text)
    if not isinstance(found, dict):
        raise InputError(
            f'{what} is {quoted(found)}; expected names with values.', ErrorCode.WRONG_TYPE
        )
    if numbers and not all(isinstance(v, int | float) for v in found.values()):
        raise InputError(
            f'{what} is {quoted(found)}; expected names with numbers.', ErrorCode.WRONG_TYPE
        )
    return found


def _scale(what: str, value: NDArray) -> float:
    if value.ndim or value.dtype.kind not in 'fiu':
        raise _wrong(what, value, 'one number')
    if not 0.0 < value.item() <= _LARGEST:
        raise InputError(
            f'{what} is {value.item():g}; expected above 0 to {_LARGEST:g}.',
            ErrorCode.OUT_OF_RANGE,
        )
    return float(value.item())


def _numbers(what: str, name: str, value: NDArray) -> NDArray:
    kinds, kind = ('iu', np.int64) if name in _INTEGERS else ('fiu', np.float64)
    if value.dtype.kind not in kinds:
        raise _wrong(what, value, 'whole numbers' if name in _INTEGERS else 'numbers')
    return value.astype(kind, copy=False)


def _check_shapes(where: str, fields: Mapping[str, Any]) -> None:
    score, links = fields['score'], fields['contact_links']
    sizes = {
        'N': score.size,
        'J': len(fields['joint_names']),
        'C': links.shape[1] if links.ndim == 2 else 0,
    }
    for name, axes in _AXES.items():
        expected = tuple(sizes.get(axis, axis) for axis in axes)
        if name in fields and fields[name].shape != expected:
            raise InputError(
                f"{where}: '{name}' has shape {list(fields[name].shape)}; expected"
                f' {list(expected)} for {sizes["N"]} grasps of {sizes["J"]} joints.',
                ErrorCode.WRONG_SHAPE,
            )


def _check_values(where: str, fields: Mapping[str, Any]) -> None:
    for name in _FINITE:
        if not (np.abs(fields[name]) <= _LARGEST).all():
            raise InputError(
                f"{where}: '{name}' has {_worst(fields[name]):g}; expected finite numbers of at"
                f' most {_LARGEST:g}.',
                ErrorCode.OUT_OF_RANGE,
            )
    for name in ('base_pose', 'pregrasp_base_pose'):
        lengths = np.linalg.norm(fields[name][:, 3:], axis=1)
        if (np.abs(lengths - 1.0) > _UNIT).any():
            worst = lengths[np.argmax(np.abs(lengths - 1.0))]
            raise InputError(
                f"{where}: '{name}' has a quaternion of length {worst:.4g}; expected 1.",
                ErrorCode.OUT_OF_RANGE,
            )
    links, count = fields['contact_links'], len(fields['link_names'])
    if links.size and not (links.min() >= -1 and links.max() < count):
        raise InputError(
            f"{where}: 'contact_links' has {links.min()} to {links.max()}; expected -1 to"
            f' {count - 1}, places in link_names.',
            ErrorCode.OUT_OF_RANGE,
        )


def _worst(values: NDArray) -> float:
    broken = values[~(np.abs(values) <= _LARGEST)]
    return float(broken.flat[0])


def _wrong(what: str, value: NDArray, expected: str) -> InputError:
    return InputError(
        f'{what} has type {value.dtype} and shape {list(value.shape)}; expected {expected}.',
        ErrorCode.WRONG_TYPE,
    )
