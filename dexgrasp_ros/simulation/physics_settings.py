"""Numbers of a physics scene, one place for shake tests and simulated hands."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class PhysicsSettings:
    """How MuJoCo simulates a hand and an object.

    The defaults are the setting "fc" of DexGraspBench (Chen et al. 2025): contacts that creep as
    little as MuJoCo's soft model allows.
    """

    time_step: float = 0.004  # s
    gravity: float = 0.0  # m/s^2, toward the floor
    sliding_friction: float = 0.6  # 1
    torsional_friction: float = 0.02  # m
    # Unused by contacts of four dimensions; MuJoCo's default.
    rolling_friction: float = 0.0001  # m
    contact_dimensions: int = 4  # normal, two tangents, torsion about the normal
    impedance_ratio: float = 10.0  # of friction to normal constraints (impratio)
    noslip_iterations: int = 2
    object_mass: float = 0.1  # kg
    joint_gain: float = 5.0  # N m/rad, of the position actuators of revolute joints
    # Of every joint, by its gain. For hinges of 5 N m/rad these are 0.05 N m s/rad and 0.0002
    # kg m^2, which the Shadow hand has in MuJoCo's model collection: light fingers that do not
    # ring. See `joint_dynamics`.
    damping_per_gain: float = 0.01  # s
    armature_per_gain: float = 4e-5  # s^2
    # In which the swings of a loaded joint fall to 1/e; the hand closes in eight times this.
    ringing_time: float = 0.05  # s
    # Joints that follow another one by a positive ratio hang on one tendon with it: their sum is
    # what follows, and where one link is stopped the others go on. Else each keeps its ratio.
    shared_tendons: bool = False
    link_density: float = 1000.0  # kg/m^3; URDFs' masses are often missing or zero
    # Time constant of the weld between wrist and mocap body; two time steps are the least.
    weld_time: float = 0.01  # s
