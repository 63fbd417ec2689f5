"""Starting Warp quietly, whether or not the machine has a GPU."""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import functools
import os
import shutil
import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from threading import Lock

from dexgrasp_ros.core.errors import DeviceError, DexGraspWarning

_STARTING = Lock()


def start_warp() -> None:
    """Start Warp, if it is not running, without its greeting.

    Where there is no CUDA driver, its native part says so on the standard error of each process
    and knows no setting against that. Nothing here needs a GPU, so this is no news; where there is
    a driver, whatever Warp has to say about it is shown.

    Warp keeps compiled kernels in ``WARP_CACHE_PATH``, by default in ``~/.cache/warp``. Where that
    cannot be written, they go to a temporary folder, with a warning.

    Raises
    ------
    DeviceError
        DEVICE_UNAVAILABLE: no folder at all can be written.
    """
    with _STARTING:
        _start()


@functools.cache
def _start() -> None:
    import warp as wp

    if wp.config.kernel_cache_dir is None:
        _provide_cache(wp.config.version)
    wp.config.log_level = max(wp.config.log_level, wp.LOG_WARNING)
    with contextlib.nullcontext() if _has_cuda_driver() else _silent_stderr():
        wp.init()


def _provide_cache(version: str) -> None:
    """See to it that compiled kernels can be stored, for this process and those it starts."""
    named = os.environ.get('WARP_CACHE_PATH')
    folder = named or os.path.join(
        os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache'), 'warp'
    )
    problem = _why_not_writable(Path(folder, version))
    if problem is None:
        return
    remedy = 'set WARP_CACHE_PATH to a folder that can be written'
    try:
        temporary = tempfile.mkdtemp(prefix='dexgrasp-kernels-')
    except OSError as error:
        raise DeviceError(
            f"Compiled kernels can be stored neither in '{folder}' ({problem}) nor in a temporary"
            f' folder ({error}); {remedy}.'
        ) from error
    atexit.register(shutil.rmtree, temporary, ignore_errors=True)
    with contextlib.suppress(OSError):  # what was compiled before, if it can be read
        shutil.copytree(Path(folder, version), Path(temporary, version))
    os.environ['WARP_CACHE_PATH'] = temporary
    warnings.warn(
        f"Compiled kernels cannot be kept in '{folder}' ({problem}). They go to a temporary"
        f' folder, and each start compiles them again, for some 20 s; {remedy} to keep them.',
        DexGraspWarning,
        stacklevel=4,
    )


def _why_not_writable(folder: Path) -> str | None:
    """Make a folder; say what keeps it from being written, or None."""
    if str(folder).startswith('~'):
        return 'no home folder is known'
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        return str(error.strerror)
    # Asks for no permission only: a read-only file system is found out too.
    return None if os.access(folder, os.W_OK | os.X_OK) else 'it cannot be written'


def _has_cuda_driver() -> bool:
    for name in ('libcuda.so', 'libcuda.so.1'):  # as Warp looks for it
        with contextlib.suppress(OSError):
            ctypes.CDLL(name)
            return True
    return False


@contextlib.contextmanager
def _silent_stderr() -> Iterator[None]:
    """Send what native code writes to standard error nowhere."""
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with open(os.devnull, 'wb') as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
