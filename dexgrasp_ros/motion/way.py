"""The way of a hand to its pre-grasp: simple ways first, and sampled ones where none is clear."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.core.poses import pose_to_matrix
from dexgrasp_ros.hand.reachability import straight_way
from dexgrasp_ros.motion.clearance import Field, HandCloud
from dexgrasp_ros.motion.config import WayConfig
from dexgrasp_ros.motion.retreats import retreat_directions
from dexgrasp_ros.motion.sampling import sample_way

# m above the higher end of a way over the top; the lowest of them that is clear is taken.
_RISES = (0.0, 0.1, 0.2)
_ROUNDING = 1e-4  # m; a place is looked at in single precision, and from a grid


@dataclass(frozen=True, kw_only=True)
class Approach:
    """What a way is asked for: where it begins and ends. All poses are of the root link."""

    pregrasp: NDArray[np.float64]  # [7] where it ends
    grasp: NDArray[np.float64]  # [7]
    fingers: NDArray[np.float64]  # [J] at the pre-grasp
    up: NDArray[np.float64]  # [3] unit, away from the table; zero where there is none
    start: NDArray[np.float64] | None = None  # [7]; None: not known, only the end is looked for
    start_fingers: NDArray[np.float64] | None = None  # [J]; None: those of the pre-grasp


def find_way(
    hand: HandModel, fields: Sequence[Field], wanted: Approach, config: WayConfig
) -> NDArray[np.float64] | None:
    """Poses [K, 7] that lead to the pre-grasp, which is the last; straight lines join them.

    The end is straight, `config.last_stretch` long, from the first of `retreat_directions` that is
    clear; before it come, in this order, the straight line, the way up, over and down, and what
    sampling finds. The fingers open meanwhile, at their own pace: up to the last stretch a place
    must be clear with the fingers as they are and as they are to be.

    Parameters
    ----------
    hand
        The hand.
    fields
        Distances to all that must not be touched: table, neighbours, and the object itself.
    wanted
        Where the way begins and ends.
    config
        Margin and effort.

    Returns
    -------
    NDArray
        None where no way was found that keeps the margin.
    """
    opened = HandCloud(hand, wanted.fingers)
    ends = _clear_ends(hand, opened, fields, wanted, config)
    if wanted.start is None:
        return next((np.stack([end, wanted.pregrasp]) for end in ends), None)
    starting = wanted.fingers if wanted.start_fingers is None else wanted.start_fingers
    clouds = [opened]
    if np.abs(starting - wanted.fingers).max(initial=0.0) > 0.01:
        clouds.append(HandCloud(hand, starting))
    free = _Free(clouds, fields, wanted.start, config)
    retreats = []
    for end in ends:
        for way in _simple_ways(wanted.start, end, wanted.up):
            if free.is_clear(way):
                return np.stack([*way[1:], wanted.pregrasp])
        retreats.append(end)
    if not retreats or config.sampling_time <= 0:
        return None
    between = sample_way(free.is_place_clear, wanted.start, retreats[0], config)
    short = None if between is None else _shortened(between, free)
    return None if short is None else np.stack([*short, wanted.pregrasp])


class _Free:
    """Whether ways are clear for a hand that has some posture among several."""

    def __init__(
        self,
        clouds: Sequence[HandCloud],
        fields: Sequence[Field],
        start: NDArray[np.float64],
        config: WayConfig,
    ) -> None:
        self._clouds, self._fields, self._config = clouds, fields, config
        first = self._clearance(pose_to_matrix(start)[None])[0]
        # One who begins nearer than the margin may leave.
        self._least = min(config.margin, first) - _ROUNDING

    def is_clear(self, way: Sequence[NDArray[np.float64]]) -> bool:
        """Whether straight lines through the poses [7] of a way are."""
        for a, b in itertools.pairwise(way):
            frames = straight_way(a, b, step=self._config.step)
            if (self._clearance(frames) < self._least).any():
                return False
        return True

    def is_place_clear(self, frame: NDArray[np.float64]) -> bool:
        """Whether one place [4, 4] is."""
        return bool(self._clearance(frame[None])[0] >= self._least)

    def _clearance(self, frames: NDArray[np.float64]) -> NDArray[np.float64]:
        margin, fields = self._config.margin, self._fields
        return np.min([c.clearance(frames, fields, margin) for c in self._clouds], axis=0)


def _shortened(way: NDArray[np.float64], free: _Free) -> list[NDArray[np.float64]] | None:
    """From behind the start of a way [K, 7] on, leaving out what a clear line bridges.

    The sampler looks at places farther apart than is wanted here: None where it was wrong.
    """
    short, at = [], 0
    while at + 1 < len(way):
        bridged = (k for k in range(len(way) - 1, at, -1) if free.is_clear([way[at], way[k]]))
        at = next(bridged, 0)
        if not at:
            return None
        short.append(way[at])
    return short


def _clear_ends(
    hand: HandModel,
    cloud: HandCloud,
    fields: Sequence[Field],
    wanted: Approach,
    config: WayConfig,
) -> Iterator[NDArray[np.float64]]:
    """Poses [7] from which the straight end of the way is clear."""
    axis = pose_to_matrix(hand.palm_pose)[:3, 2]
    for direction in retreat_directions(
        wanted.pregrasp, wanted.grasp, up=wanted.up, palm_axis=axis
    ):
        retreat = wanted.pregrasp.copy()
        retreat[:3] += config.last_stretch * direction
        frames = straight_way(wanted.pregrasp, retreat, step=config.step)
        gap = cloud.clearance(frames, fields, config.margin)
        if gap[0] >= 0 and (gap >= min(config.margin, gap[0]) - _ROUNDING).all():
            yield retreat


def _simple_ways(
    start: NDArray[np.float64], end: NDArray[np.float64], up: NDArray[np.float64]
) -> Iterator[list[NDArray[np.float64]]]:
    """Give the straight way, and those that go up, over and down."""
    yield [start, end]
    if not up.any():
        return
    top = max(up @ start[:3], up @ end[:3])
    for rise in _RISES:
        over = [
            np.append(pose[:3] + (top + rise - up @ pose[:3]) * up, pose[3:])
            for pose in (start, end)
        ]
        yield [start, *over, end]
