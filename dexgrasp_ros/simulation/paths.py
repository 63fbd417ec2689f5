"""What a controller follows: points at times, with straight lines between them."""

from __future__ import annotations

import bisect

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dexgrasp_ros.core.errors import CommandError, quoted


class TimedPath:
    """Straight lines from where something is through points at given times; then it holds.

    Parameters
    ----------
    start
        Where it is at `begin`, [n].
    points
        [K, n]; without any it holds at the start.
    times
        Of the points, after `begin` [s], rising, [K].
    begin
        When the path begins [s].

    Raises
    ------
    CommandError
        INVALID_COMMAND where shapes do not fit, a number is not finite or times do not rise.
    """

    def __init__(
        self, start: ArrayLike, points: ArrayLike = (), times: ArrayLike = (), begin: float = 0.0
    ) -> None:
        start = np.asarray(start, dtype=np.float64)
        points = np.asarray(points, dtype=np.float64).reshape(-1, len(start))
        times = np.asarray(times, dtype=np.float64)
        if times.shape != (len(points),):
            raise CommandError(
                f'A path has {len(points)} points and times of shape {list(times.shape)};'
                ' expected a time for each point.'
            )
        if not (np.isfinite(points).all() and np.isfinite(times).all()):
            raise CommandError('A path has a number that is not finite.')
        if (np.diff(times, prepend=0.0) < 0).any():
            raise CommandError(
                f'The times of a path are {quoted(times.tolist())}; expected rising from 0.'
            )
        self._points = np.vstack([start[None], points])
        self._times = [begin, *(begin + times).tolist()]

    @property
    def end(self) -> float:
        """When it arrives [s]."""
        return self._times[-1]

    def at(self, time: float) -> NDArray[np.float64]:
        """Return the place at `time` [s], [n]."""
        after = bisect.bisect_right(self._times, time)
        if after == 0:
            return self._points[0]
        if after == len(self._times):
            return self._points[-1]
        begin, end = self._times[after - 1], self._times[after]
        return self._between(
            self._points[after - 1], self._points[after], (time - begin) / (end - begin)
        )

    def _between(self, a: NDArray, b: NDArray, share: float) -> NDArray[np.float64]:
        return a + share * (b - a)


class PosePath(TimedPath):
    """The same for poses [x y z qx qy qz qw], with one turn on each line (slerp)."""

    def _between(self, a: NDArray, b: NDArray, share: float) -> NDArray[np.float64]:
        p, q = a[3:], b[3:]
        cosine = float(p @ q)
        if cosine < 0.0:  # the shorter way
            q, cosine = -q, -cosine
        angle = np.arccos(min(1.0, cosine))
        if angle < 1e-6:
            turn = p + share * (q - p)
        else:
            turn = (np.sin((1 - share) * angle) * p + np.sin(share * angle) * q) / np.sin(angle)
        return np.append(a[:3] + share * (b[:3] - a[:3]), turn / np.linalg.norm(turn))
