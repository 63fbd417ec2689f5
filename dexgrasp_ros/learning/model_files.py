"""The files of a model: three ONNX graphs, and a JSON that says what they are, with digests."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Any, TypedDict

from msgspec import Meta

from dexgrasp_ros.core.doors import MEBIBYTE, check_file
from dexgrasp_ros.core.errors import ErrorCode, InputError, quoted
from dexgrasp_ros.core.json_files import read_json, write_json
from dexgrasp_ros.learning.hand_tokens import ANCHORS, FEATURES, PHASES, SCALE
from dexgrasp_ros.learning.seen import AROUND_GROUPS, GROUP_POINTS, OBJECT_GROUPS

VERSION = 1  # of what networks take and give; another one needs another training
GRAPHS = ('encoder', 'flow', 'evaluator')
_RECORD = 'model.json'
_LIMIT = 256 * MEBIBYTE

# What a model must have been made for.
_EXPECTED = {
    'anchors': ANCHORS,
    'phases': PHASES,
    'features': FEATURES,
    'scale': SCALE,
    'object_groups': OBJECT_GROUPS,
    'around_groups': AROUND_GROUPS,
    'group_points': GROUP_POINTS,
}


class ModelRecord(TypedDict):
    """What `model.json` says."""

    version: int
    shapes: dict[str, float]
    digests: dict[str, Annotated[str, Meta(min_length=64, max_length=64)]]
    hands: dict[str, str]  # names and digests of those that it was trained on
    training: dict[str, Any]


def graph_file(folder: Path, graph: str) -> Path:
    """File of a graph."""
    return folder / f'{graph}.onnx'


def write_record(folder: Path, hands: dict[str, str], training: dict[str, Any]) -> None:
    """Say what the graphs in a folder are; last, since it makes them a model.

    Raises
    ------
    OSError
        A file cannot be read or written.
    """
    digests = {graph: _digest(graph_file(folder, graph)) for graph in GRAPHS}
    record: ModelRecord = {
        'version': VERSION,
        'shapes': dict(_EXPECTED),
        'digests': digests,
        'hands': hands,
        'training': training,
    }
    write_json(folder / _RECORD, record)


def read_record(folder: Path) -> ModelRecord:
    """Read what a model is, and hold its files against their digests.

    Raises
    ------
    InputError
        FILE_NOT_FOUND: a file is missing. INVALID_INPUT: one is damaged, or the model is of
        another version. MISSING_KEY, WRONG_TYPE: its JSON is not that of a model. OUT_OF_RANGE:
        a file is larger than 256 MiB.
    """
    path = folder / _RECORD
    try:
        record = read_json(path, schema=ModelRecord)
    except FileNotFoundError:
        raise InputError(
            f'There is no model in {quoted(str(folder))}; expected a folder with {_RECORD} and'
            f' {", ".join(f"{g}.onnx" for g in GRAPHS)}, as `dexgrasp train` makes one.',
            ErrorCode.FILE_NOT_FOUND,
        ) from None
    if record['version'] != VERSION or record['shapes'] != _EXPECTED:
        raise InputError(
            f"The model '{folder}' is of version {record['version']} with {record['shapes']};"
            f' expected version {VERSION} with {_EXPECTED}. Train it anew.'
        )
    for graph in GRAPHS:
        file = graph_file(folder, graph)
        check_file(file, 'ONNX', _LIMIT)
        if _digest(file) != record['digests'].get(graph):
            raise InputError(
                f"'{file}' is damaged, or not the file that '{path}' tells of: their SHA-256"
                ' differ.'
            )
    return record


def _digest(path: Path) -> str:
    with path.open('rb') as file:
        return hashlib.file_digest(file, 'sha256').hexdigest()
