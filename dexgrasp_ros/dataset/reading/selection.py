"""Which hand, objects and files of a dataset are meant."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from dexgrasp_ros.core.errors import ErrorCode, InputError, choices
from dexgrasp_ros.core.json_files import read_json
from dexgrasp_ros.dataset.layout import DatasetLayout
from dexgrasp_ros.dataset.records import KEY_PATTERN, HandRecord, Manifest, ObjectRecord
from dexgrasp_ros.dataset.schema import SCHEMA_VERSION

Split = Literal['train', 'validation', 'test']
# Shares of all meshes, between 0 and 1.
SPLITS = {'train': (0.0, 0.8), 'validation': (0.8, 0.9), 'test': (0.9, 1.0)}

# What is written under another name for the time being is no part of the dataset yet.
_PART = re.compile(r'part-\d+\.parquet')


def read_manifest(layout: DatasetLayout) -> dict[str, Any]:
    """Read `dataset.json`.

    Raises
    ------
    InputError
        FILE_NOT_FOUND: there is none; INVALID_INPUT: it is broken, or its schema is of another
        first number than this package's.
    """
    if not layout.manifest.is_file():
        raise InputError(
            f"'{layout.root}' has no dataset.json; expected the folder that `dexgrasp dataset "
            'generate --out` wrote.',
            ErrorCode.FILE_NOT_FOUND,
        )
    try:
        manifest = read_json(layout.manifest, 'schema_version', schema=Manifest)
    except InputError as error:
        raise InputError(f'{error} It does not describe a dataset.') from error
    version = manifest['schema_version']
    if version.partition('.')[0] != SCHEMA_VERSION.partition('.')[0]:
        raise InputError(
            f"'{layout.root}' has the schema version {version}; this package reads "
            f'{SCHEMA_VERSION} and others of the same first number.'
        )
    return manifest


def known_hands(layout: DatasetLayout, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return records of the hands of a dataset by name; some may be newer than `dataset.json`."""
    files = sorted(layout.root.glob('hands/[!.]*.json'))
    there = []
    for file in files:
        with contextlib.suppress(InputError):  # damaged; `dataset.json` may tell as well
            there.append(read_json(file, schema=HandRecord))
    return {record['name']: record for record in (*manifest.get('hands', ()), *there)}


def choose_hand(layout: DatasetLayout, manifest: Mapping[str, Any], name: str | None) -> str:
    """Return the hand that is meant."""
    hands = sorted(known_hands(layout, manifest))
    if name is None:
        if len(hands) != 1:
            raise InputError(
                f"'{layout.root}' has grasps of {choices(hands)}; expected the name of one, "
                f'open_dataset(path, {hands[0] if hands else "hand"!r}).'
            )
        return hands[0]
    if name not in hands:
        raise InputError(
            f"'{layout.root}' has no hand '{name}'; it has {choices(hands)}.",
            ErrorCode.UNKNOWN_HAND,
        )
    return name


def known_objects(layout: DatasetLayout, manifest: Mapping[str, Any]) -> tuple[str, ...]:
    """Keys of the objects of a dataset, those without any grasp yet as well."""
    folders = (*layout.root.glob('grasps/*/object=*'), *layout.root.glob('frames/object=*'))
    named = {folder.name.partition('=')[2] for folder in folders}
    there = {key for key in named if re.match(KEY_PATTERN, key)}
    told = {record['key'] for record in manifest.get('objects', ())}
    return tuple(sorted(told | there))


def known_digests(
    layout: DatasetLayout, manifest: Mapping[str, Any], objects: Iterable[str]
) -> dict[str, str]:
    """Return digests of the meshes of objects; those that nothing tells of are left out."""
    told = {record['key']: record['mesh'] for record in manifest.get('objects', ())}
    for key in set(objects) - told.keys():  # newer than `dataset.json`
        with contextlib.suppress(InputError, FileNotFoundError):
            told[key] = read_json(layout.object_record(key), schema=ObjectRecord)['mesh']
    return told


def choose_objects(
    known: tuple[str, ...], named: Iterable[str] | None, split: str | None
) -> tuple[str, ...]:
    """Return keys of the objects that are meant, by key or name, and within a split."""
    chosen = set(known)
    if named is not None:
        wanted = set(named)
        names = {key.rpartition('-')[0] for key in known}
        if unknown := wanted - set(known) - names:
            raise InputError(f'There is no object {choices(unknown)}; there are {choices(known)}.')
        chosen = {key for key in known if {key, key.rpartition('-')[0]} & wanted}
    if split is not None:
        if split not in SPLITS:
            raise InputError(f"There is no split '{split}'; expected one of {choices(SPLITS)}.")
        low, high = SPLITS[split]
        chosen = {key for key in chosen if low <= _place(key) < high}
    return tuple(sorted(chosen))


def grasp_files(layout: DatasetLayout, hand: str, objects: Iterable[str]) -> tuple[Path, ...]:
    """Files that are there with grasps of a hand and some objects, in a fixed order."""
    folders = (layout.grasps(hand, key, 0).parent for key in objects)
    return tuple(
        file
        for folder in folders
        if folder.is_dir()
        for file in sorted(folder.iterdir())
        if _PART.fullmatch(file.name)
    )


def _place(key: str) -> float:
    """Where the mesh of an object stands among all there could be, 0 to 1: digests are uniform."""
    return int(key.rpartition('-')[2], 16) / 16**8
