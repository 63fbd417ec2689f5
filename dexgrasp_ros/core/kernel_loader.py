"""Loading all kernels before threads launch them."""

from __future__ import annotations

import shutil
from pathlib import Path
from threading import Lock
from typing import Any

from dexgrasp_ros.core.errors import DeviceError, reason
from dexgrasp_ros.core.warp_loader import start_warp

_KERNELS = 'dexgrasp_ros.kernels'
# Warp's loader is not made for several threads that ask for the same module at once: each loads
# it, and what one of them runs is replaced by what the other one brings.
_LOADING = Lock()


def load_kernels(device: Any, package: str = _KERNELS) -> None:
    """Compile what is not in the cache and load it, for all imported kernels of a package.

    Raises
    ------
    DeviceError
        DEVICE_UNAVAILABLE: they can be neither loaded nor compiled.
    """
    start_warp()
    with _LOADING:
        try:
            _load(device, package)
        except Exception:
            # A full disk or a loss of power leaves half of an entry, and Warp asks only whether
            # it is there. What is not loaded yet is compiled anew.
            _forget(package)
            try:
                _load(device, package)
            except Exception as error:
                raise DeviceError(
                    f"The kernels cannot be loaded on '{device}', nor compiled anew in"
                    f" '{_cache()}' ({reason(error)})."
                ) from error


def _load(device: Any, package: str) -> None:
    import warp as wp

    wp.load_module(package, device=device, recursive=True, max_workers=0)


def _forget(package: str) -> None:
    """Remove what was compiled of a package, and of its parts."""
    for folder in _cache().glob(f'wp_{package}[._]*'):
        shutil.rmtree(folder, ignore_errors=True)


def _cache() -> Path:
    import warp as wp

    return Path(wp.config.kernel_cache_dir)
