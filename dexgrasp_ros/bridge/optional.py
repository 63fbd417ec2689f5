"""Message packages that not every machine has."""

from __future__ import annotations

import importlib
from types import ModuleType

from dexgrasp_ros.core.errors import DexGraspError, ErrorCode


def optional_messages(package: str, part: str = 'msg') -> ModuleType:
    """Messages, or another part, of a package that may be missing.

    Raises
    ------
    DexGraspError
        FILE_NOT_FOUND where it is not installed, with the command that installs it.
    """
    try:
        return importlib.import_module(f'{package}.{part}')
    except ImportError as error:
        raise DexGraspError(
            f"The package '{package}' is not installed ({error}); on Ubuntu with ROS 2: apt"
            f' install ros-$ROS_DISTRO-{package.replace("_", "-")}.',
            ErrorCode.FILE_NOT_FOUND,
        ) from error
