"""What several views say together about an object, as one view says it for the completion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.perception.fusion.fused_view import FusedView
from dexgrasp_ros.perception.fusion.tsdf import FusedDistance
from dexgrasp_ros.perception.surface import SeenSurface

# Weight from which the mean distance stands alone: half a look. Below it fades out.
_SURE_WEIGHT = 0.5
# Distance, in truncations, that a view votes for which saw through a point. At an outline one of
# many views is always wrong by a pixel: a full truncation pares the object down.
_VOTE = 0.5
# Cosine of the horizontal angle from which two lines of sight come from opposite sides: 154°. At
# smaller ones both shadows have a wedge in common that is beside the object, not in it.
_OPPOSITE = -0.9


@dataclass(frozen=True, kw_only=True)
class FusedSurface:
    """Judges points of the fixed frame as `SeenSurface` does those of the camera's.

    A point is

    - empty, where any view saw something else behind it, or the object itself by more than
      `margin`;
    - as far from the surface as the views that saw it there say in the mean, where some did
      (and views that saw through it there are outvoted or not, each with the weight of one);
    - possibly inside, where it is behind what at least one view saw of the object, and so hidden.

    Distances are positive where the point is outside the object, in metres.
    """

    views: Sequence[FusedView]
    label: int  # of the object in the views
    distance: FusedDistance
    truncation: float  # m
    margin: float  # m

    def shadow(self, points: NDArray[np.float32]) -> NDArray[np.float32]:
        """Signed distance [M] to all that what was seen hides and no view saw to be empty."""
        return self._behind(points, None)[0]

    def behind(
        self, points: NDArray[np.float32], thickness: float
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """As `SeenSurface.behind`: the shadow, and the nearest of the shells of all views.

        The shell is infinitely far in space that was seen to be empty.
        """
        return self._behind(points, thickness)

    def _behind(
        self, points: NDArray[np.float32], thickness: float | None
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Shadow [M] and, if it has a thickness, shell [M]."""
        reach = np.float32(self.truncation)
        sums, weights = self.distance.sample(points)
        free, votes = self._free(points, weights > 0.0)
        hidden = np.full(len(points), reach)
        shell = np.full(len(points), np.inf, np.float32)
        rows = np.flatnonzero((free < reach) | (weights > 0.0))
        for view in self.views:
            if (seen := view.objects.get(self.label)) is None:
                continue
            local = view.to_camera(points[rows])
            if thickness is None:
                shadow = _shadow(seen.surface, local)
            else:
                shadow, behind = seen.surface.behind(local, thickness)
                shell[rows] = np.minimum(shell[rows], behind)
            hidden[rows] = np.minimum(hidden[rows], shadow)
        guess = np.clip(np.maximum(hidden, free), -reach, reach)
        mean = (sums + _VOTE * reach * votes) / np.maximum(weights + votes, 1e-6)
        trust = np.minimum(weights / _SURE_WEIGHT, 1.0)
        return (trust * mean + (1.0 - trust) * guess).astype(np.float32), shell

    def compare(self, points: NDArray[np.float32]) -> tuple[NDArray, NDArray, NDArray]:
        """As `SeenSurface.compare`, by the view whose seen surface is the nearest to the point."""
        front = np.full(len(points), np.inf, np.float32)
        side, nearest = front.copy(), front.copy()
        normals = np.zeros((len(points), 3), np.float32)
        for view in self.views:
            if (seen := view.objects.get(self.label)) is None:
                continue
            before, beside, there = seen.surface.compare(view.to_camera(points))
            distance = np.maximum(np.abs(before), beside)
            closer = distance < nearest
            nearest[closer], front[closer] = distance[closer], before[closer]
            side[closer] = beside[closer]
            rotation = view.T_world_cam[:3, :3].astype(np.float32)
            normals[closer] = np.einsum('ij,kj->ik', there[closer], rotation)
        return front, side, normals

    def between(self, points: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Which of points [M, 3] lie behind what was seen of the object from opposite sides.

        What is between two seen sides belongs to the object, unless some view saw through it:
        that is asked elsewhere.
        """
        shadows, directions = [], []
        for view in self.views:
            if (seen := view.objects.get(self.label)) is None:
                continue
            shadows.append(_shadow(seen.surface, view.to_camera(points)) < 0.0)
            directions.append((seen.points.mean(axis=0) - view.T_world_cam[:3, 3])[:2])
        result = np.zeros(len(points), bool)
        unit = np.array(directions) / np.maximum(np.linalg.norm(directions, axis=1), 1e-9)[:, None]
        for a, b in np.argwhere(np.triu(unit @ unit.T < _OPPOSITE)):
            result |= shadows[a] & shadows[b]
        return result

    def free(self, points: NDArray[np.float32]) -> NDArray[np.float32]:
        """Distance [M] into the space that some view saw to be empty; negative where none did.

        Exact up to twice the truncation, more where it is more.
        """
        return self._free(points, np.zeros(len(points), bool))[0]

    def _free(
        self, points: NDArray[np.float32], voted: NDArray[np.bool_]
    ) -> tuple[NDArray, NDArray]:
        """Depth into empty space [M], and where `voted` how many views saw through the point."""
        deepest = np.full(len(points), -np.inf, np.float32)
        votes = np.zeros(len(points), np.float32)
        rows = np.arange(len(points))
        for view in self.views:
            free = view.free(self.label, points[rows], self.margin)
            deepest[rows] = np.maximum(deepest[rows], free)
            votes[rows] += free > 0.0
            # What one view saw to be far from everything the others need not be asked about.
            rows = rows[voted[rows] | (deepest[rows] < 2.0 * self.truncation)]
        return deepest, votes


def _shadow(surface: SeenSurface, points: NDArray[np.float32]) -> NDArray[np.float32]:
    """Signed distance [M] to all that the front of one view hides."""
    front, side, _ = surface.compare(points)
    return np.maximum(front, side)
