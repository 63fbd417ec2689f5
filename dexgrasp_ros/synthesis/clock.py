"""Time of a search's phases, its time limit, and its caller's callbacks."""

from __future__ import annotations

import math
import time

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.config import SynthesisConfig
from dexgrasp_ros.core.errors import ErrorCode, SynthesisError
from dexgrasp_ros.core.progress import Progress, ProgressCallback, StopCallback


class Clock:
    """Time of the phases, the time limit, and the caller's callbacks."""

    def __init__(
        self,
        config: SynthesisConfig,
        progress: ProgressCallback | None,
        should_stop: StopCallback | None,
    ) -> None:
        self._config, self._progress, self._should_stop = config, progress, should_stop
        self._start = self._lap = time.perf_counter()
        self.timing: dict[str, float] = {}
        self._fraction = 0.0

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self._start

    def lap(self, phase: str) -> None:
        """Add the time since the last lap to a phase, and end the search where it must end."""
        now = time.perf_counter()
        self.timing[phase] = self.timing.get(phase, 0.0) + now - self._lap
        self._lap = now
        self.check()

    def should_stop(self) -> bool:
        """Say whether the caller wants to stop; raises SynthesisError (TIME_LIMIT) beyond it."""
        if self._config.time_limit and self.elapsed > self._config.time_limit:
            raise SynthesisError(
                f'The search passed its limit of {self._config.time_limit:g} s.',
                ErrorCode.TIME_LIMIT,
            )
        return self._should_stop is not None and self._should_stop()

    def check(self) -> None:
        """End the search where it must end: SynthesisError, CANCELLED or TIME_LIMIT."""
        if self.should_stop():
            raise SynthesisError('The search was cancelled.', ErrorCode.CANCELLED)

    def report(
        self,
        phase: str,
        fraction: float,
        candidates: int | None = None,
        value: NDArray[np.float64] | None = None,
    ) -> None:
        """Tell the caller how far the search is; `value` are scores, best first.

        A fraction below an earlier one is not told: chosen grasps can become fewer again.
        """
        if self._progress is None:
            return
        self._fraction = max(self._fraction, fraction)
        best = float(value[0]) if value is not None and len(value) else math.nan
        self._progress(
            Progress(
                phase=phase,
                fraction=self._fraction,
                candidates=self._config.seed_count if candidates is None else candidates,
                best_score=best,
                elapsed=self.elapsed,
            )
        )
