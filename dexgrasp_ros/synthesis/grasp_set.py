"""What a search found, as the `GraspSet` that it returns."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.config import SynthesisConfig
from dexgrasp_ros.core.grasp_set import GraspSet
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.core.object_model import ObjectModel
from dexgrasp_ros.core.poses import compose, invert
from dexgrasp_ros.hand import locked_joints
from dexgrasp_ros.hand.opening import opening_width
from dexgrasp_ros.synthesis.clock import Clock
from dexgrasp_ros.synthesis.ranking import touching
from dexgrasp_ros.synthesis.search import Search
from dexgrasp_ros.synthesis.selection import Grasps


def make_grasp_set(
    hand: HandModel,
    obj: ObjectModel,
    config: SynthesisConfig,
    grasps: Grasps | None,
    clock: Clock,
    rejected: dict[str, int],
    search: Search,
) -> GraspSet:
    """Root poses, and the contacts that the squeeze presses on, padded to the largest count."""
    shared = {
        'hand': hand.name,
        'hand_digest': hand.digest,
        'urdf': hand.urdf,
        'joint_names': hand.joint_names,
        'link_names': hand.link_names,
        'hand_frame': hand.hand_frame,
        'joint_stiffness': hand.joint_stiffness,
        'support_plane': np.full(4, np.nan) if obj.support_plane is None else obj.support_plane,
        'locked_joints': locked_joints(hand),
        'config': dataclasses.asdict(config) | {'device': search.device},
        'timing': clock.timing,
        'rejected': rejected,
    }
    if grasps is None:
        return GraspSet(**_nothing(len(hand.joint_names)), **shared)
    closing = grasps.closing
    palm_to_root = invert(hand.palm_pose)
    look = closing.in_contact
    touch = touching(look, config)
    count = touch.sum(axis=1)
    width = int(count.max(initial=0))
    links = np.full((len(touch), width), -1, dtype=np.int64)
    points, normals, forces = (np.full((len(touch), width, 3), np.nan) for _ in range(3))
    for n, row in enumerate(touch):
        own = np.flatnonzero(row)
        own = own[np.argsort(-np.linalg.norm(closing.force[n, own], axis=1), kind='stable')]
        links[n, : len(own)] = hand.geometry_links[own]
        points[n, : len(own)] = look.point[n, own]
        normals[n, : len(own)] = look.normal[n, own]
        forces[n, : len(own)] = closing.force[n, own]
    base_pose = compose(closing.palm, palm_to_root)
    return GraspSet(
        base_pose=base_pose,
        pregrasp_base_pose=compose(closing.pregrasp_palm, palm_to_root),
        pregrasp=closing.pregrasp,
        grasp=closing.grasp,
        squeeze=closing.squeeze,
        score=grasps.score,
        residual=grasps.residual,
        penetration=grasps.penetration,
        epsilon=np.full(len(touch), np.nan),
        contact_count=count,
        contact_links=links,
        contact_points=points,
        contact_normals=normals,
        contact_forces=forces,
        seed_index=grasps.seed_index,
        opening_width=opening_width(hand, closing.grasp),
        least_friction=grasps.least_friction,
        largest_pull=search.largest_pull(closing) if config.simulate_closing else np.empty(0),
        **shared,
    )


def _nothing(joints: int) -> dict[str, NDArray]:
    """Arrays of no grasps by a hand of so many joints."""
    vectors, none = np.empty((0, 0, 3)), np.empty(0)
    return {
        **dict.fromkeys(('base_pose', 'pregrasp_base_pose'), np.empty((0, 7))),
        **dict.fromkeys(('pregrasp', 'grasp', 'squeeze'), np.empty((0, joints))),
        **dict.fromkeys(('score', 'residual', 'penetration', 'epsilon'), none),
        **dict.fromkeys(('contact_points', 'contact_normals', 'contact_forces'), vectors),
        'contact_count': np.empty(0, dtype=np.int64),
        'contact_links': np.empty((0, 0), dtype=np.int64),
    }
