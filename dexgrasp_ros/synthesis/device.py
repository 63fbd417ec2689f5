"""Choosing the device that kernels run on."""

from __future__ import annotations

from typing import Any

from dexgrasp_ros.core.errors import DeviceError, choices
from dexgrasp_ros.core.warp_loader import start_warp


def resolve_device(name: str) -> Any:
    """Warp device for ``'cpu'``, ``'cuda'``, ``'cuda:1'`` or ``'auto'`` (CUDA where there is one).

    Raises
    ------
    DeviceError
        DEVICE_UNAVAILABLE, listing the devices of this machine.
    """
    import warp as wp

    start_warp()
    if name == 'auto':
        return wp.get_preferred_device()
    try:
        return wp.get_device(name)
    except Exception as error:
        available = [d.alias for d in wp.get_devices()]
        raise DeviceError(
            f"There is no device '{name}'; expected 'auto' or one of {choices(available)}."
        ) from error
