"""Files that are there whole or not at all, whatever happens to the process that writes them."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dexgrasp_ros.core.errors import InputError, choices

# .NAME.HOST~PID.tmp: who writes it, so that others know whether it is still written.
_TEMPORARY = re.compile(r'^\..+\.(?P<host>[^~/]+)~(?P<pid>\d+)\.tmp$')
_STALE = 24 * 3600.0  # s after which a temporary file of another machine has no writer any more


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Lend a temporary name beside `path`; what was written there becomes `path` at the end.

    It is on the disk before it gets its name (fsync), and so is the name. If the body raises, or
    the disk is full, nothing stays.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    with _temporary(path) as temporary:
        yield temporary
        _sync(temporary)
        temporary.replace(path)
        _sync(path.parent)


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file as `replacing` does.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def create_bytes(path: Path, content: bytes) -> bool:
    """Write a file that is not there yet; say whether it was this process that did.

    Of several processes that try at once exactly one does, where the file system has hard links.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    with _temporary(path) as temporary:
        temporary.write_bytes(content)
        _sync(temporary)
        try:
            os.link(temporary, path)  # unlike a rename, it fails where somebody was faster
        except FileExistsError:
            return False
        except OSError:
            temporary.replace(path)
        _sync(path.parent)
        return True


def write_json(path: Path, content: Any) -> None:
    """Write JSON as `replacing` does, the same bytes for the same content.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    write_bytes(path, json_bytes(content))


def json_bytes(content: Any) -> bytes:
    """JSON for people and programs, with numbers that read back as they were."""
    return (json.dumps(content, indent=1, ensure_ascii=False) + '\n').encode()


def read_json(path: Path, *keys: str) -> dict[str, Any]:
    """Read a JSON file of a dataset, which holds one object with some keys at least.

    Raises
    ------
    InputError
        INVALID_INPUT: it is no such file.
    OSError
        It cannot be read.
    """
    try:
        content = json.loads(path.read_text(encoding='utf-8'))
    except ValueError as error:
        raise InputError(f"'{path}' is damaged, no JSON: {error}") from error
    if not isinstance(content, dict) or (missing := set(keys) - content.keys()):
        lacks = f'lacks {choices(missing)}' if isinstance(content, dict) else 'is no JSON object'
        raise InputError(f"'{path}' is damaged: it {lacks}.")
    return content


def remove_file(path: Path) -> None:
    """Remove a file, and the folders above it that are then empty, three at most.

    Raises
    ------
    OSError
        It cannot be removed.
    """
    path.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        for folder in tuple(path.parents)[:3]:
            folder.rmdir()


def remove_leftovers(root: Path) -> None:
    """Remove temporary files whose writers have died."""
    for path in root.rglob('.*.tmp'):
        match = _TEMPORARY.match(path.name)
        if match and not _has_writer(path, match['host'], int(match['pid'])):
            path.unlink(missing_ok=True)


@contextlib.contextmanager
def _temporary(path: Path) -> Iterator[Path]:
    """Lend a name beside `path` that nobody else uses; nothing has it afterwards."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.parent / f'.{path.name}.{platform.node()}~{os.getpid()}.tmp'
    try:
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def _has_writer(path: Path, host: str, pid: int) -> bool:
    if host != platform.node():
        with contextlib.suppress(FileNotFoundError):
            return time.time() - path.stat().st_mtime < _STALE
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    # One process writes one file at a time, and removes it before it begins another.
    return pid != os.getpid() and not _is_zombie(pid)


def _is_zombie(pid: int) -> bool:
    """Whether a process has ended and nobody has asked for its exit code yet (Linux)."""
    with contextlib.suppress(OSError, IndexError):
        return Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[0] in 'ZX'
    return False


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
