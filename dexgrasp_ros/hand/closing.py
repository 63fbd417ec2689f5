"""Which way each joint closes the hand."""

from __future__ import annotations

import functools
from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.hand_model import JointType
from dexgrasp_ros.hand.anatomy import Anatomy
from dexgrasp_ros.hand.facing import facing
from dexgrasp_ros.hand.kinematics import tree_matrices
from dexgrasp_ros.hand.surface_motion import SurfaceMotion, finite_limits, spread_out
from dexgrasp_ros.hand.tree import KinematicTree

# Joints whose axes are within this of a finger's last one bend it; the others spread or turn it.
BENDING = np.cos(np.radians(30.0))
# A finger curls one way if its tip comes nearer to its base by this share of the tips' ways.
CURL = 0.1
LEAST_WAY = 1e-4  # m; a tip that moves less against its base does not move
# What faces each other must grow by this share from open to closed; the rest is noise of points.
FACING = 0.03
# Tips come nearer to the palm by this share of their ways, or do not.
NEARING = 1.0 / 3.0
# Where along its range a joint is looked at: what faces each other at one end, what at the other.
STATIONS = np.array([0.0, 0.25, 0.75, 1.0])
TIP_POINTS, PALM_POINTS = 120, 400  # that are looked at


@dataclass(frozen=True, kw_only=True)
class Finger:
    """What leads from the palm to one tip."""

    tip: int  # body
    base: int  # link with the joint that it bends about first
    links: tuple[int, ...]  # that move, from the palm on
    own: tuple[int, ...]  # bodies that lead to no other tip
    bending: dict[int, int]  # by joint: sign of its turning about the last axis; 0: both ways


def closing_directions(motion: SurfaceMotion, anatomy: Anatomy) -> NDArray[np.int32]:
    """Sign of each joint's closing motion [J]; 0 for those that close nothing.

    1. A joint bends a finger if its axis is about parallel to the finger's last one. The others
       spread or turn it and close nothing. All that bend a finger close it the same way round.
    2. A finger curls: over the joints' ranges its tip comes nearer to its base. That is the way in
       which it closes, whatever stands around it.
    3. What does not curl is a jaw, a finger of one joint or of parallel links, or one that bends
       both ways alike. It closes to where its surface faces that of other fingers and of the palm
       most, and closest (`facing`).
    4. Where that is much the same at both ends, to where its tip comes nearer to the palm by a
       third of its way.

    Joints are looked at with all others at mid-range; those that follow move with their driver.
    """
    lower, upper = finite_limits(motion.tree)
    middle = 0.5 * (lower + upper)
    joints = np.arange(len(middle))
    postures = np.tile(middle, (len(middle), len(STATIONS), 1))
    postures[joints, :, joints] = lower[:, None] + STATIONS * (upper - lower)[:, None]
    fingers = find_fingers(motion.tree, anatomy)
    course = _Course(motion, anatomy, fingers, motion.matrices(postures))
    meets = functools.cache(course.meeting)
    curling, meeting = defaultdict(float), defaultdict(float)
    for number, finger in enumerate(fingers):
        bends = {joint: way for joint, way in finger.bending.items() if way}
        curl = course.curl(number)
        common = 0.0 if curl else sum(way * meets(joint) for joint, way in bends.items())
        for joint, way in bends.items():
            curling[joint] += way * curl
            meeting[joint] += way * common
        for joint in _alone(finger, motion.tree):
            meeting[joint] += meets(joint)
    closes = np.zeros(len(middle))
    for joint, met in meeting.items():
        closes[joint] = curling[joint] or (met if abs(met) > FACING else course.nearing(joint))
    return np.sign(closes).astype(np.int32)


def find_fingers(tree: KinematicTree, anatomy: Anatomy) -> list[Finger]:
    """Fingers, one for each tip; which joints bend them is seen at mid-range."""
    lower, upper = finite_limits(tree)
    matrices = tree_matrices(tree, 0.5 * (lower + upper))
    chains = [_below_palm(tree, anatomy, tip) for tip in anatomy.tips]
    bodies = [{int(anatomy.bodies[link]) for link in chain} for chain in chains]
    fingers = []
    for number, (tip, chain) in enumerate(zip(anatomy.tips, chains, strict=True)):
        moving = [link for link in chain if tree.coordinates[link] >= 0]
        bending = _bending_links(tree, moving, matrices)
        ways: dict[int, set[int]] = defaultdict(set)
        for link, way in bending.items():
            ways[int(tree.coordinates[link])].add(way)
        # What bends about one axis alone is seen from where the finger begins.
        base = list(bending) if len(bending) > 1 else [*moving, tip]
        others = set().union(*(b for i, b in enumerate(bodies) if i != number))
        fingers.append(
            Finger(
                tip=tip,
                base=base[0],
                links=tuple(moving),
                own=tuple(bodies[number] - others),
                bending={j: way.pop() if len(way) == 1 else 0 for j, way in ways.items()},
            )
        )
    return fingers


def tip_point(
    motion: SurfaceMotion, anatomy: Anatomy, body: int, matrices: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Tip of a body [4], homogeneous, in its frame: mean of the points farthest from its joint."""
    points, _ = motion.placed(matrices, np.flatnonzero(anatomy.bodies[motion.links] == body))
    inverse = np.linalg.inv(matrices[body])
    points = points @ inverse[:3, :3].T + inverse[:3, 3]
    distance = np.linalg.norm(points, axis=1)
    return np.append(points[distance > 0.9 * distance.max()].mean(axis=0), 1.0)


def _below_palm(tree: KinematicTree, anatomy: Anatomy, link: int) -> list[int]:
    """Links from the palm, which is left out, to a link."""
    chain = []
    while link >= 0 and anatomy.bodies[link] != anatomy.palm:
        chain.append(link)
        link = int(tree.link_parents[link])
    return chain[::-1]


def _bending_links(
    tree: KinematicTree, moving: list[int], matrices: NDArray[np.float64]
) -> dict[int, int]:
    """Links whose axes are about parallel to the last one, and which way round they turn."""
    turning = [link for link in moving if tree.joint_types[link] == JointType.REVOLUTE]
    axes = [matrices[link, :3, :3] @ tree.joint_axes[link] for link in turning]
    return {
        link: int(np.sign(tree.multipliers[link] * (axis @ axes[-1])))
        for link, axis in zip(turning, axes, strict=True)
        if abs(axis @ axes[-1]) > BENDING
    }


def _alone(finger: Finger, tree: KinematicTree) -> set[int]:
    """Joints that say nothing about a finger's others: slides, and drivers of parallel links."""
    slides = {
        int(tree.coordinates[link])
        for link in finger.links
        if tree.joint_types[link] == JointType.PRISMATIC
    }
    return slides | {joint for joint, way in finger.bending.items() if way == 0}


class _Course:
    """Where the hand is while each joint goes from its lower to its upper limit."""

    def __init__(
        self,
        motion: SurfaceMotion,
        anatomy: Anatomy,
        fingers: list[Finger],
        placed: NDArray[np.float64],
    ) -> None:
        body = anatomy.bodies[motion.links]
        own = (np.flatnonzero(np.isin(body, finger.own)) for finger in fingers)
        rest = motion.matrices(np.zeros(len(placed)))
        self._motion, self._fingers = motion, fingers
        self._placed = placed  # [J, S, L, 4, 4]
        self._points = [spread_out(points, TIP_POINTS) for points in own]
        self._palm = spread_out(np.flatnonzero(body == anatomy.palm), PALM_POINTS)
        self._tips = [tip_point(motion, anatomy, finger.tip, rest) for finger in fingers]

    def curl(self, number: int) -> float:
        """How much nearer a finger's tip comes to its base as it bends, per way; 0 if hardly.

        Parallel links keep a tip upright: that it moves nearer to its base says nothing.
        """
        finger = self._fingers[number]
        nearer, way = 0.0, 0.0
        for joint, sign in finger.bending.items():
            ends = self._placed[joint, [0, -1]]
            in_base = np.linalg.inv(ends[:, finger.base]) @ ends[:, finger.tip]
            tip = (in_base @ self._tips[number])[:, :3]
            nearer -= sign * np.diff(np.linalg.norm(tip, axis=1))[0]
            way += abs(sign) * np.linalg.norm(tip[1] - tip[0])
        return nearer / way if abs(nearer) > CURL * way + LEAST_WAY else 0.0

    def meeting(self, joint: int) -> float:
        """How much more of the fingers faces palm and other fingers at the joint's end, -1 … 1.

        The mean of both shares. Points count by their ways: what stands beside a joint faces the
        palm all the time.
        """
        surfaces = [self._motion.placed(self._placed[joint], p) for p in self._points]
        palm = self._motion.placed(self._placed[joint], self._palm)
        moved = self._moved(joint)
        by_palm, by_fingers = np.zeros(len(STATIONS)), np.zeros(len(STATIONS))
        for i in moved:
            ways = np.linalg.norm(surfaces[i][0][-1] - surfaces[i][0][0], axis=1)
            ways /= max(ways.sum(), 1e-12)
            if palm[0].size:
                by_palm += facing(surfaces[i], palm).mean(axis=2) @ ways
            for k, other in enumerate(surfaces):
                if k not in moved or k < i:
                    by_fingers += facing(surfaces[i], other).mean(axis=2) @ ways
        return 0.5 * (_growth(by_palm) + _growth(by_fingers))

    def nearing(self, joint: int) -> float:
        """How much nearer the tips come to the palm, per way; 0 if by less than a third of it."""
        ends = self._placed[joint, [0, -1]]
        palm, _ = self._motion.placed(ends, self._palm)  # [2, M, 3]
        nearer, way = 0.0, 0.0
        for i in self._moved(joint) if palm.size else ():
            tip = (ends[:, self._fingers[i].tip] @ self._tips[i])[:, :3]
            nearer -= np.diff(np.linalg.norm(palm - tip[:, None], axis=-1).min(axis=1))[0]
            way += np.linalg.norm(tip[1] - tip[0])
        return nearer / way if abs(nearer) > NEARING * way else 0.0

    def _moved(self, joint: int) -> list[int]:
        """Which fingers a joint moves."""
        coordinates = self._motion.tree.coordinates
        return [i for i, f in enumerate(self._fingers) if joint in coordinates[list(f.links)]]


def _growth(seen: NDArray[np.float64]) -> float:
    """Share from -1 to 1 by which the second half of `STATIONS` sees more than the first."""
    before, after = seen.reshape(2, -1).sum(axis=1)
    return float(after - before) / max(float(after + before), 1e-12)
