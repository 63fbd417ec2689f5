"""How far the two fingers of a gripper are apart."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import KDTree

from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.core.poses import pose_to_matrix
from dexgrasp_ros.hand.groups import point_groups
from dexgrasp_ros.hand.kinematics import link_matrices

_FACING = 0.8  # cosine between a pad's normal and the way to the other finger
_ASIDE = 0.005  # m between two points that lie opposite; surface points stand 4.6 mm apart
# Of the gaps between points that lie opposite: pads stand out, and are at least that much of it.
_SHARE = 0.1


def is_gripper(hand: HandModel) -> bool:
    """Whether the hand has two fingers that touch, and so is opened by a width."""
    return len(_fingers(hand)) == 2


def opening_width(hand: HandModel, q: ArrayLike) -> NDArray[np.float64]:
    """Gap between the pads of a gripper, as the drivers of grippers count it.

    Pads are what faces the other finger on the outer half of a finger, as seen from the palm. The
    gap is that between opposite surface points along the line that joins the pads.

    Parameters
    ----------
    hand
        The hand.
    q
        [..., J] joint positions, rad or m.

    Returns
    -------
    NDArray
        [...] m, 0 where they touch; NaN for a hand that `is_gripper` denies.

    Raises
    ------
    InputError
        WRONG_SHAPE when the last axis of `q` is not the number of joints.
    """
    frames = link_matrices(hand, q)
    if not is_gripper(hand):
        return np.full(frames.shape[:-3], np.nan)
    fingers = [_surface(hand, finger) for finger in _fingers(hand)]
    palm = pose_to_matrix(hand.palm_pose)
    width = [_gap([_outer_half(f, at, palm) for f in fingers]) for at in _flat(frames)]
    return np.array(width).reshape(frames.shape[:-3])


def _fingers(hand: HandModel) -> NDArray[np.int32]:
    touching = (hand.group_fingers >= 0) & (hand.group_weights > 0.0)
    return np.unique(hand.group_fingers[touching])


def _flat(frames: NDArray[np.float64]) -> NDArray[np.float64]:
    return frames.reshape(-1, *frames.shape[-3:])


def _surface(hand: HandModel, finger: int) -> tuple[NDArray, NDArray, NDArray]:
    """Links [M], points [M, 3] and normals [M, 3] of a finger's surface."""
    groups = point_groups(hand)
    own = hand.group_fingers[groups] == finger
    return hand.geometry_links[groups[own]], hand.points[own], hand.normals[own]


def _outer_half(
    surface: tuple[NDArray, NDArray, NDArray],
    frames: NDArray[np.float64],
    palm: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Points [M, 3] and normals [M, 3] on the half of a finger that is farther from the palm."""
    links, points, normals = surface
    turn = frames[links, :3, :3]
    placed = np.einsum('mij,mj->mi', turn, points) + frames[links, :3, 3]
    height = (placed - palm[:3, 3]) @ palm[:3, 2]
    outer = height > 0.5 * (height.min() + height.max())
    return placed[outer], np.einsum('mij,mj->mi', turn[outer], normals[outer])


def _gap(halves: list[tuple[NDArray[np.float64], NDArray[np.float64]]]) -> float:
    """Gap between two surfaces [m], along the line through the middles of what faces across."""
    (one, one_normals), (other, other_normals) = halves
    way = other.mean(axis=0) - one.mean(axis=0)
    way /= max(float(np.linalg.norm(way)), 1e-9)
    one, other = one[one_normals @ way > _FACING], other[other_normals @ way < -_FACING]
    if not len(one) or not len(other):
        return np.nan
    across = [side - np.outer(side @ way, way) for side in (one, other)]
    distance, nearest = KDTree(across[1]).query(across[0])
    opposite = distance < _ASIDE
    if not opposite.any():
        return np.nan
    gaps = (other[nearest[opposite]] - one[opposite]) @ way
    return max(float(np.quantile(gaps, _SHARE)), 0.0)
