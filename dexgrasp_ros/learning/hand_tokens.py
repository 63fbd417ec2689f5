"""What a network is told of a hand: its links, each with axis, limits and a few anchor points.

A posture is the places of the anchors. So hands of any number of joints speak one language, and
what is predicted lies where the hand meets the object.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dexgrasp_ros.core.errors import ErrorCode, HandError
from dexgrasp_ros.core.hand_model import HandModel, JointType
from dexgrasp_ros.core.poses import invert, pose_to_matrix
from dexgrasp_ros.hand.kinematics import link_matrices

ANCHORS = 4  # of each link: as many as a pose in space needs, and one to even out errors
PHASES = 3  # pre-grasp, grasp, squeeze
SCALE = 0.1  # m that is 1 to the networks: half the length of a hand
FEATURES = 3 * ANCHORS + 13
MOST_LINKS = 64

_ENDLESS = 3.2  # rad, the limit that joints without one are said to have


@dataclass(frozen=True, kw_only=True)
class HandTokens:
    """K links of a hand that have a surface, as networks see them."""

    hand: HandModel
    links: NDArray[np.int64]  # [K] index into `hand.link_names`
    anchors: NDArray[np.float64]  # [K, ANCHORS, 3] m, in the frames of these links
    features: NDArray[np.float32]  # [K, FEATURES]


def describe_hand(hand: HandModel) -> HandTokens:
    """Choose anchors on the links of a hand, and gather what its URDF says of them.

    Features of a link are, in the palm's frame at the half-open posture and in `SCALE`: its
    anchors, origin and axis of the joint that moves it; then this joint's limits, sign of
    closing, whether it slides, follows another one, is there at all; how much contact is wanted
    on the link; and whether it is a finger's.

    Raises
    ------
    HandError
        UNSUPPORTED_HAND: it has no joint, no surface, or more than 64 links with one.
    """
    group = np.repeat(np.arange(len(hand.geometry_links)), np.diff(hand.group_clusters))
    point_group = np.repeat(group, np.diff(hand.cluster_points))
    point_link = hand.geometry_links[point_group]
    of_hand = ~hand.group_before_palm[point_group]
    links = np.unique(point_link[of_hand])
    if not len(hand.joint_names) or not 1 < len(links) <= MOST_LINKS:
        raise HandError(
            f"The hand '{hand.name}' has {len(hand.joint_names)} joints and {len(links)} links"
            f' with a surface; expected 1 joint or more, and 2 to {MOST_LINKS} such links.',
            ErrorCode.UNSUPPORTED_HAND,
        )
    anchors = np.stack(
        [_spread(hand.points[of_hand & (point_link == link)], ANCHORS) for link in links]
    )
    features = _features(hand, links, anchors)
    return HandTokens(hand=hand, links=links, anchors=anchors, features=features)


def anchor_places(
    tokens: HandTokens, q: ArrayLike, base_pose: ArrayLike | None = None
) -> NDArray[np.float64]:
    """Where anchors are [..., K, ANCHORS, 3] m, for joints [..., J] and poses of the root."""
    return place(link_matrices(tokens.hand, q, base_pose)[..., tokens.links, :, :], tokens.anchors)


def grasp_anchors(
    tokens: HandTokens,
    *,
    base_pose: NDArray[np.floating],
    pregrasp_base_pose: NDArray[np.floating],
    pregrasp: NDArray[np.floating],
    grasp: NDArray[np.floating],
    squeeze: NDArray[np.floating],
) -> NDArray[np.float64]:
    """Anchors of N grasps, [N, K, PHASES, ANCHORS, 3] m, from poses [N, 7] and joints [N, J]."""
    phases = ((pregrasp, pregrasp_base_pose), (grasp, base_pose), (squeeze, base_pose))
    return np.stack([anchor_places(tokens, q, pose) for q, pose in phases], axis=2)


def place(matrices: NDArray[np.float64], anchors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Anchors [K, ANCHORS, 3] of links at [..., K, 4, 4], as [..., K, ANCHORS, 3]."""
    turned = np.einsum('...kij,kaj->...kai', matrices[..., :3, :3], anchors)
    return turned + matrices[..., None, :3, 3]


def _features(
    hand: HandModel, links: NDArray[np.int64], anchors: NDArray[np.float64]
) -> NDArray[np.float32]:
    matrices = pose_to_matrix(invert(hand.palm_pose)) @ link_matrices(hand, hand.preshape)
    places = place(matrices[links], anchors) / SCALE
    moving = np.array([_mover(hand, int(link)) for link in links])
    there = moving >= 0
    at = np.maximum(moving, 0)
    axis = np.einsum('kij,kj->ki', matrices[at, :3, :3], hand.joint_axes[at]) * there[:, None]
    origin = matrices[at, :3, 3] / SCALE * there[:, None]
    joint = hand.coordinates[at]
    slides = hand.joint_types[at] == JointType.PRISMATIC
    limits = np.stack([hand.lower[joint], hand.upper[joint]], axis=1)
    limits = np.clip(limits, -_ENDLESS, _ENDLESS) / np.where(slides, SCALE, 1.0)[:, None]
    weight = np.zeros(len(hand.link_names))
    finger = np.zeros(len(hand.link_names))
    np.maximum.at(weight, hand.geometry_links, hand.group_weights)
    np.maximum.at(finger, hand.geometry_links, hand.group_fingers >= 0)
    rest = np.stack(
        [
            *(limits * there[:, None]).T,
            hand.closing[joint] * np.sign(hand.multipliers[at]) * there,
            slides * there,
            hand.multipliers[at] * there,
            weight[links],
            finger[links],
        ],
        axis=1,
    )
    return np.concatenate([places.reshape(len(links), -1), origin, axis, rest], axis=1).astype(
        np.float32
    )


def _mover(hand: HandModel, link: int) -> int:
    """Link whose joint moves a link: itself, or the nearest one above it; -1 for what is fixed."""
    while link >= 0 and hand.coordinates[link] < 0:
        link = int(hand.link_parents[link])
    return link


def _spread(points: NDArray[np.floating], count: int) -> NDArray[np.float64]:
    """Points [count, 3] that are far from each other, the first far from the middle."""
    points = np.asarray(points, dtype=np.float64)
    distance = np.linalg.norm(points - points.mean(axis=0), axis=1)
    chosen = []
    for _ in range(count):
        chosen.append(int(np.argmax(distance)))
        nearer = np.linalg.norm(points - points[chosen[-1]], axis=1)
        distance = nearer if len(chosen) == 1 else np.minimum(distance, nearer)
    return points[chosen]
