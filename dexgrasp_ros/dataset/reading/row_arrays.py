"""Rows of Parquet files as NumPy arrays: lists of one length become axes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.doors import reading
from dexgrasp_ros.core.errors import ErrorCode, InputError, choices
from dexgrasp_ros.dataset.schema import BEFORE, CONTACTS
from dexgrasp_ros.dataset.shards import check_table, told_in

if TYPE_CHECKING:
    import pyarrow as pa

# Lists that are matrices or lists of vectors: the shape of one row.
_SHAPES = {
    'K': (3, 3),
    'T_world_cam': (4, 4),
    'T_world_object': (4, 4),
    'contact_points': (CONTACTS, 3),
    'contact_normals': (CONTACTS, 3),
    'contact_forces': (CONTACTS, 3),
}

_MIXED = 16  # files whose rows are shuffled together

Arrays = dict[str, NDArray[Any]]


def read_arrays(
    file: Path,
    columns: Sequence[str] | None = None,
    where: Mapping[str, Any] | None = None,
    *,
    digest: str | None = None,
) -> Arrays:
    """Columns of one Parquet file as arrays [B, …].

    Parameters
    ----------
    file
        The file.
    columns
        Names; default: all.
    where
        What some columns must be in the rows that are wanted: a value, or a function of the array
        that gives which rows [B]. Columns that are asked for and that came later than the file
        are as `schema.BEFORE` says.
    digest
        Hash that the file's settings must have; default: any.

    Raises
    ------
    InputError
        MISSING_KEY: a column that the file does not have; INVALID_INPUT: it is not such a file,
        a broken one, or one of other settings.
    """
    import pyarrow.parquet as pq

    wanted = None if columns is None else list(dict.fromkeys([*columns, *(where or ())]))
    broken = (
        f"'{file}' cannot be read; expected a Parquet file of a dataset. What made the dataset "
        'makes a broken one again, once it is removed'
    )
    with reading(broken):
        with pq.ParquetFile(file, page_checksum_verification=True) as opened:
            check_table(file, opened)
            names = opened.schema_arrow.names
            later = {n: v for n, v in BEFORE.items() if n in (wanted or ()) and n not in names}
            wanted = wanted and [name for name in wanted if name not in later]
            if missing := set(wanted or ()) - set(names):
                raise InputError(
                    f"'{file}' has no column {choices(missing)}; it has {choices(names)}.",
                    ErrorCode.MISSING_KEY,
                )
            if digest is not None:
                _check_digest(file, opened.schema_arrow.metadata or {}, digest)
            table = opened.read(columns=wanted)
            for name in table.column_names:
                if table[name].null_count:
                    raise ValueError(f"the column '{name}' has rows without a value")
        arrays = table_arrays(table)
        arrays |= {name: np.full(table.num_rows, value) for name, value in later.items()}
    if where:
        keep = np.ones(table.num_rows, dtype=bool)
        for name, value in where.items():
            keep &= value(arrays[name]) if callable(value) else arrays[name] == value
        arrays = {name: array[keep] for name, array in arrays.items()}
    return {name: arrays[name] for name in columns} if columns is not None else arrays


def table_arrays(table: pa.Table) -> Arrays:
    """Columns of a pyarrow table: numbers [B], lists [B, n], contacts [B, C, 3], K [B, 3, 3]."""
    import pyarrow as pa

    arrays = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        whole = column.combine_chunks()
        if pa.types.is_fixed_size_list(column.type):
            shape = _SHAPES.get(name, (column.type.list_size,))
            values = whole.flatten().to_numpy(zero_copy_only=False)
            arrays[name] = values.reshape(table.num_rows, *shape)
        else:
            arrays[name] = whole.to_numpy(zero_copy_only=False)
    return arrays


def _check_digest(file: Path, metadata: Mapping[bytes, bytes], digest: str) -> None:
    there = told_in(file, metadata).get('hash')
    if there != digest:
        raise InputError(
            f"'{file}' was made with settings of the hash {str(there)[:12]}, and its dataset with "
            f'{digest[:12]}; `dexgrasp dataset generate --overwrite` removes what does not belong.'
        )


def join_arrays(parts: Sequence[Arrays]) -> Arrays:
    """Rows of several files, one after the other."""
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def mixed_batches(
    files: Sequence[Path], read: Callable[[Path], Arrays], size: int, seed: int | None
) -> Iterator[Arrays]:
    """Yield batches of `size` rows of all files, the last one shorter.

    Parameters
    ----------
    files
        In what order, without a seed.
    read
        Reads one.
    size
        Rows in a batch.
    seed
        Shuffle the files, and the rows of 16 files at a time: a dataset need not fit in memory,
        and a file is read once. Default: keep the order.
    """
    rng = None if seed is None else np.random.default_rng(seed)
    turn = list(range(len(files))) if rng is None else rng.permutation(len(files)).tolist()
    together = 1 if rng is None else _MIXED
    rest: list[Arrays] = []
    for start in range(0, len(turn), together):
        parts = [read(files[k]) for k in turn[start : start + together]]
        pool = join_arrays([*rest, *parts])
        count = len(next(iter(pool.values())))
        order = np.arange(count) if rng is None else rng.permutation(count)
        is_last = start + together >= len(turn)
        whole = count if is_last else count - count % size
        for at in range(0, whole, size):
            yield {
                name: values[order[at : min(at + size, whole)]] for name, values in pool.items()
            }
        rest = [{name: values[order[whole:]] for name, values in pool.items()}]
