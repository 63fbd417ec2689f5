"""What had to be guessed about a hand on little ground, as warnings that say how to settle it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.errors import choices
from dexgrasp_ros.core.poses import pose_to_matrix
from dexgrasp_ros.hand.anatomy import Anatomy
from dexgrasp_ros.hand.closing import find_fingers
from dexgrasp_ros.hand.overrides import HandOverrides
from dexgrasp_ros.hand.palm import PalmModel
from dexgrasp_ros.hand.tree import KinematicTree

# At 1 the rival axis would have been as good a choice; from here on it is spoken of.
DOUBTFUL = 0.7


def palm_doubts(
    tree: KinematicTree, anatomy: Anatomy, palm: PalmModel, overrides: HandOverrides
) -> list[str]:
    """Warnings of fingers that nothing closes and of an uncertain approach axis.

    What the overrides state is not doubted.
    """
    warnings = []
    idle = {'hand': set(tree.joint_names)}
    if palm.closing.any():
        idle = _idle_fingers(tree, anatomy, palm)
    for what, joints in idle.items():
        if joints <= set(overrides.closing):
            continue
        warnings.append(
            f'no joint was found to close the {what}; if one does, say so in the overrides, such '
            f"as 'closing: {{{min(joints)}: 1}}', or -1; its joints are {choices(joints)}"
        )
    if palm.doubt > DOUBTFUL and overrides.palm.approach is None:
        axis = pose_to_matrix(palm.palm_pose)[:3, 2]
        warnings.append(
            f'the approach axis of the palm is uncertain: {_yaml(axis)} is taken, and '
            f"{_yaml(palm.rival)} would do as well; 'palm: {{approach: {_yaml(palm.rival)}}}' in "
            'the overrides changes it'
        )
    return warnings


def _idle_fingers(tree: KinematicTree, anatomy: Anatomy, palm: PalmModel) -> dict[str, set[str]]:
    """Fingers that have joints of which none closes, by what to call them, and their joints."""
    idle = {}
    for finger in find_fingers(tree, anatomy):
        joints = {int(tree.coordinates[link]) for link in finger.links}
        if joints and not palm.closing[list(joints)].any():
            name = f"finger of '{tree.link_names[finger.tip]}'"
            idle[name] = {tree.joint_names[joint] for joint in joints}
    return idle


def _yaml(vector: NDArray[np.float64]) -> str:
    """Numbers of a direction as YAML writes them."""
    return f'[{", ".join(f"{v + 0.0:.2f}" for v in np.round(vector, 2))}]'
