"""Finding files that come with the package: URDFs, configuration, RViz settings."""

from __future__ import annotations

import os
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from dexgrasp_ros.core.errors import ErrorCode, InputError, choices

_PACKAGE = 'dexgrasp_ros'


def share_folders() -> Iterator[Path]:
    """Where the package's files may lie: ament prefixes, the installed share, the source tree."""
    for prefix in filter(None, os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep)):
        yield Path(prefix) / 'share' / _PACKAGE
    yield Path(sysconfig.get_path('data')) / 'share' / _PACKAGE
    yield Path(__file__).resolve().parents[2]


def find_resource(relative: str | Path) -> Path:
    """Path of a file of the package, such as ``urdf/allegro.urdf``.

    Raises
    ------
    InputError
        FILE_NOT_FOUND, with the names that stand in that folder.
    """
    relative = Path(relative)
    siblings: set[str] = set()
    # Installed copies go stale when someone works in the tree, so the tree comes first there.
    folders = list(share_folders())
    if (folders[-1] / 'package.xml').is_file():
        folders.insert(0, folders.pop())
    for folder in folders:
        if (folder / relative).exists():
            return folder / relative
        if (folder / relative.parent).is_dir():
            siblings |= {p.name for p in (folder / relative.parent).iterdir()}
    raise InputError(
        f"The package has no '{relative}'; beside it there are {choices(siblings)}.",
        ErrorCode.FILE_NOT_FOUND,
    )
