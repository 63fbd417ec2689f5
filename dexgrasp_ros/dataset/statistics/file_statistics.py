"""What the files of a dataset tell: bytes on disk, seconds by stage, units that failed."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dexgrasp_ros.core.errors import InputError
from dexgrasp_ros.core.json_files import read_json
from dexgrasp_ros.dataset.layout import DatasetLayout
from dexgrasp_ros.dataset.records import Timing, UnitFailure

_FOLDERS = (
    *('grasps', 'images', 'frames', 'clutter', 'meshes', 'colors', 'hands', 'objects', 'scenes'),
)
# What a unit of work counts, as `timing/` calls it; those of objects count themselves.
_COUNTED = ('grasps', 'frames')
_ORDER = ('objects', *_COUNTED)


def disk_usage(layout: DatasetLayout) -> dict[str, int]:
    """Bytes of the files in each folder of a dataset, without those that are being written."""
    sizes = {name: _size(layout.root / name) for name in _FOLDERS}
    whole = _size(layout.root)
    return sizes | {'other': whole - sum(sizes.values()), 'total': whole}


def stage_costs(layout: DatasetLayout) -> list[dict[str, Any]]:
    """Seconds of processes for each stage, and of how many grasps, frames or objects they were.

    Returns
    -------
    list
        Of each stage: ``stage``, ``seconds``, ``count``, ``of`` ('grasps', 'frames', 'objects').
    """
    seconds: dict[tuple[str, str], float] = defaultdict(float)
    counts: dict[tuple[str, str], int] = defaultdict(int)
    for told in _records(layout.timing('').parent, Timing):
        what = next((name for name in _COUNTED if name in told), 'objects')
        for stage, value in told['seconds'].items():
            seconds[what, stage] += value
            counts[what, stage] += told[what] if what in told else 1
    return [
        {'stage': stage, 'of': what, 'seconds': value, 'count': counts[what, stage]}
        for (what, stage), value in sorted(seconds.items(), key=lambda s: _ORDER.index(s[0][0]))
    ]


def failures(layout: DatasetLayout) -> list[dict[str, Any]]:
    """Tell which units of work could not be done at the last try, and why."""
    return list(_records(layout.failure('').parent, UnitFailure))


def _records(folder: Path, schema: Any) -> Iterator[dict[str, Any]]:
    """Yield what the files of a folder tell; one that is damaged tells nothing."""
    for file in sorted(folder.glob('[!.]*.json')):
        with contextlib.suppress(InputError, FileNotFoundError):
            yield read_json(file, schema=schema)


def _size(folder: Path) -> int:
    """Bytes of all files in a folder that have their names already."""
    files = (p for p in folder.rglob('*') if not p.name.startswith('.') and p.is_file())
    return sum(file.stat().st_size for file in files)
