"""Arrays that are dear to compute, kept on disk by the content they were computed from."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.archive import read_archive
from dexgrasp_ros.core.errors import ErrorCode, InputError
from dexgrasp_ros.core.files import replacing

_PACKAGE = 'dexgrasp_ros'
_DIGEST = 'digest_of_arrays'  # key of what tells whether the others are as they were stored


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
    """Arrays that were stored under a key, or None; a damaged file is removed.

    Parameters
    ----------
    folder
        Name of a folder in `cache_folder`, or any absolute path.
    key
        All that the arrays depend on: numbers, words and arrays.
    """
    try:
        path = _path(folder, key)
        arrays = read_archive(path, 'cache', ())
        if str(arrays.pop(_DIGEST, None)) == _digest_of(arrays):
            return arrays
    except (InputError, RuntimeError) as error:  # RuntimeError: no home folder
        if isinstance(error, RuntimeError) or error.code == ErrorCode.FILE_NOT_FOUND:
            return None
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
    return None


def store_arrays(folder: str | Path, key: Sequence[object], arrays: Mapping[str, NDArray]) -> None:
    """Keep arrays; a folder that cannot be written costs time at the next start, nothing else.

    The file appears under its name only when it is whole, so that processes that work on the
    same thing at once never read half of it. Parameters as for `load_arrays`.
    """
    with contextlib.suppress(OSError, RuntimeError):
        with replacing(_path(folder, key)) as temporary, temporary.open('wb') as file:
            np.savez(file, **arrays, **{_DIGEST: np.asarray(_digest_of(arrays))})


def _digest_of(arrays: Mapping[str, NDArray]) -> str:
    """Digest of names and content: a file may be whole and hold what nobody has stored."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f'{name} {array.dtype.str} {np.shape(arrays[name])}\0'.encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


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
