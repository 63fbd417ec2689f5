"""Rows of structures of arrays: frozen dataclasses whose arrays share their first axis."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Batch = TypeVar('Batch')


def take(batch: Batch, index: NDArray[np.integer] | slice) -> Batch:
    """Return the rows `index`, in that order."""
    rows = {k: v[index] if isinstance(v, np.ndarray) else take(v, index) for k, v in _of(batch)}
    return type(batch)(**rows)


def join(batches: Sequence[Batch]) -> Batch:
    """Return all rows of all batches."""
    rows = {
        name: np.concatenate(parts) if isinstance(parts[0], np.ndarray) else join(parts)
        for name, parts in ((f, [getattr(b, f) for b in batches]) for f, _value in _of(batches[0]))
    }
    return type(batches[0])(**rows)


def _of(batch: object) -> list[tuple[str, object]]:
    return [(f.name, getattr(batch, f.name)) for f in dataclasses.fields(batch)]
