"""Name a system library that the wheels lack, and the command that installs it, in one line."""

from __future__ import annotations

import sys

from dexgrasp_ros.core.errors import DexGraspError
from dexgrasp_ros.core.open3d_loader import import_open3d

try:
    import_open3d()
except DexGraspError as error:
    sys.exit(f'dexgrasp_ros: {error}')
