"""`dataset.json`: what a dataset is, for those who read it and for those who go on with it."""

from __future__ import annotations

import contextlib
import dataclasses
import platform
from pathlib import Path
from typing import Any

from dexgrasp_ros.core.errors import InputError
from dexgrasp_ros.core.files import create_bytes
from dexgrasp_ros.core.json_files import json_bytes, read_json, write_json
from dexgrasp_ros.dataset.config import DatasetConfig, library_versions
from dexgrasp_ros.dataset.layout import DatasetLayout
from dexgrasp_ros.dataset.records import HandRecord, ObjectRecord
from dexgrasp_ros.dataset.schema import (
    CLUTTER_COLUMNS,
    FRAME_COLUMNS,
    GRASP_COLUMNS,
    SCHEMA_VERSION,
    Column,
)
from dexgrasp_ros.evaluation import find_protocol

FREE_PROTOCOL, SETTLED_PROTOCOL = 'fc', 'tabletop'
_SEED_RULE = (
    "first 31 bits of the SHA-256 of 'random_seed, hand, key of the object, part, scene, round' "
    'in UTF-8 with a zero byte between them'
)

_METRICS = {
    'epsilon': 'Ferrari-Canny (L1): radius of the largest ball about the origin within the convex '
    'hull of the wrenches of all contacts within 2 mm at the grasp: [f; (x - c) x f / length], f '
    'the eight edges of the friction cone n + mu t about the unit normal, mu the sliding friction '
    "of the row's protocol, c the centre of mass, length the object's characteristic length (mean "
    'distance of its surface from c); without unit, 0 where the origin is outside',
    'volume': 'of that hull, in six dimensions; without unit',
    'held': "whether the object stayed within the protocol's distance and angle of where it was, "
    'in all its pulls or while it was lifted',
    'score': "of the search's own simulated closing, higher is better",
}


def open_manifest(
    layout: DatasetLayout, config: DatasetConfig, grasps_per_object: int, *, overwrite: bool
) -> None:
    """Begin a dataset, or make sure that the one in the folder is of the same configuration.

    Any number of processes may do this at once: one of them writes the file, the others find it.

    Raises
    ------
    InputError
        INVALID_INPUT: there is one of another configuration, or whose last shards are not full
        and would have to be made again, and it may not be overwritten; what was made from it is
        removed before (`remove_outdated`).
    """
    path = layout.manifest
    fresh = _content(layout, config, grasps_per_object)
    if not path.exists():
        create_bytes(path, json_bytes(fresh))
    try:
        there = read_json(path, 'hash', 'grasps_per_object', 'configuration', 'versions')
    except InputError as error:
        if not overwrite:
            raise InputError(f'{error} With --overwrite it is written anew.') from error
        there = {}
    is_same, before = there.get('hash') == config.digest, there.get('grasps_per_object', 0)
    if not overwrite:
        if not is_same:
            raise InputError(_mismatch(layout, there, config))
        _check_count(layout, config, before, grasps_per_object)
    if not is_same or before < grasps_per_object or (overwrite and before > grasps_per_object):
        write_json(path, fresh)


class SettingsGuard:
    """Ends a run when another one has begun to make its dataset, or its images, anew.

    Parameters
    ----------
    path
        The file whose `hash` tells of what settings they are.
    digest
        Of the settings of this run.
    """

    def __init__(self, path: Path, digest: str) -> None:
        self._path, self._digest = path, digest
        self._seen: tuple[int, int] | None = None  # which version of the file was read

    def check(self) -> None:
        """Look whether the file is still of this run's settings.

        Raises
        ------
        InputError
            INVALID_INPUT: it is not; what this run would write does not belong there any more.
        """
        try:
            told = self._path.stat()
        except FileNotFoundError as error:
            raise InputError(f"'{self._path}' has gone while the dataset was made.") from error
        if (told.st_ino, told.st_mtime_ns) == self._seen:
            return
        there = read_json(self._path, 'hash')['hash']
        if there != self._digest:
            raise InputError(
                f"Another run has begun to make all anew in '{self._path.parent}', with settings "
                f'of the hash {there[:12]}; this one, of {self._digest[:12]}, ends. Expected one '
                'kind of settings, and of device, at a time.'
            )
        self._seen = told.st_ino, told.st_mtime_ns


def refresh_manifest(layout: DatasetLayout) -> None:
    """Write down the hands and objects that the dataset has now.

    Several processes may do so at once. Each looks again after it has written: whoever is last
    sees what all others had registered before they wrote.
    """
    while True:
        there = read_json(layout.manifest)
        now = there | _members(layout)
        if now == there:
            return
        write_json(layout.manifest, now)


def _content(
    layout: DatasetLayout, config: DatasetConfig, grasps_per_object: int
) -> dict[str, Any]:
    protocols = {name: find_protocol(name) for name in (FREE_PROTOCOL, SETTLED_PROTOCOL)}
    return {
        'schema_version': SCHEMA_VERSION,
        'hash': config.digest,
        'grasps_per_object': grasps_per_object,
        'configuration': config.as_dict(),
        'versions': library_versions(),
        'python': platform.python_version(),
        'seeds': {'random_seed': config.random_seed, 'rule': _SEED_RULE},
        'metrics': _METRICS,
        'protocols': {name: dataclasses.asdict(p) for name, p in protocols.items()},
        'columns': {
            'grasps': _columns(GRASP_COLUMNS),
            'frames': _columns(FRAME_COLUMNS),
            'clutter': _columns(CLUTTER_COLUMNS),
        },
        **_members(layout),
    }


def _columns(columns: tuple[Column, ...]) -> list[dict[str, Any]]:
    return [
        {'name': c.name, 'type': c.kind, 'size': c.size, 'description': c.text} for c in columns
    ]


def _members(layout: DatasetLayout) -> dict[str, Any]:
    def records(folder: str, schema: Any) -> list[dict[str, Any]]:
        found = []
        for path in sorted((layout.root / folder).glob('[!.]*.json')):
            with contextlib.suppress(InputError):  # damaged: whoever needs it makes it anew
                found.append(read_json(path, schema=schema))
        return found

    return {'hands': records('hands', HandRecord), 'objects': records('objects', ObjectRecord)}


def _check_count(layout: DatasetLayout, config: DatasetConfig, before: int, now: int) -> None:
    """Refuse another number of grasps where the last shard of each object is not full."""
    if before != now and min(before, now) % config.shard_size:
        raise InputError(
            f"The dataset '{layout.root}' has {before} grasps for each object; {now} would leave "
            f'shards of another size than they have. Expected {before}, or both numbers to be '
            f"multiples of 'shard_size' ({config.shard_size}), or --overwrite."
        )


def _mismatch(layout: DatasetLayout, there: dict[str, Any], config: DatasetConfig) -> str:
    """Say which settings or versions are not those of the dataset."""
    here = {'configuration': config.as_dict(), 'versions': library_versions()}
    differ = [
        f"'{name}' is {here[part].get(name)!r} and there {there.get(part, {}).get(name)!r}"
        for part in here
        for name in sorted(here[part].keys() | there.get(part, {}).keys())
        if here[part].get(name) != there.get(part, {}).get(name)
    ]
    if there.get('schema_version') != SCHEMA_VERSION:
        differ.append(f'schema {SCHEMA_VERSION}, there {there.get("schema_version")}')
    return (
        f"The dataset '{layout.root}' is of another configuration, {str(there.get('hash'))[:12]}, "
        f'than this one, {config.digest[:12]}: {"; ".join(differ)}. Expected the same settings '
        'and versions, another folder, or --overwrite to make everything again.'
    )
