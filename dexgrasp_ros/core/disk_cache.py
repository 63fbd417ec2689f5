"""Arrays that are dear to compute, kept on disk by the content they were computed from."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.archive import read_archive
from dexgrasp_ros.core.errors import InputError

_PACKAGE = 'dexgrasp_ros'


def cache_folder() -> Path:
    """``$XDG_CACHE_HOME/dexgrasp_ros``, by default in ``~/.cache``."""
    named = os.environ.get('XDG_CACHE_HOME')
    return (Path(named) if named else Path.home() / '.cache') / _PACKAGE


@functools.cache
def code_digest(folder: Path, *names: str) -> str:
    """Digest of modules of a folder, all by default: results of other code do not count."""
    files = [folder / f'{name}.py' for name in names] or sorted(folder.glob('*.py'))
    return hashlib.sha256(b''.join(file.read_bytes() for file in files)).hexdigest()


def load_arrays(folder: str | Path, key: Sequence[object]) -> dict[str, NDArray] | None:
    """Arrays that were stored under a key; None where there are none, or a damaged file.

    Parameters
    ----------
    folder
        Name of a folder in `cache_folder`, or any absolute path.
    key
        All that the arrays depend on: numbers, words and arrays.
    """
    try:
        return read_archive(_path(folder, key), 'cache', ())
    except (InputError, RuntimeError):  # RuntimeError: no home folder
        return None


def store_arrays(folder: str | Path, key: Sequence[object], arrays: Mapping[str, NDArray]) -> None:
    """Keep arrays; a folder that cannot be written costs time at the next start, nothing else.

    The file appears under its name only when it is whole, so that processes that work on the
    same thing at once never read half of it. Parameters as for `load_arrays`.
    """
    with contextlib.suppress(OSError, RuntimeError):
        path = _path(folder, key)
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, suffix='.tmp')
        try:
            with os.fdopen(handle, 'wb') as file:
                np.savez(file, **arrays)
            Path(name).replace(path)
        finally:
            Path(name).unlink(missing_ok=True)


def _path(folder: str | Path, key: Sequence[object]) -> Path:
    digest = hashlib.sha256()
    for part in key:
        if isinstance(part, np.ndarray):
            digest.update(f'{part.dtype.str} {part.shape}'.encode())
            digest.update(part.tobytes())
        else:
            digest.update(repr(part).encode())
        digest.update(b'\0')
    return cache_folder() / folder / f'{digest.hexdigest()}.npz'
