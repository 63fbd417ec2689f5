"""The same object in one frame after another: identifiers that stay, and what has changed.

An object is where its points are, in cells of a regular grid. Two sights of one object share
cells; the share is counted on the seen points, thickened by a cell, since completed sides are
guesses that differ from frame to frame. Labels of a segmentation may flip between frames, and a
label may come again for another thing: what overlaps is the same, and a label only decides where
nothing else speaks against it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.spatial import cKDTree

from dexgrasp_ros.core.config import check_ranges, setting
from dexgrasp_ros.core.object_model import ObservedObject
from dexgrasp_ros.core.open3d_loader import import_open3d
from dexgrasp_ros.core.poses import transform_points

_CELL = 0.01  # m: several times the noise of depth, a fraction of what a hand can hold
_CHANGE_POINTS = 1000  # of a mesh, at which changes are measured
# Percentile of their distances that counts as the change: a box that slides along two of its faces
# moves a third of its surface, and one vertex that jumps is noise.
_CHANGE_PERCENTILE = 90.0
# Weight of an equal label beside an overlap of 0 … 1: of two that overlap alike it wins.
_LABEL_BONUS = 0.1


@dataclass(frozen=True, kw_only=True)
class TrackingConfig:
    """When two sights are of one object, and when a mesh has changed."""

    overlap: float = setting(
        0.3, '1', 'share of cells that two sights of one object have in common', 0.01, 1.0
    )
    reach: float = setting(
        0.1, 'm', 'an object of the same label may have moved so far without overlap', 0.0, 10.0
    )
    memory: int = setting(
        10, '1', 'frames after which an object that is not seen is forgotten', 0, 100000
    )
    republish_distance: float = setting(
        0.005, 'm', 'objects are published anew when a mesh differs by more', 0.0, 1.0
    )

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_ranges(self)


@dataclass(frozen=True, kw_only=True)
class Sighting:
    """One object of one frame, in a frame of reference that stays."""

    label: int
    points: NDArray[np.float64]  # [M, 3] seen points [m]
    vertices: NDArray[np.float64]  # [V, 3] of its mesh [m]
    faces: NDArray[np.int64]  # [F, 3]


@dataclass(kw_only=True)
class _Track:
    id: str
    last: Sighting  # as last seen
    frame: int  # number of the frame in which it was last seen
    published: Sighting | None = None  # as it stands in what was published last, if it does


@dataclass(frozen=True, kw_only=True)
class TrackedFrame:
    """What tracking says about the objects of one frame."""

    ids: tuple[str, ...]  # of each sighting; never given to another object
    changes: tuple[float, ...]  # [m] since what was published last; inf for what is not in there
    is_news: bool  # whether anything came, went, got another label or changed by enough


class ObjectTracker:
    """Gives sightings of one object the same identifier.

    Parameters
    ----------
    config
        When two sights are of one object; the attribute may be replaced.
    """

    def __init__(self, config: TrackingConfig | None = None) -> None:
        self.config = config or TrackingConfig()
        self._tracks: list[_Track] = []
        self._frame = 0
        self._count = 0

    def update(self, sightings: Sequence[Sighting], *, is_whole: bool = True) -> TrackedFrame:
        """Match the objects of one frame to those of frames before.

        Parameters
        ----------
        sightings
            Objects of a frame; all frames in one frame of reference.
        is_whole
            Whether these are all of the frame; else others do not count as gone.
        """
        if is_whole:
            self._frame += 1
            oldest = self._frame - 1 - self.config.memory
            self._tracks = [t for t in self._tracks if t.frame >= oldest or t.published]
        tracks = [self._start() if track is None else track for track in self._assign(sightings)]
        changes = []
        is_news = is_whole and any(t.published and t not in tracks for t in self._tracks)
        for track, seen in zip(tracks, sightings, strict=True):
            before = track.published
            track.last, track.frame = seen, self._frame
            changes.append(np.inf if before is None else mesh_change(before, seen))
            is_news |= changes[-1] > self.config.republish_distance
            is_news |= before is not None and before.label != seen.label
        return TrackedFrame(
            ids=tuple(t.id for t in tracks), changes=tuple(changes), is_news=bool(is_news)
        )

    def mark_published(self, ids: Sequence[str]) -> None:
        """Take note that objects, and no others, stand in what was published last."""
        for track in self._tracks:
            track.published = track.last if track.id in ids else None

    def clear(self) -> None:
        """Forget all objects; identifiers that were given do not come again."""
        self._tracks = []

    def _assign(self, sightings: Sequence[Sighting]) -> list[_Track | None]:
        """Track of each sighting: by overlap first, then by label and distance."""
        chosen: list[_Track | None] = [None] * len(sightings)
        tracks = list(self._tracks)
        for score in (self._overlap_score, self._label_score):
            rows = [i for i, track in enumerate(chosen) if track is None]
            scores = np.array([[score(t.last, sightings[i]) for t in tracks] for i in rows])
            if not scores.size:
                break
            taken = []
            for row, column in zip(*linear_sum_assignment(-scores), strict=True):
                if scores[row, column] > 0.0:
                    chosen[rows[row]] = tracks[column]
                    taken.append(column)
            tracks = [t for i, t in enumerate(tracks) if i not in taken]
        return chosen

    def _overlap_score(self, before: Sighting, now: Sighting) -> float:
        """0 where the overlap does not suffice."""
        overlap = cell_overlap(before.points, now.points)
        if overlap < self.config.overlap:
            return 0.0
        return overlap + _LABEL_BONUS * (before.label == now.label)

    def _label_score(self, before: Sighting, now: Sighting) -> float:
        """0 where label or place differ."""
        distance = float(np.linalg.norm(before.points.mean(axis=0) - now.points.mean(axis=0)))
        if before.label != now.label or distance > self.config.reach:
            return 0.0
        return 1.0 / (1.0 + distance)

    def _start(self) -> _Track:
        self._count += 1
        nowhere = Sighting(
            label=0,
            points=np.empty((0, 3)),
            vertices=np.empty((0, 3)),
            faces=np.empty((0, 3), int),
        )
        track = _Track(id=f'track_{self._count}', last=nowhere, frame=self._frame)
        self._tracks.append(track)
        return track


def sighting(found: ObservedObject, pose: NDArray[np.float64] | None = None) -> Sighting:
    """Put an observed object into the frame in which objects are tracked.

    Parameters
    ----------
    found
        The object.
    pose
        Of the object's frame in that frame, [7]; None where they are the same.
    """
    points, vertices = found.points, found.vertices
    if pose is not None:
        points, vertices = (transform_points(pose, p) for p in (points, vertices))
    return Sighting(label=found.label, points=points, vertices=vertices, faces=found.faces)


def cell_overlap(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Share of the cells of the smaller of two point sets [M, 3] that the other has too.

    Of the smaller one, because an object that is half hidden is still the same. A cell counts
    where it or one of its 26 neighbours is taken: noise must not decide.
    """
    cells = [np.unique(np.floor(points / _CELL).astype(np.int64), axis=0) for points in (a, b)]
    small, large = sorted(cells, key=len)
    if not len(small):
        return 0.0
    # Chebyshev distance 1: the same cell or one that touches it.
    near = cKDTree(large).query(small, p=np.inf, distance_upper_bound=1.5)[0] <= 1.0
    return float(near.mean())


def mesh_change(before: Sighting, after: Sighting) -> float:
    """How far two meshes are apart [m], whichever of them has more.

    The 90th percentile of the distance of each one's vertices to the other's surface, the larger
    of the two directions. A body of rotation that turns about its axis has not changed.
    """
    return max(_gap(before, after), _gap(after, before))


def _gap(a: Sighting, b: Sighting) -> float:
    o3d = import_open3d()
    scene = o3d.t.geometry.RaycastingScene(nthreads=1)
    scene.add_triangles(
        o3d.core.Tensor(b.vertices.astype(np.float32)), o3d.core.Tensor(b.faces.astype(np.uint32))
    )
    vertices = a.vertices[:: max(1, len(a.vertices) // _CHANGE_POINTS)]
    distances = scene.compute_distance(o3d.core.Tensor(vertices.astype(np.float32))).numpy()
    return float(np.percentile(distances, _CHANGE_PERCENTILE))
