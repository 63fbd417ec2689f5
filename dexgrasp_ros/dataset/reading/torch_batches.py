"""Batches as torch tensors, and for torch's `DataLoader`; torch is imported when they are made."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np

from dexgrasp_ros.core.errors import InputError
from dexgrasp_ros.dataset.reading.row_arrays import Arrays

_WIDER = {np.dtype(np.uint32): np.int64, np.dtype(np.uint16): np.int32}  # few operations take them


class Batched(Protocol):
    """What is asked of a dataset here; it need not be known."""

    def share(self, index: int, count: int) -> Batched:
        """Return the part of one of `count` processes."""

    def batches(self, size: int, *, shuffle_seed: int | None = None) -> Iterator[dict[str, Any]]:
        """Yield its rows."""


def import_torch() -> Any:
    """Return the module torch.

    Raises
    ------
    InputError
        INVALID_INPUT: it is not installed.
    """
    try:
        import torch
    except ImportError as error:
        raise InputError(
            "The framework 'torch' was asked for and torch is not installed; "
            "`pip install torch`, or expected framework='numpy'."
        ) from error
    return torch


def to_tensors(arrays: Arrays) -> dict[str, Any]:
    """Arrays as tensors that share their memory where they can; texts become lists."""
    torch = import_torch()
    return {
        name: array.tolist()
        if array.dtype == object
        else torch.from_numpy(array.astype(_WIDER.get(array.dtype, array.dtype), copy=False))
        for name, array in arrays.items()
    }


def loadable(dataset: Batched, size: int, shuffle: bool) -> Any:
    """Make a `torch.utils.data.IterableDataset` of batches; each worker reads its share of files.

    Shuffled, the order follows torch's own seed and is another one in each epoch.
    """
    torch = import_torch()
    from torch.utils import data

    class Batches(data.IterableDataset):
        def __iter__(self) -> Iterator[dict[str, Any]]:
            worker = data.get_worker_info()
            own = dataset if worker is None else dataset.share(worker.id, worker.num_workers)
            seed = int(torch.randint(2**62, ())) if shuffle else None
            yield from own.batches(size, shuffle_seed=seed)

        def __reduce__(self) -> tuple:
            # A class of a function has no name that another process could find.
            return loadable, (dataset, size, shuffle)

    return Batches()
