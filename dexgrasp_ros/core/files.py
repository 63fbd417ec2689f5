"""Files that are there whole or not at all, whatever happens to the process that writes them."""

from __future__ import annotations

import contextlib
import os
import platform
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path

# .NAME.HOST~PID~THREAD.tmp: who writes it, so that others know whether it is still written.
_TEMPORARY = re.compile(r'^\..+\.(?P<host>[^~/]+)~(?P<pid>\d+)~(?P<thread>\d+)\.tmp$')
_KEPT = 100  # letters of a file's name in that of its temporary file, which has 255 at most
_STALE = 24 * 3600.0  # s after which a temporary file of another machine has no writer any more


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Lend a temporary name beside `path`; what was written there becomes `path` at the end.

    It is on the disk before it gets its name (fsync), and so is the name. If the body raises, or
    the disk is full, nothing new stays, and what was there before does. A link is followed; a
    device or a pipe, which has no content to lose, is lent itself.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    if path.exists() and not path.is_file():
        yield path
        return
    path = path.resolve()
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


def write_text(path: Path, text: str) -> None:
    """Write a text in UTF-8 as `replacing` does.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    write_bytes(path, text.encode())


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
        if match and not _has_writer(path, match['host'], int(match['pid']), int(match['thread'])):
            path.unlink(missing_ok=True)


@contextlib.contextmanager
def _temporary(path: Path) -> Iterator[Path]:
    """Lend a name beside `path` that nobody else uses; nothing has it afterwards."""
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = f'{platform.node()}~{os.getpid()}~{threading.get_native_id()}'
    temporary = path.parent / f'.{path.name[:_KEPT]}.{writer}.tmp'
    try:
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def _has_writer(path: Path, host: str, pid: int, thread: int) -> bool:
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
    if pid == os.getpid():
        # A thread writes one file at a time, and removes it before it does anything else.
        others = {t.native_id for t in threading.enumerate()} - {threading.get_native_id()}
        return thread in others
    return not _is_zombie(pid)


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
