"""The postures that a grasp is executed with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.hand_model import HandModel, JointType
from dexgrasp_ros.core.poses import compose, invert, pose_to_matrix
from dexgrasp_ros.hand import link_poses
from dexgrasp_ros.synthesis.look import Look

# A finger is about 10 cm long: so far a radian of its first joint carries the fingertip.
_RADIAN = {JointType.REVOLUTE: 1.0, JointType.PRISMATIC: 0.1}


@dataclass(frozen=True, kw_only=True)
class Closing:
    """Postures of N grasps; palm poses in the object's frame."""

    palm: NDArray[np.float64]  # [N, 7] at the grasp and the squeeze
    pregrasp_palm: NDArray[np.float64]  # [N, 7]
    pregrasp: NDArray[np.float64]  # [N, J]
    grasp: NDArray[np.float64]  # [N, J]
    squeeze: NDArray[np.float64]  # [N, J]
    in_contact: Look  # before the fingers open by their clearance: where the squeeze presses
    force: NDArray[np.float64]  # [N, G, 3] of the squeeze on the object, there, N
    at_grasp: Look
    at_pregrasp: Look
    at_squeeze: Look  # at the joints that are commanded; in the object, which stops the fingers


def coordinate_types(hand: HandModel) -> list[JointType]:
    """Kind of each actuated joint [J]: that of the first link it moves."""
    first = [np.flatnonzero(hand.coordinates == j)[0] for j in range(len(hand.joint_names))]
    return [JointType(hand.joint_types[link]) for link in first]


def radians(hand: HandModel) -> NDArray[np.float64]:
    """How much of each actuated joint [J] goes for a radian: 1, or metres of one that slides."""
    return np.array([_RADIAN[kind] for kind in coordinate_types(hand)])


def sphere_centers(hand: HandModel, palm: NDArray, q: NDArray) -> NDArray[np.float64]:
    """Centres [N, C, 3] of the spheres about the hand's points, in the frame of `palm` [N, 7]."""
    links = pose_to_matrix(link_poses(hand, q, compose(palm, invert(hand.palm_pose))))
    group = np.repeat(np.arange(len(hand.group_names)), np.diff(hand.group_clusters))
    center = np.empty((len(q), len(group), 3))
    # Link by link: a frame for each sphere of each state would take much memory.
    for link in np.unique(hand.geometry_links):
        own = hand.geometry_links[group] == link
        frame = links[:, link]
        center[:, own] = (
            hand.cluster_centers[own] @ frame[:, :3, :3].transpose(0, 2, 1) + frame[:, None, :3, 3]
        )
    return center
