"""Vertical planes of symmetry, found from the seen points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.perception.evidence import Evidence

_POINTS = 200  # that vote
_ANGLES = 30  # of normals over half a turn: 6 degrees apart
_OFFSETS = 40
_HALVINGS = 3  # of the steps of angle and offset, once the best is known
_NEAR = 0.004  # m: an image this near to the seen surface is on it
_FREE = 0.005  # m: an image this far in free space contradicts
_MIN_NORMAL = 0.7  # cosine between the mirrored normal and that of the surface it falls on
_MIN_SUPPORT = 0.2  # share of the points whose image is on the seen surface
_MAX_CONTRADICTION = 0.06  # share of the points whose image is in free space
_CONTRADICTION_WEIGHT = 3.0
_LEAST_BETWEEN = np.radians(60.0)  # two planes are at least so far apart


@dataclass(frozen=True, kw_only=True)
class MirrorPlane:
    """Local points (away, aside) with normal·point = offset; upright."""

    angle: float  # rad of the normal from `away` to `aside`
    offset: float  # m
    support: float  # share of the seen points whose image is on the seen surface
    contradiction: float  # share of the seen points whose image was seen to be free

    def reflect(self, points: NDArray) -> NDArray:
        """Images [M, 3] of local points, in the same precision."""
        return _reflect(points, self.angle, np.array([self.offset], points.dtype))[0]

    @property
    def accepted(self) -> bool:
        """Whether it is a symmetry of what was seen."""
        return self.support >= _MIN_SUPPORT and self.contradiction <= _MAX_CONTRADICTION


def find_mirrors(evidence: Evidence, random_seed: int = 0) -> list[MirrorPlane]:
    """Find the best plane of symmetry, and the best one across it; only those that hold.

    A plane is good when the images of many seen points lie on what is seen, with the right normal,
    and hardly any in space seen to be free; an image in hidden space says nothing.
    """
    rng = np.random.default_rng(random_seed)
    count = min(_POINTS, len(evidence.points))
    chosen = rng.choice(len(evidence.points), count, replace=False)
    points = evidence.points[chosen].astype(np.float32)
    normals = evidence.normals_at(points)
    angles = np.arange(_ANGLES) * np.pi / _ANGLES
    table = [_best_offset(evidence, points, normals, a) for a in angles]
    first = _refine(evidence, points, normals, max(table, key=_score))
    turn = np.abs((angles - first.angle + np.pi / 2) % np.pi - np.pi / 2)
    others = [p for p, t in zip(table, turn, strict=True) if t >= _LEAST_BETWEEN]
    second = _refine(evidence, points, normals, max(others, key=_score))
    return [p for p in (first, second) if p.accepted]


def _score(plane: MirrorPlane) -> float:
    return plane.support - _CONTRADICTION_WEIGHT * plane.contradiction


def _best_offset(
    evidence: Evidence, points: NDArray, normals: NDArray, angle: float
) -> MirrorPlane:
    along = points[:, 1:] @ _normal(angle, points.dtype)
    low, high = along.min(), along.max()
    margin = 0.25 * (high - low)
    offsets = np.linspace(low - margin, high + margin, _OFFSETS)
    return _judge(evidence, points, normals, angle, offsets)


def _refine(
    evidence: Evidence, points: NDArray, normals: NDArray, plane: MirrorPlane
) -> MirrorPlane:
    along = points[:, 1:] @ _normal(plane.angle, points.dtype)
    step = 1.5 * float(np.ptp(along)) / (_OFFSETS - 1)
    turn = np.pi / _ANGLES
    for _ in range(_HALVINGS):
        step, turn = step / 2.0, turn / 2.0
        # Turn about the middle of the points, so that angle and offset are independent.
        middle = points[:, 1:].mean(axis=0)
        for angle in (plane.angle - turn, plane.angle + turn):
            moved = plane.offset + middle @ (_normal(angle) - _normal(plane.angle))
            found = _judge(
                evidence, points, normals, angle, moved + step * np.array([-1.0, 0.0, 1.0])
            )
            plane = max(plane, found, key=_score)
        offsets = plane.offset + step * np.array([-1.0, 1.0])
        plane = max(plane, _judge(evidence, points, normals, plane.angle, offsets), key=_score)
    return plane


def _judge(
    evidence: Evidence,
    points: NDArray[np.float32],
    normals: NDArray[np.float32],
    angle: float,
    offsets: NDArray[np.float64],
) -> MirrorPlane:
    """Return the best plane of one direction."""
    images = _reflect(points, angle, offsets.astype(points.dtype)).reshape(-1, 3)
    camera = evidence.axes.to_camera(images)
    free = evidence.surface.free(camera)
    front, side, there = evidence.surface.compare(camera)
    n = _normal(angle, normals.dtype)
    mirrored = normals.copy()
    mirrored[:, 1:] -= 2.0 * (normals[:, 1:] @ n)[:, None] * n
    there = (there @ evidence.axes.rotation.T.astype(there.dtype)).reshape(len(offsets), -1, 3)
    agree = np.einsum('dnk,nk->dn', there, mirrored) > _MIN_NORMAL
    near = ((np.abs(front) < _NEAR) & (side < 0.0)).reshape(agree.shape)
    support = (near & agree).mean(axis=1)
    contradiction = (free > _FREE).reshape(agree.shape).mean(axis=1)
    best = int(np.argmax(support - _CONTRADICTION_WEIGHT * contradiction))
    return MirrorPlane(
        angle=angle % np.pi,
        offset=float(offsets[best]) * (1.0 if 0.0 <= angle < np.pi else -1.0),
        support=float(support[best]),
        contradiction=float(contradiction[best]),
    )


def _normal(angle: float, dtype: type = np.float64) -> NDArray:
    return np.array([np.cos(angle), np.sin(angle)], dtype)


def _reflect(points: NDArray, angle: float, offsets: NDArray) -> NDArray:
    """Images [D, M, 3] of points under planes of one direction."""
    n = _normal(angle, points.dtype)
    depth = offsets[:, None] - points[:, 1:] @ n
    images = np.repeat(points[None], len(offsets), axis=0)
    images[..., 1:] += 2.0 * depth[..., None] * n
    return images
