"""Cutting a solid by planes, so that the hulls of its parts come closer to it with each cut."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from manifold3d import Manifold

# Of the part's longest side, half a millimetre of a phalanx: what decides where to cut has corners
# to that, and few of them. It is below the 1 mm at which `solid` takes a mesh for its hull.
_COARSE = 0.01
# Triangles; what is rougher is made coarser still. A plane is tried with two hulls of all corners,
# and some thirty planes for each cut.
_OUTLINE_LIMIT = 1200
# Along each axis, so that they are an eighth of its side apart; two halvings of that about the
# best one leave a thirty-second, 2 mm of a phalanx. Where exactly is then up to corners: the four
# next to that, and planes beyond the micrometre that corners are rounded to.
_PLANES, _HALVINGS, _CORNERS = 7, 2, 4
_BESIDE = 2e-6  # m
_THINNEST = 1e-3  # m, of a slice; a thinner one is its hull, as `solid` has it
# Where cuts are equally good, as on a ring, the one in the middle is wanted, since it helps the
# next: halves of equal size are worth a fortieth of the whole.
_BALANCE = 0.05


class Part:
    """A solid with a coarse copy, its outline, by which cuts are chosen.

    Attributes
    ----------
    solid
        The part itself.
    excess
        m^3 by which its hull is larger.
    """

    def __init__(self, solid: Manifold, outline: Manifold) -> None:
        self.solid = solid
        self.excess = max(0.0, outline.hull().volume() - outline.volume())
        self._outline = outline
        mesh = outline.to_mesh64()
        self._corners = np.array(mesh.vert_properties)[:, :3]
        faces = np.array(mesh.tri_verts, np.int64)
        edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
        self._edges = edges[edges[:, 0] < edges[:, 1]]  # each belongs to two triangles

    @classmethod
    def whole(cls, solid: Manifold) -> Part:
        """Return a solid that has not been cut."""
        low, high = np.reshape(solid.bounding_box(), (2, 3))
        tolerance = _COARSE * float((high - low).max())
        outline = solid.simplify(tolerance)
        for _ in range(3):
            if outline.num_tri() > _OUTLINE_LIMIT:
                tolerance *= 1.5
                outline = outline.simplify(tolerance)
        return cls(solid, solid if outline.is_empty() else outline)

    @property
    def corners(self) -> NDArray[np.float64]:
        """Corners of its hull [V, 3] m."""
        return np.array(self.solid.hull().to_mesh64().vert_properties)[:, :3]

    def cut(self) -> list[Part]:
        """Cut in two by the plane across an axis that leaves the least excess.

        Returns itself alone where it is too thin for that.
        """
        found = self._best_plane()
        if found is None:
            return [self]
        axis, place = found
        normal = tuple(np.eye(3)[axis])
        solids = self.solid.split_by_plane(normal, place)
        outlines = self._outline.split_by_plane(normal, place)
        return [
            # A sliver of the solid that its outline lacks is its own outline.
            Part(solid, solid if outline.is_empty() else outline)
            for solid, outline in zip(solids, outlines, strict=True)
            if not solid.is_empty()
        ]

    def _best_plane(self) -> tuple[int, float] | None:
        low, high = self._corners.min(axis=0), self._corners.max(axis=0)
        tried = []  # cost, axis, place, step

        def attempt(axis: int, places: Iterable[float], step: float) -> None:
            tried.extend((self._cost(axis, place), axis, place, step) for place in places)

        for axis in range(3):
            step = max((high[axis] - low[axis]) / (_PLANES + 1), _THINNEST)
            start = low[axis] + 1.01 * step  # not in faces, which are at round places
            attempt(axis, np.arange(start, high[axis] - 0.5 * step, step), step)
        if not tried:
            return None
        for _ in range(_HALVINGS):
            _, axis, place, step = min(tried)
            attempt(axis, (place - 0.5 * step, place + 0.5 * step), 0.5 * step)
        # Notches and shoulders begin at corners, to either side of them: elsewhere a step is left.
        _, axis, place, step = min(tried)
        room = min(2.0 * step, place - low[axis], high[axis] - place) - 2.0 * _BESIDE
        along = self._corners[:, axis]
        along = np.unique(np.round(along[np.abs(along - place) < room], 6))
        nearest = along[np.argsort(np.abs(along - place), kind='stable')[:_CORNERS]]
        attempt(axis, np.concatenate([nearest - _BESIDE, nearest + _BESIDE]), step)
        return min(tried)[1:3]

    def _cost(self, axis: int, place: float) -> float:
        """Volume of both sides' hulls together: less is better, since the solid stays the same."""
        from manifold3d import Manifold

        along = self._corners[:, axis]
        below = along <= place
        start, end = self._edges[below[self._edges[:, 0]] != below[self._edges[:, 1]]].T
        share = (place - along[start]) / (along[end] - along[start])
        tail, head = self._corners[start], self._corners[end]
        section = tail + share[:, None] * (head - tail)
        volumes = [
            Manifold.hull_points(np.concatenate([self._corners[side], section])).volume()
            for side in (below, ~below)
        ]
        return sum(volumes) + _BALANCE * max(volumes)
