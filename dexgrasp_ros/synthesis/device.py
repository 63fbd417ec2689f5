"""Choosing the device that kernels run on."""

from __future__ import annotations

from typing import Any

from dexgrasp_ros.core.errors import DeviceError, choices
from dexgrasp_ros.core.warp_loader import start_warp

# The first series of drivers for a major version of CUDA (CUDA Toolkit's release notes, table 2).
_LEAST_DRIVERS = {12: 'R525', 13: 'R580'}


def resolve_device(name: str) -> Any:
    """Warp device for ``'cpu'``, ``'cuda'``, ``'cuda:1'`` or ``'auto'`` (CUDA where there is one).

    Raises
    ------
    DeviceError
        DEVICE_UNAVAILABLE, listing the devices of this machine, and saying where a driver is too
        old for Warp.
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
            f'{_about_driver(wp.get_cuda_driver_version(), wp.get_cuda_toolkit_version())}'
        ) from error


def _about_driver(driver: tuple[int, int] | None, toolkit: tuple[int, int] | None) -> str:
    """Say that a driver is too old, and what to install; nothing of others, and of none.

    Within a major version of CUDA drivers run what newer toolkits made (CUDA Compatibility,
    "Minor Version Compatibility").
    """
    if driver is None or toolkit is None or driver >= (toolkit[0], 0):
        return ''
    import warp as wp

    needed = _LEAST_DRIVERS.get(toolkit[0])
    return (
        f' The NVIDIA driver is for CUDA {driver[0]}.{driver[1]}, and Warp {wp.config.version} '
        f'needs one for CUDA {toolkit[0]}.0{f" ({needed})" if needed else ""} or newer: install '
        f"that (on Ubuntu 'ubuntu-drivers install'), or Warp's wheel for CUDA {driver[0]} "
        f"('+cu{driver[0]}', github.com/NVIDIA/warp/releases)."
    )
