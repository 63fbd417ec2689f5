"""Seeds from contact fields and inverse kinematics, in the manner of Lightning Grasp.

A hand's *field* is what its finger pads can reach: places and normals in the palm's frame, with
the joints that lead there. Where an object is put before the palm, those of its surface points
that meet a place of the field with opposed normals are patches that a finger can touch. Of random
choices of a patch for each finger the one whose unit pushes balance best is taken, and damped
least squares brings the pads there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from dexgrasp_ros import SynthesisConfig
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.core.object_model import ObjectModel
from dexgrasp_ros.core.poses import compose, invert, pose_to_matrix
from dexgrasp_ros.hand import jacobian, link_poses
from dexgrasp_ros.hand.groups import point_groups
from dexgrasp_ros.synthesis.postures import radians
from dexgrasp_ros.synthesis.search import Search
from dexgrasp_ros.synthesis.seeds import draw_seeds

_POSTURES = 4000  # drawn for a hand's field
_PATCHES = 96  # surface points that are looked at for each seed
_CHOICES = 64  # of a patch for each finger, of which the best balanced is taken
_REACH = 0.015  # m between a patch and a place of the field
_TURN = 0.03  # m that a unit of difference between normals counts for
_STEPS = 8  # of the inverse kinematics
_DAMPING = 0.02  # of the squares of steps, in units of the residuals
_PALM_STIFFNESS = 4.0  # joints are to move rather than the palm
_FACING = 0.5  # cosine between a pad's normal and its way as the hand closes, at least


@dataclass(frozen=True, kw_only=True)
class Finger:
    """What one fingertip can reach: M places in the palm's frame."""

    link: int
    joints: NDArray[np.int64]  # that move it
    tree: cKDTree  # of places and normals, scaled by `_TURN`
    point: NDArray[np.float64]  # [M, 3] in the link
    normal: NDArray[np.float64]  # [M, 3] outward, in the link
    q: NDArray[np.float64]  # [M, J]


def make_field(hand: HandModel, rng: np.random.Generator) -> list[Finger]:
    """Sample each finger's field over the joints' ranges."""
    lower = np.where(np.isfinite(hand.lower), hand.lower, hand.preshape - np.pi)
    upper = np.where(np.isfinite(hand.upper), hand.upper, hand.preshape + np.pi)
    q = rng.uniform(lower, upper, (_POSTURES, len(hand.joint_names)))
    in_palm = np.linalg.inv(pose_to_matrix(hand.palm_pose))
    links = in_palm @ pose_to_matrix(link_poses(hand, q))
    group_of_point = point_groups(hand)
    fingers = []
    for finger in range(int(hand.group_fingers.max()) + 1):
        tip = np.flatnonzero((hand.group_fingers == finger) & (hand.group_weights >= 1.0))
        link = int(hand.geometry_links[tip[0]])
        pad = np.flatnonzero(hand.geometry_links[group_of_point] == link)
        pad = pad[_faces_closing(hand, link, hand.points[pad], hand.normals[pad])]
        if not len(pad):
            continue
        pick = rng.choice(pad, _POSTURES)
        point, normal = hand.points[pick].astype(float), hand.normals[pick].astype(float)
        frame = links[:, link]
        place = np.einsum('mij,mj->mi', frame[:, :3, :3], point) + frame[:, :3, 3]
        turned = np.einsum('mij,mj->mi', frame[:, :3, :3], normal)
        moved = np.abs(jacobian(hand, hand.preshape, link, point[0])).sum(axis=0)
        fingers.append(
            Finger(
                link=link,
                joints=np.flatnonzero(moved),
                tree=cKDTree(np.hstack([place, _TURN * turned])),
                point=point,
                normal=normal,
                q=q,
            )
        )
    return fingers


def _faces_closing(
    hand: HandModel, link: int, points: NDArray, normals: NDArray
) -> NDArray[np.bool_]:
    """Whether points of a link [M, 3] lie on the side that goes ahead as the hand closes."""
    q = np.tile(hand.preshape, (len(points), 1))
    motion = jacobian(hand, q, link, points)[:, :3] @ hand.closing.astype(float)
    frame = pose_to_matrix(link_poses(hand, hand.preshape))[link]
    ahead = np.einsum('mi,mi->m', motion, normals @ frame[:3, :3].T)
    return ahead > _FACING * np.linalg.norm(motion, axis=1)


def contact_field_seeds(
    search: Search,
    hand: HandModel,
    obj: ObjectModel,
    config: SynthesisConfig,
    draws: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return palms [N, 7] and joints [N, J]: of `draws` such seeds each the least energy."""
    rng = np.random.default_rng(config.random_seed)
    fingers = make_field(hand, rng)
    palm, q = draw_seeds(hand, obj, config, rng, config.seed_count * draws)
    chosen = choose_patches(fingers, obj, palm, rng)
    palm, q = reach(hand, fingers, palm, q, chosen)
    if draws > 1:
        energy = search.energy(palm, q).reshape(-1, draws)
        best = np.nan_to_num(energy, nan=np.inf).argmin(axis=1) + draws * np.arange(len(energy))
        palm, q = palm[best], q[best]
    return palm, q


@dataclass(frozen=True, kw_only=True)
class Patches:
    """What each of F fingers of N seeds is to touch."""

    point: NDArray[np.float64]  # [N, F, 3] of the object
    normal: NDArray[np.float64]  # [N, F, 3] outward
    place: NDArray[np.int64]  # [N, F] of the finger's field, -1 for none


def choose_patches(
    fingers: list[Finger], obj: ObjectModel, palm: NDArray, rng: np.random.Generator
) -> Patches:
    """Choose for palms [N, 7] what balances best of what the fingers reach."""
    count, width = len(palm), len(fingers)
    index = rng.integers(len(obj.surface_points), size=(count, _PATCHES))
    points, normals = obj.surface_points[index], obj.surface_normals[index]
    back = Rotation.from_quat(palm[:, 3:]).as_matrix()
    seen = np.einsum('nji,npj->npi', back, points - palm[:, None, :3])
    facing = np.einsum('nji,npj->npi', back, -normals)
    features = np.concatenate([seen, _TURN * facing], axis=2).reshape(-1, 6)
    places = np.empty((count, _PATCHES, width), dtype=np.int64)
    for k, finger in enumerate(fingers):
        gap, place = finger.tree.query(features, distance_upper_bound=_REACH)
        places[..., k] = np.where(np.isfinite(gap), place, -1).reshape(count, _PATCHES)
    # Draw among the patches that a finger reaches: rank random numbers, reachable ones first.
    rank = np.argsort(rng.random(places.shape) + (places < 0), axis=1)
    reached = np.maximum((places >= 0).sum(axis=1), 1)  # [N, F]
    draw = (rng.random((count, _CHOICES, width)) * reached[:, None]).astype(np.int64)
    rows, columns = np.arange(count)[:, None, None], np.arange(width)
    patch = rank[rows, draw, columns]  # [N, K, F]
    used = places[rows, patch, columns] >= 0
    arm = (points - obj.center_of_mass) / obj.characteristic_length
    push = -normals[rows, patch] * used[..., None]
    wrench = np.concatenate([push, np.cross(arm[rows, patch], push)], axis=-1).sum(axis=2)
    imbalance = (wrench**2).sum(axis=-1) / np.maximum(used.sum(axis=2), 1) ** 2
    imbalance = np.where(used.sum(axis=2) < 2, np.inf, imbalance)
    best = patch[np.arange(count), imbalance.argmin(axis=1)]  # [N, F]
    rows = np.arange(count)[:, None]
    return Patches(
        point=points[rows, best],
        normal=normals[rows, best],
        place=places[rows, best, np.arange(width)],
    )


def reach(
    hand: HandModel, fingers: list[Finger], palm: NDArray, q: NDArray, chosen: Patches
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Palms and joints that bring the fingers' pads to what was chosen for them."""
    q = q.copy()
    for k, finger in enumerate(fingers):
        own = chosen.place[:, k] >= 0
        q[np.ix_(own, finger.joints)] = finger.q[chosen.place[own, k]][:, finger.joints]
    for _ in range(_STEPS):
        palm, q = _reach_step(hand, fingers, palm, q, chosen)
    return palm, q


def _reach_step(
    hand: HandModel,
    fingers: list[Finger],
    palm: NDArray,
    q: NDArray,
    chosen: Patches,
) -> tuple[NDArray, NDArray]:
    """One step of damped least squares on the pads' places and normals."""
    root = pose_to_matrix(compose(palm, invert(hand.palm_pose)))
    turn = root[:, :3, :3]
    links = root[:, None] @ pose_to_matrix(link_poses(hand, q))
    rows, right = [], []
    for k, finger in enumerate(fingers):
        own = (chosen.place[:, k] >= 0).astype(float)[:, None]
        point, pad = finger.point[chosen.place[:, k]], finger.normal[chosen.place[:, k]]
        frame = links[:, finger.link]
        x = np.einsum('nij,nj->ni', frame[:, :3, :3], point) + frame[:, :3, 3]
        n = np.einsum('nij,nj->ni', frame[:, :3, :3], pad)
        joints = jacobian(hand, q, finger.link, point)
        move, spin = turn @ joints[:, :3], turn @ joints[:, 3:]
        eye, none = np.broadcast_to(np.eye(3), (len(q), 3, 3)), np.zeros((len(q), 3, 3))
        move = np.concatenate([eye, -_cross(x - palm[:, :3]), move], axis=2)
        spin = np.concatenate([none, eye, spin], axis=2)
        rows += [own[..., None] * move, -own[..., None] * _TURN * (_cross(n) @ spin)]
        right += [own * (chosen.point[:, k] - x), -own * _TURN * (chosen.normal[:, k] + n)]
    # A unit of each unknown carries a fingertip by about a tenth of a metre.
    unit = np.concatenate([np.full(3, 0.1), np.ones(3), radians(hand)])
    a, b = np.concatenate(rows, axis=1) * unit, np.concatenate(right, axis=1)
    damping = 0.1**2 * _DAMPING * np.r_[np.full(6, _PALM_STIFFNESS), np.ones(q.shape[1])]
    step = np.linalg.solve(
        np.swapaxes(a, 1, 2) @ a + np.diag(damping), np.einsum('nri,nr->ni', a, b)[..., None]
    )
    step = unit * step[..., 0]
    palm = palm.copy()
    palm[:, :3] += step[:, :3]
    rotation = Rotation.from_rotvec(step[:, 3:6]) * Rotation.from_quat(palm[:, 3:])
    palm[:, 3:] = rotation.as_quat()
    return palm, np.clip(q + step[:, 6:], hand.lower, hand.upper)


def _cross(v: NDArray) -> NDArray[np.float64]:
    """Matrices [N, 3, 3] with [v]× w = v × w."""
    result = np.zeros((len(v), 3, 3))
    result[:, [2, 0, 1], [1, 2, 0]] = v
    result[:, [1, 2, 0], [2, 0, 1]] = -v
    return result
