"""A hand's fingers as people see them: postures from open to closed, and the way of each tip."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.core.poses import pose_to_matrix
from dexgrasp_ros.hand import link_poses
from dexgrasp_ros.hand.groups import point_groups
from dexgrasp_ros.hand.opening import is_gripper, opening_width
from dexgrasp_ros.synthesis.fingers import finger_names, fingers_of_links, fingertips
from dexgrasp_ros.synthesis.upload import moving_bodies

STAGES = {'open': 0.0, 'half closed': 0.5, 'closed': 1.0}  # share of the way to closed


@dataclass(frozen=True, kw_only=True)
class Finger:
    """One finger, in the frame of the root link."""

    number: int  # as in `HandModel.group_fingers`
    name: str  # as options that take fingers know it
    tip_link: str
    joints: tuple[str, ...]  # that move it and no other finger
    closes: bool  # whether one of them does
    tip: NDArray[np.float64]  # [S, 3] m, where the fingertip is at `STAGES`

    @property
    def direction(self) -> NDArray[np.float64]:
        """Unit way of the tip from open to half closed [3]; zeros where it stands still."""
        way = self.tip[1] - self.tip[0]
        length = np.linalg.norm(way)
        return way / length if length > 1e-6 else np.zeros(3)


def stage_postures(hand: HandModel) -> NDArray[np.float64]:
    """Joint positions at `STAGES` [S, J]: what closes goes from limit to limit, others stand."""
    opened = np.where(hand.closing > 0, hand.lower, hand.upper)
    closed = np.where(hand.closing > 0, hand.upper, hand.lower)
    moves = (hand.closing != 0) & np.isfinite(opened) & np.isfinite(closed)
    opened, closed = (np.where(moves, q, hand.preshape) for q in (opened, closed))
    return opened + np.array([*STAGES.values()])[:, None] * (closed - opened)


def stage_openings(hand: HandModel) -> dict[str, float]:
    """Gap between a gripper's jaws at `STAGES` [m], NaN where it has none; {} for other hands."""
    if not is_gripper(hand):
        return {}
    return dict(zip(STAGES, opening_width(hand, stage_postures(hand)).tolist(), strict=True))


def find_fingers(hand: HandModel) -> list[Finger]:
    """Fingers in the order of their numbers."""
    of_link, names = fingers_of_links(hand), finger_names(hand)
    of_point = point_groups(hand)
    at_tip = fingertips(hand)[of_point]
    poses = link_poses(hand, stage_postures(hand))
    fingers = []
    for number, name in names.items():
        own = np.flatnonzero(at_tip & (hand.group_fingers[of_point] == number))
        columns = np.unique(hand.coordinates[of_link == number])
        columns = columns[columns >= 0]
        link, tip = _tip(hand, hand.geometry_links[of_point[own]], hand.points[own], poses)
        fingers.append(
            Finger(
                number=number,
                name=name,
                tip_link=hand.link_names[link],
                joints=tuple(hand.joint_names[i] for i in columns),
                closes=bool(hand.closing[columns].any()),
                tip=tip,
            )
        )
    return fingers


def _tip(
    hand: HandModel,
    links: NDArray[np.int32],
    points: NDArray[np.float32],
    poses: NDArray[np.float64],
) -> tuple[int, NDArray[np.float64]]:
    """Link and course [S, 3] of what is farthest from the joint that moves it.

    `links` [M] and `points` [M, 3] are on the last bodies of one finger, `poses` [S, L, 7].
    """
    moved_by, body, _ = moving_bodies(hand)
    frames = pose_to_matrix(poses)[:, links]
    placed = np.einsum('smij,mj->smi', frames[..., :3, :3], points) + frames[..., :3, 3]
    distance = np.linalg.norm(placed[0] - poses[0, moved_by[body[links]], :3], axis=1)
    farthest = int(np.argmax(distance))
    end = (links == links[farthest]) & (distance > 0.9 * distance[farthest])
    return int(links[farthest]), placed[:, end].mean(axis=1)
