"""Gain, inertia and damping of simulated joints: quick, and none rings, however heavy it is.

In a time step h of MuJoCo's integrator *implicitfast*, damping b acts on the velocity at the end
of the step and the gain k on the position at its start. Of one joint of inertia M that is

    M (v⁺ - v) / h = k (q* - q) - b v⁺,        q⁺ = q + h v⁺.

- It is stable where h² k < 4 M + 2 h b; for many joints with a matrix of inertia M, where
  4 M + 2 h diag(b) - h² diag(k) is positive definite. M holds at least the joints' own inertia
  (*armature*) a, so h² k < 4 a + 2 h b for each joint is enough, whatever the links weigh.
- It does not overshoot where b ≥ 2 √(k M) + h k: the damping that is critical without steps, and
  what the gain's late position asks for.

So a and b are proportional to k, which makes joints without load equally quick, be they hinges of
5 N m/rad or jaws of 20 kN/m; and b rises with M where the links are heavy.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.hand_model import HandModel, JointType
from dexgrasp_ros.hand.kinematics import driving_links
from dexgrasp_ros.simulation.physics_settings import PhysicsSettings

# N/m, of a jaw with 500 N, the strongest there are. A slide that follows with a ratio near zero
# would get the inertia of a lorry, and the solver's tolerance is relative to the mean inertia.
_STIFFEST_FOLLOWER = 1e5


def drive_gains(hand: HandModel, settings: PhysicsSettings) -> NDArray[np.float64]:
    """Gain [J] of every actuator, N m/rad or N/m: the protocol's for hinges, else the hand's."""
    sliding = hand.joint_types[driving_links(hand)] == JointType.PRISMATIC
    return np.where(sliding, hand.joint_stiffness, settings.joint_gain)


def joint_gains(hand: HandModel, settings: PhysicsSettings) -> NDArray[np.float64]:
    """Gain [L] with which the joint of each link is held, N m/rad or N/m; 0 where none moves.

    A joint that follows another one by the ratio m is held by that one's actuator with k / m². It
    counts with no more than what such a joint has by itself, since its own inertia need not be
    larger.
    """
    drives, links = drive_gains(hand, settings), driving_links(hand)
    gains = np.zeros(len(hand.link_names))
    moving = np.flatnonzero(hand.coordinates >= 0)
    sliding = hand.joint_types[moving] == JointType.PRISMATIC
    most = np.where(sliding, _STIFFEST_FOLLOWER, settings.joint_gain)
    drive = drives[hand.coordinates[moving]]
    gains[moving] = drive / np.maximum(hand.multipliers[moving] ** 2, drive / most)
    gains[links] = drives
    return gains


def joint_dampings(
    hand: HandModel,
    gains: NDArray[np.float64],
    inertia: NDArray[np.float64],
    settings: PhysicsSettings,
) -> NDArray[np.float64]:
    """Damping [L] of the joint of each link, N m s/rad or N s/m.

    By itself it is proportional to the gain. A swing decays as exp(-b t / (2 M)): where that takes
    longer than `PhysicsSettings.ringing_time`, since the links are heavy, b is larger. It is never
    larger than what keeps the joint from swinging at all: more would only make it slow, as it
    would a joint that many others follow. Joints that move together count together, and have
    their damping by their inertia.

    Parameters
    ----------
    hand, settings
        The hand, and how it is simulated.
    gains
        From `joint_gains`.
    inertia
        [L] that the joint of each link moves, its own included; kg m^2 or kg.
    """
    moving = np.flatnonzero(hand.coordinates >= 0)
    coordinates = hand.coordinates[moving]
    together = np.bincount(
        coordinates, hand.multipliers[moving] ** 2 * inertia[moving], len(hand.joint_names)
    )
    square = drive_gains(hand, settings) / together  # of the natural frequency, 1/s^2
    critical = 2.0 * np.sqrt(square) + settings.time_step * square  # b / M, 1/s
    least = np.minimum(critical, 2.0 / settings.ringing_time)
    dampings = gains * settings.damping_per_gain
    dampings[moving] = np.clip(
        dampings[moving],
        least[coordinates] * inertia[moving],
        critical[coordinates] * inertia[moving],
    )
    return dampings
