"""What all readers of foreign files share: a bound on bytes, one kind of error.

`docs/limits.md` lists the bounds. A library that reads may raise whatever its parts raise, and a
damaged file finds all of them; out of here comes one coded error that names the file.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from dexgrasp_ros.core.errors import DexGraspError, ErrorCode, InputError, quoted, reason

MEBIBYTE = 2**20

T = TypeVar('T')


@contextlib.contextmanager
def reading(
    what: str, error: type[DexGraspError] = InputError, code: ErrorCode | None = None
) -> Iterator[None]:
    """Turn whatever a library raises in the body into one coded error, ``what (why).``.

    Parameters
    ----------
    what
        What came, and what was expected: ``"'a.npz' is not a scene file"``.
    error, code
        What is raised; errors of this package pass as they are.
    """
    try:
        yield
    except DexGraspError:
        raise
    except Exception as cause:
        raise error(f'{what} ({reason(cause)}).', code) from cause


@contextlib.contextmanager
def naming(path: str | Path) -> Iterator[None]:
    """Let errors of the body begin with the name of the file that they are about."""
    try:
        yield
    except DexGraspError as error:
        name = quoted(str(path))
        if str(path) in str(error) or name in str(error):
            raise
        raise type(error)(f'{name}: {error}', error.code) from error


def names_its_file(read: Callable[..., T]) -> Callable[..., T]:
    """Let errors of a reader, whose first argument is the path, begin with the file's name."""
    first = next(iter(inspect.signature(read).parameters))

    @functools.wraps(read)
    def named(*args: Any, **options: Any) -> T:
        with naming(args[0] if args else options.get(first, '')):
            return read(*args, **options)

    return named


def check_file(path: Path, kind: str, limit: int, error: type[DexGraspError] = InputError) -> None:
    """Refuse a file that is not there, or larger than `limit` [bytes], before it is read.

    Raises
    ------
    DexGraspError
        FILE_NOT_FOUND; OUT_OF_RANGE for its size.
    """
    try:
        size = path.stat().st_size if path.is_file() else None
    except (OSError, ValueError):  # a name that the system does not allow
        size = None
    if size is None:
        raise error(f'There is no {kind} file {quoted(str(path))}.', ErrorCode.FILE_NOT_FOUND)
    if size > limit:
        raise error(
            f"'{path}' has {size / MEBIBYTE:.0f} MiB; expected a {kind} file of at most "
            f'{limit / MEBIBYTE:.0f} MiB.',
            ErrorCode.OUT_OF_RANGE,
        )


def read_text(path: Path, kind: str, limit: int, error: type[DexGraspError] = InputError) -> str:
    """Text of a file in UTF-8.

    Raises
    ------
    DexGraspError
        As `check_file`; INVALID_INPUT: it cannot be read, or is not UTF-8.
    """
    check_file(path, kind, limit, error)
    with reading(f"'{path}' is not a {kind} file in UTF-8", error, ErrorCode.INVALID_INPUT):
        return path.read_text(encoding='utf-8')
