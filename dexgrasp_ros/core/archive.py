"""Reading ``.npz`` files that may be anything: one place that knows how they can be broken."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Collection
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.doors import MEBIBYTE, check_file, reading
from dexgrasp_ros.core.errors import ErrorCode, InputError, choices, reason

# Of all arrays together, unpacked: 870 views of 640 x 480, or a million grasps of 16 joints.
_UNPACKED_LIMIT = 1024 * MEBIBYTE
_MEMBER_LIMIT = 1000
_ENDING = '.npy'
_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def read_archive(path: str | Path, kind: str, required: Collection[str]) -> dict[str, NDArray]:
    """Read all arrays of an ``.npz``, without pickles.

    Parameters
    ----------
    path
        The file.
    kind
        What the file should be, for the message: ``'scene'``, ``'grasp'``.
    required
        Keys that it must have.

    Raises
    ------
    InputError
        FILE_NOT_FOUND, INVALID_INPUT (not an ``.npz``, or damaged), OUT_OF_RANGE (more than 1 GiB
        unpacked, or more than 1000 arrays) or MISSING_KEY.
    """
    path = Path(path)
    check_file(path, kind, _UNPACKED_LIMIT)
    broken = f"'{path}' is not a {kind} file (.npz)"
    with reading(broken):
        # `np.load` would take text for pickles, and advise to load them unsafely.
        if not zipfile.is_zipfile(path):
            raise ValueError('it is no zip archive of arrays')
        with zipfile.ZipFile(path) as archive:
            members = [m for m in archive.infolist() if m.filename.endswith(_ENDING)]
            _check_size(path, kind, members)
            data = {m.filename.removesuffix(_ENDING): _array(archive, m) for m in members}
    if missing := set(required) - set(data):
        raise InputError(
            f"The {kind} file '{path}' lacks {choices(missing)}; it has {choices(data)}.",
            ErrorCode.MISSING_KEY,
        )
    return data


def _check_size(path: Path, kind: str, members: list[zipfile.ZipInfo]) -> None:
    unpacked = sum(member.file_size for member in members)
    if len(members) > _MEMBER_LIMIT or unpacked > _UNPACKED_LIMIT:
        raise InputError(
            f"'{path}' has {len(members)} arrays of {unpacked / MEBIBYTE:.0f} MiB unpacked; "
            f'expected a {kind} file with at most {_MEMBER_LIMIT} arrays of '
            f'{_UNPACKED_LIMIT / MEBIBYTE:.0f} MiB.',
            ErrorCode.OUT_OF_RANGE,
        )


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> NDArray:
    """Read one array whose bytes are all there, before any memory is taken for it."""
    try:
        with archive.open(member) as file:
            header = _HEADERS[np.lib.format.read_magic(file)]
            shape, _, kind = header(file)
            there = member.file_size - file.tell()
    except Exception as error:
        raise ValueError(f"'{member.filename[:100]}' is no array: {reason(error)}") from error
    if kind.hasobject:
        raise ValueError(f"'{member.filename[:100]}' holds Python objects")
    if min(shape, default=0) < 0 or math.prod(shape) * kind.itemsize != there:
        raise ValueError(
            f"'{member.filename[:100]}' is cut off, or its header is damaged: it has {there} bytes"
            f' for the shape {list(shape)[:8]}'
        )
    with archive.open(member) as file:
        return np.lib.format.read_array(file, allow_pickle=False)
