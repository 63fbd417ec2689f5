"""From places of anchors back to a hand: the root's pose and joints within their limits.

Kabsch's rotation lays the half-open hand on the anchors; Levenberg-Marquardt then moves root and
joints together, so that the squared distances of all anchors become least. Many hands go at once.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.hand_model import JointType
from dexgrasp_ros.core.poses import matrix_to_pose, pose_to_matrix
from dexgrasp_ros.hand.kinematics import link_matrices
from dexgrasp_ros.learning.hand_tokens import HandTokens, anchor_places, place

# What a grasp is, as arrays by name.
POSTURES = ('base_pose', 'pregrasp_base_pose', 'pregrasp', 'grasp', 'squeeze')

_ITERATIONS = 8
_DAMPING = 1e-6  # m^2, added to the diagonal: what no anchor tells of stays as it is
_LARGEST_STEP = 0.5  # rad, or m


def fit_grasps(tokens: HandTokens, places: NDArray[np.floating]) -> dict[str, NDArray[np.float64]]:
    """Fit hands to predicted anchors.

    Parameters
    ----------
    tokens
        The hand.
    places
        [N, K, PHASES, ANCHORS, 3] m.

    Returns
    -------
    dict
        ``base_pose`` and ``pregrasp_base_pose`` [N, 7], ``pregrasp``, ``grasp`` and ``squeeze``
        [N, J]; ``misfit`` [N] m, root of the mean squared distance of the grasp's anchors.
    """
    places = np.asarray(places, dtype=np.float64)
    start = np.tile(tokens.hand.preshape, (len(places), 1))
    base, grasp = fit_hand(tokens, places[:, :, 1], start)
    before, pregrasp = fit_hand(tokens, places[:, :, 0], grasp)
    _, squeeze = fit_hand(tokens, places[:, :, 2], grasp, base=base)
    rest = anchor_places(tokens, grasp, base) - places[:, :, 1]
    return {
        'base_pose': base,
        'pregrasp_base_pose': before,
        'pregrasp': pregrasp,
        'grasp': grasp,
        'squeeze': squeeze,
        'misfit': np.sqrt((rest**2).sum(axis=-1).mean(axis=(1, 2))),
    }


def fit_hand(
    tokens: HandTokens,
    places: NDArray[np.float64],
    q: NDArray[np.float64],
    *,
    base: NDArray[np.float64] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Fit one posture each to anchors [N, K, ANCHORS, 3] m, from joints [N, J] on.

    Parameters
    ----------
    tokens, places, q
        The hand, where its anchors should be, and where joints start.
    base
        Poses of the root [N, 7] that stay; default: they are found too.

    Returns
    -------
    base, q
        [N, 7] and [N, J].
    """
    hand = tokens.hand
    q = np.clip(q, hand.lower, hand.upper)
    free = base is None
    matrix = kabsch(anchor_places(tokens, q), places) if free else pose_to_matrix(base)
    for _ in range(_ITERATIONS):
        links = matrix[:, None] @ link_matrices(hand, q)
        now = place(links[:, tokens.links], tokens.anchors)
        slopes = _joint_slopes(tokens, links, now)
        if free:
            slopes = np.concatenate([slopes, _root_slopes(now, matrix)], axis=-1)
        step = _step(slopes, places - now)
        joints = len(hand.joint_names)
        q = np.clip(q + step[:, :joints], hand.lower, hand.upper)
        if free:
            matrix = _moved(matrix, step[:, joints:])
    return matrix_to_pose(matrix), q


def kabsch(source: NDArray[np.float64], target: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rigid motions [N, 4, 4] that lay points [N, ..., 3] on others by least squares (Kabsch)."""
    source, target = (points.reshape(len(points), -1, 3) for points in (source, target))
    a, b = source.mean(axis=1), target.mean(axis=1)
    u, _, vt = np.linalg.svd(np.einsum('nki,nkj->nij', source - a[:, None], target - b[:, None]))
    sign = np.ones((len(source), 3))
    sign[:, 2] = np.sign(np.linalg.det(u @ vt))  # a reflection is no motion
    rotation = np.einsum('nji,nj,nkj->nik', vt, sign, u)
    motion = np.tile(np.eye(4), (len(source), 1, 1))
    motion[:, :3, :3] = rotation
    motion[:, :3, 3] = b - np.einsum('nij,nj->ni', rotation, a)
    return motion


def _joint_slopes(
    tokens: HandTokens, links: NDArray[np.float64], now: NDArray[np.float64]
) -> NDArray[np.float64]:
    """How anchors move with joints, [N, K, ANCHORS, 3, J]: axis × arm, or the axis of a slide."""
    hand = tokens.hand
    slopes = np.zeros((len(hand.joint_names), *now.shape))
    above = _ancestors(tokens)
    for link in np.flatnonzero((hand.coordinates >= 0) & above.any(axis=0)):
        moved = np.flatnonzero(above[:, link])
        axis = links[:, link, :3, :3] @ hand.joint_axes[link]
        if hand.joint_types[link] == JointType.PRISMATIC:
            slope = np.broadcast_to(axis[:, None, None], now[:, moved].shape)
        else:
            arm = now[:, moved] - links[:, link, None, None, :3, 3]
            slope = _cross(axis[:, None, None], arm)
        slopes[hand.coordinates[link]][:, moved] += hand.multipliers[link] * slope
    return np.moveaxis(slopes, 0, -1)


def _cross(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cross products of vectors that broadcast; NumPy's own takes several times as long."""
    x, y, z = np.moveaxis(a, -1, 0)
    u, v, w = np.moveaxis(b, -1, 0)
    return np.stack([y * w - z * v, z * u - x * w, x * v - y * u], axis=-1)


def _ancestors(tokens: HandTokens) -> NDArray[np.bool_]:
    """Whether a link [K] hangs on another one, or is it, [K, L]."""
    parents = tokens.hand.link_parents
    above = np.zeros((len(tokens.links), len(parents)), dtype=bool)
    for row, link in enumerate(tokens.links):
        while link >= 0:
            above[row, link] = True
            link = parents[link]
    return above


def _root_slopes(now: NDArray[np.float64], matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """How anchors move with the root, [N, K, ANCHORS, 3, 6]: turns about its origin, shifts."""
    slopes = np.zeros((*now.shape, 6))
    arm = now - matrix[:, None, None, :3, 3]
    for axis in range(3):
        slopes[..., axis] = _cross(np.eye(3)[axis], arm)
        slopes[..., axis, 3 + axis] = 1.0
    return slopes


def _step(slopes: NDArray[np.float64], rest: NDArray[np.float64]) -> NDArray[np.float64]:
    """Damped least squares for each hand: (JᵀJ + λ)⁻¹ Jᵀ e, with λ from what is left."""
    jacobian = slopes.reshape(len(slopes), -1, slopes.shape[-1])
    error = rest.reshape(len(rest), -1)
    transposed = np.ascontiguousarray(jacobian.swapaxes(1, 2))
    normal = transposed @ jacobian
    damping = _DAMPING + 0.01 * (error**2).mean(axis=1)
    normal += damping[:, None, None] * np.eye(normal.shape[-1])
    step = np.linalg.solve(normal, transposed @ error[..., None])[..., 0]
    return np.clip(step, -_LARGEST_STEP, _LARGEST_STEP)


def _moved(matrix: NDArray[np.float64], step: NDArray[np.float64]) -> NDArray[np.float64]:
    """Poses turned about their own origins by step[:, :3] [rad], and shifted."""
    from scipy.spatial.transform import Rotation

    moved = matrix.copy()
    moved[:, :3, :3] = Rotation.from_rotvec(step[:, :3]).as_matrix() @ matrix[:, :3, :3]
    moved[:, :3, 3] += step[:, 3:]
    return moved
