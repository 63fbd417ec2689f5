"""When segments on both sides of a step of depth are one object, though their joint is hidden."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from dexgrasp_ros.perception.plane import fit_plane
from dexgrasp_ros.perception.segmentation.segments import Scene, Segment, color_distance
from dexgrasp_ros.perception.segmentation.table import STANDING

_HOLLOW_FOLD = 8.0  # deg by which a hollow surface bends inwards within the window of a normal
_SAME_RIM = 0.025  # m between the highest points of the near and the far wall of a vessel
_SAME_COLOR = 0.5  # of `color_step`; closer colours count as one
_OVERLAP = 0.02  # m that the top of what carries may reach above the lowest point seen above it
_SAME_FACE = 0.94  # cosine between normals of one face: 20 degrees
_FACE_OFFSET = 0.01  # m of a point from its face, noise and bend
_FACE_SHARE = 0.15  # of a segment's pixels, at least, on the face that is compared
_FACES_TRIED = 12  # of a segment
_HIDDEN_SHARE = 0.8  # of the pixels between two pieces, of which something nearer hides some
_LEAST_GAP = 3  # px between two pieces that something can hide


def is_hollow(scene: Scene, segment: Segment) -> bool:
    """Whether most of a segment bends inwards."""
    fold = scene.parts.fold[tuple(segment.pixels.T)]
    return bool(np.mean(fold > _HOLLOW_FOLD) > 0.5)


def are_vessel(scene: Scene, near: Segment, far: Segment, border: NDArray[np.int64]) -> bool:
    """Whether `far` is the inside of a bowl or a mug of which `near` is the outside.

    It is hollow, both have one rim, and either their colours agree, or one of them is not wider
    than the other, as seen from the camera.
    """
    if _distance(scene, near) >= _distance(scene, far):
        return False
    if abs(near.high - far.high) > _SAME_RIM or not is_hollow(scene, far):
        return False
    if _same_color(scene, near, far, border):
        return True
    gap = scene.config.contact_gap
    spans = [np.percentile(s.points[:, 0], [1.0, 99.0]) for s in (near, far)]
    return any(
        inner[0] > outer[0] - gap and inner[1] < outer[1] + gap
        for inner, outer in (spans, spans[::-1])
    )


def floats_on(scene: Scene, upper: Segment, lower: Segment, border: NDArray[np.int64]) -> bool:
    """Whether `upper` is carried by a `lower` one of its colour: the head of a drill."""
    above = upper.low > STANDING and lower.low < upper.low and lower.high < upper.low + _OVERLAP
    return above and _same_color(scene, upper, lower, border)


def are_cut(scene: Scene, a: Segment, b: Segment) -> bool:
    """Whether something nearer cuts one face in two, of which `a` and `b` are the pieces."""
    distance, nearest = cKDTree(a.pixels).query(b.pixels)
    i = int(np.argmin(distance))
    if distance[i] < _LEAST_GAP or not _is_hidden(scene, b.pixels[i], a.pixels[nearest[i]]):
        return False
    if scene.lab is not None:
        colors = [np.median(scene.lab[tuple(s.pixels.T)], axis=0) for s in (a, b)]
        # Pieces show different sides of what is printed on a carton.
        if color_distance(*colors) > 2.0 * scene.config.color_step:
            return False
    return _goes_on(scene, a, b) and _goes_on(scene, b, a)


def _same_color(scene: Scene, a: Segment, b: Segment, border: NDArray[np.int64]) -> bool:
    step = scene.color_step(a, b, border)
    return step is not None and step < _SAME_COLOR * scene.config.color_step


def _distance(scene: Scene, segment: Segment) -> float:
    """Distance [m] of a segment from the camera along the plane."""
    normal = scene.tabletop.plane[:3]
    middle = np.median(segment.points, axis=0)
    return float(np.linalg.norm(middle - (middle @ normal) * normal))


def _is_hidden(scene: Scene, start: NDArray[np.int64], end: NDArray[np.int64]) -> bool:
    """Whether nothing but nearer things, or no depth, is seen on the way between two pixels."""
    depth = scene.window.depth
    count = max(int(np.linalg.norm(end - start)), 2)
    steps = np.linspace(0.0, 1.0, count + 1)[1:-1, None]
    z = depth[tuple(np.rint(start + steps * (end - start)).astype(int).T)]
    known = np.isfinite(z)
    with np.errstate(invalid='ignore'):
        nearer = z < min(depth[tuple(start)], depth[tuple(end)])
    return bool(nearer.any() and (nearer | ~known).mean() >= _HIDDEN_SHARE)


def _goes_on(scene: Scene, a: Segment, b: Segment) -> bool:
    """Whether some face of `b` goes on in `a`."""
    normals_a, normals_b = (scene.parts.normals[tuple(s.pixels.T)] for s in (a, b))
    for k in range(0, len(b.points), max(len(b.points) // _FACES_TRIED, 1)):
        face = _on_face(b.points, normals_b, b.points[k], normals_b[k])
        if face.mean() < _FACE_SHARE:
            continue
        # One normal is a few degrees off, which is centimetres at the other piece.
        plane = fit_plane(b.points[face])
        if _on_face(a.points, normals_a, b.points[face].mean(axis=0), plane[:3]).mean() >= (
            _FACE_SHARE
        ):
            return True
    return False


def _on_face(
    points: NDArray[np.float64],
    normals: NDArray[np.float32],
    origin: NDArray[np.float64],
    normal: NDArray[np.floating],
) -> NDArray[np.bool_]:
    """Which points [M, 3] lie in the plane through `origin`, with its normal."""
    offset = np.abs((points - origin) @ normal)
    return (normals @ normal > _SAME_FACE) & (offset < _FACE_OFFSET)
