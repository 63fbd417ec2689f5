"""The postures that a grasp is executed with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.hand_model import HandModel, JointType
from dexgrasp_ros.synthesis.engine import Look


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


def coordinate_types(hand: HandModel) -> list[JointType]:
    """Kind of each actuated joint [J]: that of the first link it moves."""
    first = [np.flatnonzero(hand.coordinates == j)[0] for j in range(len(hand.joint_names))]
    return [JointType(hand.joint_types[link]) for link in first]
