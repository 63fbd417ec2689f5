"""Reading ``.npz`` files that may be anything: one place that knows how they can be broken."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Collection
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.errors import ErrorCode, InputError, choices

# What NumPy lets through for files that are empty, cut off, damaged or hold pickles.
_BROKEN = (ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error)


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
        FILE_NOT_FOUND, INVALID_INPUT (not an ``.npz``) or MISSING_KEY.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"There is no {kind} file '{path}'.", ErrorCode.FILE_NOT_FOUND)
    try:
        # `np.load` would take text for pickles, and advise to load them unsafely.
        if not zipfile.is_zipfile(path):
            raise ValueError('it is no zip archive of arrays')
        content = np.load(path, allow_pickle=False)
        if not isinstance(content, np.lib.npyio.NpzFile):
            raise ValueError('it holds one bare array')
        with content:
            data = {key: content[key] for key in content.files}
    except _BROKEN as error:
        raise InputError(f"'{path}' is not a {kind} file (.npz): {error}") from error
    if missing := set(required) - set(data):
        raise InputError(
            f"The {kind} file '{path}' lacks {choices(missing)}; it has {choices(data)}.",
            ErrorCode.MISSING_KEY,
        )
    return data
