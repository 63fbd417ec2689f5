"""Arrays that are dear to compute, kept on disk by the content they were computed from."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_PACKAGE = 'dexgrasp_ros'


def cache_folder() -> Path:
    """``$XDG_CACHE_HOME/dexgrasp_ros``, by default in ``~/.cache``."""
    named = os.environ.get('XDG_CACHE_HOME')
    return (Path(named) if named else Path.home() / '.cache') / _PACKAGE


@functools.cache
def code_digest(*names: str) -> str:
    """Digest of modules of this folder, all by default: results of other code do not count."""
    folder = Path(__file__).parent
    files = [folder / f'{name}.py' for name in names] or sorted(folder.glob('*.py'))
    return hashlib.sha256(b''.join(file.read_bytes() for file in files)).hexdigest()


def load_arrays(key: Sequence[object]) -> dict[str, NDArray] | None:
    """Arrays that were stored under a key; None where there are none, or a damaged file."""
    try:
        with np.load(_path(key), allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError, RuntimeError, zipfile.BadZipFile):
        return None


def store_arrays(key: Sequence[object], arrays: Mapping[str, NDArray]) -> None:
    """Keep arrays; a folder that cannot be written costs time at the next start, nothing else.

    The file appears under its name only when it is whole, so that processes that load the same
    hand at once never read half of it.
    """
    with contextlib.suppress(OSError, RuntimeError):  # RuntimeError: no home folder
        path = _path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, suffix='.tmp')
        try:
            with os.fdopen(handle, 'wb') as file:
                np.savez(file, **arrays)
            Path(name).replace(path)
        finally:
            Path(name).unlink(missing_ok=True)


def _path(key: Sequence[object]) -> Path:
    """File of a key: numbers, words and arrays."""
    digest = hashlib.sha256()
    for part in key:
        digest.update(part.tobytes() if isinstance(part, np.ndarray) else repr(part).encode())
        digest.update(b'\0')
    return cache_folder() / 'hands' / f'{digest.hexdigest()}.npz'
