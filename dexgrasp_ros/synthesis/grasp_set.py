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
from dexgrasp_ros.synthesis.clock import Clock
from dexgrasp_ros.synthesis.ranking import touching
from dexgrasp_ros.synthesis.search import Search
from dexgrasp_ros.synthesis.selection import Grasps


def _empty(
    hand: HandModel,
    obj: ObjectModel,
    config: SynthesisConfig,
    clock: Clock,
    rejected: dict[str, int],
    search: Search,
) -> GraspSet:
    """No grasps, and the counts that say why."""
    joints = np.empty((0, len(hand.joint_names)))
    poses, vectors, none = np.empty((0, 7)), np.empty((0, 0, 3)), np.empty(0)
    return GraspSet(
        hand=hand.name,
        urdf=hand.urdf,
        joint_names=hand.joint_names,
        link_names=hand.link_names,
        hand_frame=hand.hand_frame,
        base_pose=poses,
        pregrasp_base_pose=poses,
        pregrasp=joints,
        grasp=joints,
        squeeze=joints,
        joint_stiffness=hand.joint_stiffness,
        score=none,
        residual=none,
        penetration=none,
        epsilon=none,
        contact_count=np.empty(0, dtype=np.int64),
        contact_links=np.empty((0, 0), dtype=np.int64),
        contact_points=vectors,
        contact_normals=vectors,
        contact_forces=vectors,
        support_plane=_plane(obj),
        config=dataclasses.asdict(config) | {'device': search.device},
        timing=clock.timing,
        rejected=rejected,
    )


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
    if grasps is None:
        return _empty(hand, obj, config, clock, rejected, search)
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
    return GraspSet(
        hand=hand.name,
        urdf=hand.urdf,
        joint_names=hand.joint_names,
        link_names=hand.link_names,
        hand_frame=hand.hand_frame,
        base_pose=compose(closing.palm, palm_to_root),
        pregrasp_base_pose=compose(closing.pregrasp_palm, palm_to_root),
        pregrasp=closing.pregrasp,
        grasp=closing.grasp,
        squeeze=closing.squeeze,
        joint_stiffness=hand.joint_stiffness,
        score=grasps.score,
        residual=grasps.residual,
        penetration=closing.at_grasp.penetration,
        epsilon=np.full(len(touch), np.nan),
        contact_count=count,
        contact_links=links,
        contact_points=points,
        contact_normals=normals,
        contact_forces=forces,
        seed_index=grasps.seed_index,
        support_plane=_plane(obj),
        config=dataclasses.asdict(config) | {'device': search.device},
        timing=clock.timing,
        rejected=rejected,
    )


def _plane(obj: ObjectModel) -> NDArray[np.float64]:
    return np.full(4, np.nan) if obj.support_plane is None else obj.support_plane
