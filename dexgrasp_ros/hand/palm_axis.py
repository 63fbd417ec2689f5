"""Which face of the palm a hand grasps with."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from dexgrasp_ros.core.hand_model import GeometryType
from dexgrasp_ros.hand.anatomy import Anatomy
from dexgrasp_ros.hand.facing import facing
from dexgrasp_ros.hand.surface import surface_points
from dexgrasp_ros.hand.surface_motion import Placed, SurfaceMotion, spread_out

# How far closed the fingers are where the palm looks at them, and how much that counts: it is the
# space in front of closed fingers that they hold something in.
STAGES = np.linspace(0.0, 1.0, 6)
FINGER_POINTS, PALM_POINTS = 400, 500  # that are looked at
# A face of the palm: normals within this angle.
FACE = np.cos(np.radians(25.0))
BALL = 0.01  # m, radius of what stands for a palm without surface
PATCH = 1.5  # radius of the surface that a point stands for, in distances to the next point
# What lies farther away than this from the axis is another face.
RIVAL = np.cos(np.radians(45.0))
# Palm surface that faces the approach direction: within this angle, which takes the one face of a
# box and a good part of a rounded palm.
FACING_ANGLE = np.radians(40.0)
# Then within these, one after the other, which leaves out the points on a face's edges (45°).
FLAT_ANGLES = (np.radians(25.0), np.radians(20.0))


@dataclass(frozen=True, kw_only=True)
class PalmFace:
    """Result of `find_palm_face`, in the root link's frame."""

    center: NDArray[np.float64]  # [3] m
    axis: NDArray[np.float64]  # [3] unit, leaves the palm
    rival: NDArray[np.float64]  # [3] unit, the face that comes second
    doubt: float  # 0 … 1, at which the rival would have been as good a choice


def find_palm_face(
    motion: SurfaceMotion,
    anatomy: Anatomy,
    palm: Placed,
    middle: NDArray[np.float64],
    postures: NDArray[np.float64],
    start: NDArray[np.float64],
    share: float,
) -> PalmFace:
    """Find the face of the palm that looks at what the fingers enclose as they close.

    Each point of the palm sees something of the fingers' inner sides, the more the closer they
    come (`facing`). Finger points count by their ways, tips more than what is before them, closed
    postures more than open ones. The face whose points see most, all normals within 25° taken
    together, is the one to grasp with, unless that toward `start` sees nearly as much. A palm
    without surface is taken for a ball, with doubt.

    Parameters
    ----------
    motion, anatomy
        The hand.
    palm
        Points [P, 3] m and normals [P, 3] of the palm, in the root link's frame.
    middle
        [3] m of the palm, its centre where it has no surface.
    postures
        [S, J] from open to closed, at `STAGES`.
    start
        [3] unit.
    share
        Of what the best face sees that the one toward `start` must see.
    """
    points, normals = palm
    if not len(points):
        offsets, normals = surface_points(GeometryType.SPHERE, [BALL, 0.0, 0.0], BALL / 5.0)
        ball = find_palm_face(
            motion, anatomy, (middle + offsets, normals), middle, postures, start, share
        )
        return dataclasses.replace(ball, center=middle, doubt=1.0)
    chosen = spread_out(np.arange(len(points)), PALM_POINTS)
    facets = normals[chosen]
    seen = _seen(motion, anatomy, (points[chosen], facets), postures)
    view = (facets @ facets.T > FACE) @ seen  # of the face about each point
    face = face_toward(palm, middle, start)
    if not view.any():
        return dataclasses.replace(face, doubt=1.0)
    own = seen[facets @ face.axis > FACE].sum()
    if own < share * view.max():
        face = face_toward(palm, middle, facets[np.argmax(view)])
        own, share = max(seen[facets @ face.axis > FACE].sum(), 1e-12), 1.0
    others = np.where(facets @ face.axis < RIVAL, view, 0.0)
    rival = facets[np.argmax(others)] if others.any() else -face.axis
    doubt = min(float(share * others.max() / own), 1.0)
    return dataclasses.replace(face, rival=rival, doubt=doubt)


def face_toward(palm: Placed, middle: NDArray[np.float64], axis: NDArray[np.float64]) -> PalmFace:
    """Face of the palm that lies in a direction, without doubt; parameters as above."""
    center, axis = _facing_surface(*palm, middle, axis)
    return PalmFace(center=center, axis=axis, rival=-axis, doubt=0.0)


def _facing_surface(
    points: NDArray[np.float64],
    normals: NDArray[np.float64],
    middle: NDArray[np.float64],
    axis: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Centre of the palm's surface that faces `axis`, and its mean normal."""
    facing = np.zeros(len(points), bool)
    for angle in (FACING_ANGLE, *FLAT_ANGLES):
        facing = normals @ axis > np.cos(angle)
        if not facing.any():
            return middle, axis
        axis = normals[facing].mean(axis=0)
        axis /= np.linalg.norm(axis)
    front = points[facing]
    center = front.mean(axis=0)
    height = (front - center) @ axis
    aside = np.linalg.norm(front - center - height[:, None] * axis, axis=1)
    near = aside <= max(0.015, aside.min())  # what a fingertip would meet there
    return center + axis * height[near].max(), axis


def _seen(
    motion: SurfaceMotion, anatomy: Anatomy, palm: Placed, postures: NDArray[np.float64]
) -> NDArray[np.float64]:
    """How much each point of the palm [P] sees of the closing fingers."""
    weights = np.where(anatomy.fingers >= 0, anatomy.weights, 0.0)[motion.links]
    chosen = spread_out(np.flatnonzero(weights), FINGER_POINTS)
    placed = motion.placed(motion.matrices(postures), chosen)  # [S, F, 3] each
    ways = np.linalg.norm(np.diff(placed[0], axis=0), axis=-1).sum(axis=0)
    outside = ~_been_through(palm, placed[0])
    worth = STAGES[:, None] * outside * ways * weights[chosen]
    return np.einsum('spf,sf->p', facing(palm, placed), worth)


def _been_through(palm: Placed, points: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether points [S, F, 3] have come through the palm's surface on their way [S, F].

    Joint limits may let a finger through the palm; where it then is, nothing can be held, though
    the back of the palm would see it.
    """
    surface, normals = palm
    through = np.zeros(points.shape[:2], bool)
    if len(surface) < 2:
        return through
    # Each of the palm's points stands for what is about as near to it as the next one is.
    patch = PATCH * np.median(cKDTree(surface).query(surface, k=2)[0][:, 1])
    above = points @ normals.T - (surface * normals).sum(axis=1)  # [S, F, P]
    for stage in range(1, len(points)):
        finger, facet = np.nonzero((above[stage - 1] > 0.0) & (above[stage] < 0.0))
        start, end = points[stage - 1, finger], points[stage, finger]
        height = above[stage - 1, finger, facet]
        share = height / (height - above[stage, finger, facet])
        aside = np.linalg.norm(start + share[:, None] * (end - start) - surface[facet], axis=1)
        through[stage:, finger[aside < patch]] = True
    return through
