"""Shards of grasps: Parquet files that say what they were made from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.doors import MEBIBYTE, reading
from dexgrasp_ros.core.errors import ErrorCode, InputError, quoted
from dexgrasp_ros.core.files import replacing
from dexgrasp_ros.dataset.schema import FRAME_COLUMNS, GRASP_COLUMNS, Column, arrow_schema, fits

if TYPE_CHECKING:
    import pyarrow.parquet as pq

# Twice what `DatasetConfig.shard_size` allows; 100,000 rows of 24 joints have 130 MiB.
_MOST_ROWS = 200_000
_UNPACKED_LIMIT = 1024 * MEBIBYTE
# `key`, `mesh` and `scene` are in both tables, with the same types.
_COLUMNS = {column.name: column for column in (*GRASP_COLUMNS, *FRAME_COLUMNS)}

METADATA_KEY = b'dexgrasp_ros'  # in the metadata of the file's schema: JSON


class BrokenShardError(InputError):
    """What is in a file is no Parquet, so that nobody can read it."""


def write_shard(
    path: Path,
    columns: tuple[Column, ...],
    rows: Mapping[str, Any],
    metadata: Mapping[str, Any],
    *,
    joints: int = 0,
) -> None:
    """Write a Parquet file, whole or not at all; the same bytes for the same rows.

    Parameters
    ----------
    path
        The file.
    columns
        From `schema`.
    rows
        An array [N] or [N, size], or a list of N words, for each column.
    metadata
        What JSON can hold; `read_metadata` returns it.
    joints
        Of the hand, for columns that have a number for each.

    Raises
    ------
    InputError
        WRONG_SHAPE or MISSING_KEY: the rows are not those of the columns.
    OSError
        The file cannot be written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = arrow_schema(columns, joints)
    arrays = [_array(field.type, rows[field.name]) for field in schema]
    told = {METADATA_KEY: json.dumps(metadata, sort_keys=True).encode()}
    table = pa.Table.from_arrays(arrays, schema=schema.with_metadata(told))
    with replacing(path) as temporary:
        pq.write_table(table, temporary, compression='zstd', write_page_checksum=True)


def read_metadata(path: Path) -> dict[str, Any]:
    """Read what a shard was made from, without its rows.

    Raises
    ------
    BrokenShardError
        INVALID_INPUT: the file cannot be understood.
    InputError
        INVALID_INPUT: it is no shard of a dataset.
    OSError
        It cannot be read.
    """
    import pyarrow.parquet as pq

    path.stat()  # what the system says of a file that cannot be read, it says here
    with reading(f"'{path}' is no Parquet file", BrokenShardError):
        metadata = pq.read_schema(path).metadata or {}
    if METADATA_KEY not in metadata:
        raise InputError(
            f"'{path}' is no shard of a dataset; expected the key '{METADATA_KEY.decode()}' in "
            'its metadata.'
        )
    return told_in(path, metadata)


def told_in(path: Path, metadata: Mapping[bytes, bytes]) -> dict[str, Any]:
    """Return what the metadata of a shard's schema tell; nothing where it has none of ours.

    Raises
    ------
    BrokenShardError
        INVALID_INPUT: they cannot be understood.
    """
    with reading(f"'{path}' has broken metadata", BrokenShardError):
        told = json.loads(metadata.get(METADATA_KEY, b'{}'))
        if not isinstance(told, dict):
            raise TypeError('it is no JSON object')
    return told


def check_table(path: Path, opened: pq.ParquetFile) -> None:
    """Refuse a file whose rows would fill the memory, or whose columns are of other types.

    Raises
    ------
    InputError
        OUT_OF_RANGE for the number of rows or bytes; WRONG_TYPE for a column of the schema.
    """
    about = opened.metadata
    groups = range(about.num_row_groups)
    unpacked = sum(about.row_group(i).total_byte_size for i in groups)
    if about.num_rows > _MOST_ROWS or unpacked > _UNPACKED_LIMIT:
        raise InputError(
            f"'{path}' has {about.num_rows} rows of {unpacked / MEBIBYTE:.0f} MiB unpacked;"
            f' expected at most {_MOST_ROWS} of {_UNPACKED_LIMIT / MEBIBYTE:.0f} MiB.',
            ErrorCode.OUT_OF_RANGE,
        )
    for field in opened.schema_arrow:
        column = _COLUMNS.get(field.name)
        if column is not None and not fits(column, field.type):
            size = f' [{column.size}]' if column.size else ''
            raise InputError(
                f"'{path}': the column '{field.name}' is of type {quoted(str(field.type))}; "
                f'expected {column.kind}{size}.',
                ErrorCode.WRONG_TYPE,
            )


def is_made(path: Path, expected: Mapping[str, Any], *, overwrite: bool) -> bool:
    """Whether a shard is there that was made from what is expected; a broken one is not there.

    Raises
    ------
    InputError
        INVALID_INPUT: one is there that was made from something else, and may not be overwritten.
    OSError
        It cannot be read.
    """
    try:
        there = read_metadata(path)
    except (FileNotFoundError, BrokenShardError):
        return False
    except InputError:
        if overwrite:
            return False
        raise
    other = [name for name, value in expected.items() if there.get(name) != value]
    if not other or overwrite:
        return not other
    told = '; '.join(f"'{n}' {there.get(n)!r}, expected {expected[n]!r}" for n in other)
    raise InputError(
        f"The shard '{path}' was made from something else: {told}. Remove it, or give --overwrite."
    )


def _array(kind: Any, values: Any) -> Any:
    """Values as an array of pyarrow; lists of one length from [N, size]."""
    import pyarrow as pa

    if not pa.types.is_fixed_size_list(kind):
        return pa.array(values, type=kind)
    flat = np.ascontiguousarray(values, dtype=kind.value_type.to_pandas_dtype())
    if flat.ndim != 2 or flat.shape[1] != kind.list_size:
        raise InputError(
            f'A column has rows of shape {list(flat.shape)}; expected [N, {kind.list_size}].'
        )
    return pa.FixedSizeListArray.from_arrays(pa.array(flat.ravel()), type=kind)


def as_lists(values: NDArray[Any], size: int) -> NDArray[Any]:
    """Values [N, …] as rows of `size` numbers."""
    return np.asarray(values).reshape(len(values), size)
