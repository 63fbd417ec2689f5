"""Loading all kernels before threads launch them."""

from __future__ import annotations

from threading import Lock
from typing import Any

from dexgrasp_ros.core.warp_loader import start_warp

# Warp's loader is not made for several threads that ask for the same module at once: each loads
# it, and what one of them runs is replaced by what the other one brings.
_LOADING = Lock()


def load_kernels(device: Any) -> None:
    """Compile what is not in the cache and load it, for all kernels that were imported."""
    import warp as wp

    start_warp()
    with _LOADING:
        wp.load_module('dexgrasp_ros.kernels', device=device, recursive=True, max_workers=0)
