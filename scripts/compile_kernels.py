"""Compile all kernels into Warp's cache, so that nothing compiles them at its first search."""

from __future__ import annotations

import importlib
import pkgutil

import warp as wp

import dexgrasp_ros.kernels as kernels
from dexgrasp_ros.core.kernel_loader import load_kernels
from dexgrasp_ros.core.warp_loader import start_warp

start_warp()
for module in pkgutil.iter_modules(kernels.__path__, f'{kernels.__name__}.'):
    importlib.import_module(module.name)
for device in wp.get_devices():
    load_kernels(device)
