"""Files that a command will write, looked at before the work whose results they are for."""

from __future__ import annotations

import os
from pathlib import Path

from dexgrasp_ros.core.errors import InputError, choices

_PICTURES = ('.jpeg', '.jpg', '.png', '.webp')


def prepare_file(path: Path) -> None:
    """Make the folder of a file, and refuse a name that cannot be written to.

    Raises
    ------
    InputError
        INVALID_INPUT: it is a folder, or its folder is read-only.
    OSError
        The folder cannot be made.
    """
    if path.is_dir():
        raise InputError(f"'{path}' is a folder; expected the name of a file to write.")
    path.parent.mkdir(parents=True, exist_ok=True)
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise InputError(f"'{path}' cannot be written; expected a file in a folder of yours.")


def prepare_picture(path: Path) -> None:
    """Do the same for a picture, whose name says its format.

    Raises
    ------
    InputError
        INVALID_INPUT, also for an ending that names no format.
    OSError
        The folder cannot be made.
    """
    if path.suffix.lower() not in _PICTURES:
        raise InputError(
            f"'{path}' ends in '{path.suffix}'; expected a picture: {choices(_PICTURES)}."
        )
    prepare_file(path)
