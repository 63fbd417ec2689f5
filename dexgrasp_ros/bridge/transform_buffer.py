"""A tree of frames over time: what tf2 keeps, for environments that have no tf2."""

from __future__ import annotations

import bisect
import threading
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation, Slerp

from dexgrasp_ros.core.errors import ErrorCode, InputError, PerceptionError, choices, quoted
from dexgrasp_ros.core.poses import compose, invert

_IDENTITY = np.array([0.0, 0, 0, 0, 0, 0, 1])
_MOST_FRAMES = 10_000  # those of a hundred robots; each is kept for ever


class _Edge:
    """Poses of one frame in its parent, sorted by stamp; a fixed one has a single entry."""

    def __init__(self, parent: str, *, fixed: bool) -> None:
        self.parent = parent
        self.fixed = fixed
        self.stamps: list[int] = []
        self.poses: list[NDArray[np.float64]] = []

    def add(self, stamp: int, pose: NDArray[np.float64], history: int) -> None:
        if self.fixed or (self.stamps and stamp < self.stamps[-1] - history):
            # A stamp that lies further back than the history: time started anew.
            self.stamps, self.poses = [stamp], [pose]
            return
        place = bisect.bisect_left(self.stamps, stamp)
        if place < len(self.stamps) and self.stamps[place] == stamp:
            self.poses[place] = pose
            return
        self.stamps.insert(place, stamp)
        self.poses.insert(place, pose)
        while self.stamps[0] < self.stamps[-1] - history:
            del self.stamps[0], self.poses[0]

    def at(self, stamp: int) -> NDArray[np.float64] | None:
        """Pose at `stamp`, interpolated; None where that would be extrapolation."""
        if self.fixed:
            return self.poses[0]
        if not self.stamps[0] <= stamp <= self.stamps[-1]:
            return None
        place = bisect.bisect_left(self.stamps, stamp)
        if self.stamps[place] == stamp:
            return self.poses[place]
        t0, t1 = self.stamps[place - 1], self.stamps[place]
        a, b = self.poses[place - 1], self.poses[place]
        share = (stamp - t0) / (t1 - t0)
        turn = Slerp([0, 1], Rotation.from_quat([a[3:], b[3:]]))(share)
        return np.append(a[:3] + share * (b[:3] - a[:3]), turn.as_quat())


class TransformBuffer:
    """Frames, each with its parent and its pose there over the last `history` seconds.

    One thread may feed it while others look up and wait.
    """

    def __init__(self, *, history: float = 10.0) -> None:
        self._history = int(history * 1e9)
        self._edges: dict[str, _Edge] = {}
        self._changed = threading.Condition()

    def add(
        self, parent: str, child: str, stamp: int, pose: NDArray[np.float64], *, fixed: bool
    ) -> None:
        """Take the pose T_parent_child [7] at `stamp` [ns]; a fixed one holds for ever.

        Raises
        ------
        InputError
            OUT_OF_RANGE for one more frame than can be.
        """
        with self._changed:
            edge = self._edges.get(child)
            if edge is None and len(self._edges) >= _MOST_FRAMES:
                raise InputError(
                    f'There are {_MOST_FRAMES} frames already.', ErrorCode.OUT_OF_RANGE
                )
            if edge is None or edge.parent != parent or edge.fixed != fixed:
                edge = self._edges[child] = _Edge(parent, fixed=fixed)
            edge.add(stamp, pose, self._history)
            self._changed.notify_all()

    def forget_moving(self) -> None:
        """Forget all that does not hold for ever, as when time starts anew."""
        with self._changed:
            self._edges = {child: edge for child, edge in self._edges.items() if edge.fixed}

    def lookup(
        self,
        target: str,
        source: str,
        stamp: int,
        timeout: float = 0.0,
        should_stop: Callable[[], bool] | None = None,
    ) -> NDArray[np.float64]:
        """Pose T_target_source [7] at `stamp` [ns]; 0 asks for the newest that all edges have.

        Waits up to `timeout` seconds for it, or until `should_stop` says so.

        Raises
        ------
        PerceptionError
            TRANSFORM_UNAVAILABLE, with both frames, the stamp and what is missing.
        """
        deadline = time.monotonic() + timeout
        with self._changed:
            while True:
                try:
                    return self._lookup(target, source, stamp)
                except PerceptionError:
                    left = deadline - time.monotonic()
                    if left <= 0 or (should_stop is not None and should_stop()):
                        raise
                self._changed.wait(min(left, 0.05))

    def newest(self, target: str, source: str) -> tuple[NDArray[np.float64], int]:
        """Newest pose T_target_source [7] that all edges have, and its stamp [ns].

        The stamp is 0 where every edge is fixed, so that the pose holds for ever.

        Raises
        ------
        PerceptionError
            TRANSFORM_UNAVAILABLE.
        """
        with self._changed:
            up, down = self._ways(target, source, 0)
            stamp = self._newest_stamp(up + down)
            return self._lookup(target, source, stamp), stamp

    def _lookup(self, target: str, source: str, stamp: int) -> NDArray[np.float64]:
        up, down = self._ways(target, source, stamp)
        moment = stamp or self._newest_stamp(up + down)
        return compose(
            invert(self._chain(down, moment, (target, source))),
            self._chain(up, moment, (target, source)),
        )

    def _newest_stamp(self, frames: list[str]) -> int:
        moving = [e for f in frames if not (e := self._edges[f]).fixed]
        return min((e.stamps[-1] for e in moving), default=0)

    def _ways(self, target: str, source: str, stamp: int) -> tuple[list[str], list[str]]:
        """Frames from source and from target up to, not including, the first common one."""
        up, down = self._way_to_root(source), self._way_to_root(target)
        # The way from source to target turns at the first frame that both have above them.
        above = set(down)
        common = next((f for f in up if f in above), None)
        if common is None:
            known = set(self._edges) | {e.parent for e in self._edges.values()}
            raise _unavailable(
                target, source, stamp, f'they are not connected; known frames: {choices(known)}.'
            )
        return up[: up.index(common)], down[: down.index(common)]

    def _chain(self, frames: list[str], stamp: int, ask: tuple[str, str]) -> NDArray[np.float64]:
        """Pose of frames[0] in the parent of frames[-1]."""
        pose = _IDENTITY
        for frame in frames:
            edge = self._edges[frame]
            step = edge.at(stamp)
            if step is None:
                span = ' to '.join(f'{s / 1e9:.9f}' for s in (edge.stamps[0], edge.stamps[-1]))
                raise _unavailable(
                    *ask,
                    stamp,
                    f'{quoted(frame)} in {quoted(edge.parent)} is known from {span} s.',
                )
            pose = compose(step, pose)
        return pose

    def _way_to_root(self, frame: str) -> list[str]:
        way = {frame: None}  # in order
        while (edge := self._edges.get(frame)) is not None and edge.parent not in way:
            frame = edge.parent
            way[frame] = None
        return list(way)


def _unavailable(target: str, source: str, stamp: int, why: str) -> PerceptionError:
    return PerceptionError(
        f'No transform from {quoted(source)} to {quoted(target)} at {stamp / 1e9:.9f} s: {why}',
        ErrorCode.TRANSFORM_UNAVAILABLE,
    )
