"""Vertical planes of symmetry, found from the seen points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.perception.completion.evidence import Evidence, HiddenNodes
from dexgrasp_ros.perception.completion.extrusion import fill_before

_FIRST, _FINAL = 150, 400  # points that vote: at the first look, and for the plane itself
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


@dataclass(frozen=True, kw_only=True)
class MirrorGuess:
    """The seen side's images under planes of symmetry, and what is hidden before them."""

    coarseness = 2
    evidence: Evidence
    mirrors: tuple[MirrorPlane, ...]

    @property
    def bounds(self) -> NDArray[np.float64]:
        """Those of the points and of their images."""
        points = self.evidence.points
        every = np.concatenate([points, *self._images(points)])
        return np.stack([every.min(axis=0), every.max(axis=0)])

    def judge(self, hidden: HiddenNodes) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Signed distance to it; what is free in an image cannot be there."""
        surface, axes = self.evidence.surface, self.evidence.axes
        filled = hidden.shell
        left = np.full(len(hidden.rows), -hidden.reach, np.float32)
        for image in self._images(hidden.nodes):
            camera = axes.to_camera(image)
            left = np.maximum(left, surface.free(camera))
            _, shell = surface.behind(camera, hidden.thickness)
            filled = np.minimum(filled, shell)
        return fill_before(hidden, filled), left

    def _images(self, points: NDArray) -> list[NDArray]:
        """Images of points under each plane, and under both."""
        once = [m.reflect(points) for m in self.mirrors]
        return once if len(once) < 2 else [*once, self.mirrors[1].reflect(once[0])]


def guess_mirrors(evidence: Evidence) -> MirrorGuess:
    """Guess by the planes of symmetry that hold."""
    return MirrorGuess(evidence=evidence, mirrors=tuple(find_mirrors(evidence)))


def find_mirrors(evidence: Evidence) -> list[MirrorPlane]:
    """Find the best plane of symmetry, and the best one across it; only those that hold.

    A plane is good when the images of many seen points lie on what is seen, with the right normal,
    and hardly any in space seen to be free; an image in hidden space says nothing.
    """
    few, many = _Voters(evidence, _FIRST), _Voters(evidence, _FINAL)
    angles = np.arange(_ANGLES) * np.pi / _ANGLES
    table = [few.best_offset(a) for a in angles]
    first = many.refine(max(table, key=_score))
    turn = np.abs((angles - first.angle + np.pi / 2) % np.pi - np.pi / 2)
    second = many.refine(
        max((p for p, t in zip(table, turn, strict=True) if t >= _LEAST_BETWEEN), key=_score)
    )
    return [p for p in (first, second) if p.accepted]


def _score(plane: MirrorPlane) -> float:
    return plane.support - _CONTRADICTION_WEIGHT * plane.contradiction


class _Voters:
    """Seen points that say how good a plane is."""

    def __init__(self, evidence: Evidence, count: int) -> None:
        self._evidence = evidence
        self._points = evidence.draw(count)
        _, _, self._normals = evidence.compare(self._points)

    def best_offset(self, angle: float) -> MirrorPlane:
        """Return the best plane with a normal in this direction."""
        low, high = self._extent(angle)
        margin = 0.25 * (high - low)
        return self._judge(angle, np.linspace(low - margin, high + margin, _OFFSETS))

    def refine(self, plane: MirrorPlane) -> MirrorPlane:
        """Halve the steps of angle and offset around a plane."""
        middle = self._points[:, 1:].mean(axis=0)
        low, high = self._extent(plane.angle)
        step, turn = 1.5 * (high - low) / (_OFFSETS - 1), np.pi / _ANGLES
        plane = self._judge(plane.angle, np.array([plane.offset]))
        for _ in range(_HALVINGS):
            step, turn = step / 2.0, turn / 2.0
            for angle in plane.angle + turn * np.array([-1.0, 0.0, 1.0]):
                # Turn about the middle of the points, so that angle and offset are independent.
                moved = plane.offset + middle @ (_normal(angle) - _normal(plane.angle))
                found = self._judge(angle, moved + step * np.array([-1.0, 0.0, 1.0]))
                plane = max(plane, found, key=_score)
        return plane

    def _extent(self, angle: float) -> tuple[float, float]:
        along = self._points[:, 1:] @ _normal(angle)
        return float(along.min()), float(along.max())

    def _judge(self, angle: float, offsets: NDArray[np.float64]) -> MirrorPlane:
        """Return the best plane of one direction."""
        shape = (len(offsets), len(self._points))
        images = _reflect(self._points, angle, offsets.astype(np.float32)).reshape(-1, 3)
        contradicts = (self._evidence.free(images) > _FREE).reshape(shape)
        front, side, there = self._evidence.compare(images)
        n = _normal(angle, np.float32)
        mirrored = self._normals.copy()
        mirrored[:, 1:] -= 2.0 * (self._normals[:, 1:] @ n)[:, None] * n
        agrees = np.einsum('dnk,nk->dn', there.reshape(*shape, 3), mirrored) > _MIN_NORMAL
        near = ((np.abs(front) < _NEAR) & (side < 0.0)).reshape(shape)
        planes = [
            MirrorPlane(angle=angle, offset=float(o), support=float(s), contradiction=float(c))
            for o, s, c in zip(
                offsets, (near & agrees).mean(axis=1), contradicts.mean(axis=1), strict=True
            )
        ]
        return max(planes, key=_score)


def _normal(angle: float, dtype: type = np.float64) -> NDArray:
    return np.array([np.cos(angle), np.sin(angle)], dtype)


def _reflect(points: NDArray, angle: float, offsets: NDArray) -> NDArray:
    """Images [D, M, 3] of points under planes of one direction."""
    n = _normal(angle, points.dtype)
    depth = offsets[:, None] - points[:, 1:] @ n
    images = np.repeat(points[None], len(offsets), axis=0)
    images[..., 1:] += 2.0 * depth[..., None] * n
    return images
