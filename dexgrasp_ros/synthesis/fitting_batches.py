"""Batches as large as the memory of a device allows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dexgrasp_ros.core.device_memory import let_go, ran_out


class FittingBatches:
    """Does work on all rows at once; where memory runs out, on half as many at a time.

    Parameters
    ----------
    release
        Called where memory ran out, to free what can be made anew.
    """

    def __init__(self, release: Callable[[], None]) -> None:
        self._release = release
        self._split: dict[int, int] = {}  # rows that were asked for: rows of the smallest batch

    @property
    def warnings(self) -> tuple[str, ...]:
        """Say which batches were split."""
        return tuple(
            f'The device has no memory for {count:,} candidates at once: they went in batches of '
            f'{most:,} at most, which takes longer.'
            for count, most in self._split.items()
        )

    def run(self, work: Callable[[slice], Any], count: int) -> list[Any]:
        """Return the results of `work` for rows 0 … `count` - 1, batch by batch.

        Raises
        ------
        MemoryError, RuntimeError
            There is no memory for a single row; or as from `work`.
        """
        # What did not fit before is not tried again: where memory runs out is found slowly.
        parts, start, most = [], 0, self._split.get(count, max(count, 1))
        while start < count or not parts:
            rows = slice(start, min(start + most, count))
            try:
                parts.append(work(rows))
            except (MemoryError, RuntimeError) as error:
                if not ran_out(error) or rows.stop - rows.start < 2:
                    raise
                let_go(error)
            else:
                start = rows.stop
                continue
            # Here the error is gone, and with it what it referred to.
            self._release()
            most = (rows.stop - rows.start) // 2
            self._split[count] = min(most, self._split.get(count, most))
        return parts
