"""How long work reports where it stands and learns that it should stop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dexgrasp_ros.core.errors import ErrorCode, SynthesisError


@dataclass(frozen=True, kw_only=True)
class Progress:
    """A moment of a running search."""

    phase: str  # 'seeds', 'optimize', 'finish'
    fraction: float  # of the whole work, 0 … 1
    candidates: int  # still in the race
    best_score: float  # NaN until there is one
    elapsed: float  # s since the start


@dataclass(frozen=True, kw_only=True)
class LoadProgress:
    """A moment of loading a hand whose meshes are cut into convex pieces."""

    link: str  # whose mesh is being cut
    fraction: float  # of all meshes, 0 … 1


ProgressCallback = Callable[[Progress], None]
LoadCallback = Callable[[LoadProgress], None]
StopCallback = Callable[[], bool]


def check_stop(should_stop: StopCallback | None) -> None:
    """Raise CANCELLED where the caller wants the work to end.

    Raises
    ------
    SynthesisError
        CANCELLED.
    """
    if should_stop is not None and should_stop():
        raise SynthesisError('The search was cancelled.', ErrorCode.CANCELLED)
