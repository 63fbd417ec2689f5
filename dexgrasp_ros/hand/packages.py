"""Folders of ROS packages, with and without an ament index."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree


def package_folders(package: str, folders: tuple[Path, ...]) -> Iterator[Path]:
    """Folders that may be a package's, the surest first: ament's, ROS 1's, those around a file.

    Parameters
    ----------
    package
        Its name.
    folders
        Folder of the file that names it, and those above that.
    """
    for prefix in filter(None, os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep)):
        yield Path(prefix) / 'share' / package
    for root in filter(None, os.environ.get('ROS_PACKAGE_PATH', '').split(os.pathsep)):
        yield Path(root) / package
    for folder in folders:
        if folder.name == package or _package_name(folder) == package:
            yield folder
        yield folder / package
    # Beside the file's own package, under another folder name: two levels are a workspace.
    for folder in folders[:4]:
        for description in sorted(folder.glob('*/package.xml')):
            if _package_name(description.parent) == package:
                yield description.parent


def _package_name(folder: Path) -> str | None:
    """Name in a folder's package.xml."""
    try:
        return (ElementTree.parse(folder / 'package.xml').findtext('name') or '').strip()
    except (OSError, ElementTree.ParseError):
        return None
