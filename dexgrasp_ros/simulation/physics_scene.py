"""What every physics scene shares: solver, object in convex pieces, floor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dexgrasp_ros.core.object_model import ObjectModel
from dexgrasp_ros.simulation.physics_settings import PhysicsSettings

if TYPE_CHECKING:
    import mujoco

# Bits of who collides with whom. Geometries of the hand meet each other only in the pairs that
# `HandModel.self_collision_pairs` names, as in the search.
HAND, OBJECT, FLOOR = 1, 2, 4
MEETS = {HAND: OBJECT | FLOOR, OBJECT: HAND | OBJECT | FLOOR, FLOOR: HAND | OBJECT}
# Pairs that can be listed at a time: at grasps of the Shadow hand there are 30 to 150, and a slot
# that is empty costs a step some nanoseconds.
_SLOTS = 256


def set_options(spec: mujoco.MjSpec, settings: PhysicsSettings, floor: ArrayLike | None) -> None:
    """Set solver, gravity (against the normal of `floor` [4], else along -z) and friction."""
    import mujoco

    up = np.array([0.0, 0.0, 1.0]) if floor is None else np.asarray(floor, dtype=np.float64)[:3]
    option, geom = spec.option, spec.default.geom
    option.timestep = settings.time_step
    option.gravity = -settings.gravity * up
    option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    option.cone = mujoco.mjtCone.mjCONE_ELLIPTIC
    option.impratio = settings.impedance_ratio
    option.noslip_iterations = settings.noslip_iterations
    # One contact for each pair of convex shapes, as MuJoCo had it when the protocol was written.
    option.disableflags |= int(mujoco.mjtDisableBit.mjDSBL_MULTICCD)
    # A simulation that blows up shall not start again from rest as if nothing had happened.
    option.disableflags |= int(mujoco.mjtDisableBit.mjDSBL_AUTORESET)
    # Hand and object hang together in one island as a rule; looking for islands costs 3 % of a
    # step and changes nothing but the order of sums.
    option.disableflags |= int(mujoco.mjtDisableBit.mjDSBL_ISLAND)
    geom.condim = settings.contact_dimensions
    geom.friction = [
        settings.sliding_friction,
        settings.torsional_friction,
        settings.rolling_friction,
    ]


def add_object(
    spec: mujoco.MjSpec,
    obj: ObjectModel,
    pieces: Sequence[NDArray[np.float64]],
    settings: PhysicsSettings,
    *,
    name: str = 'object',
) -> None:
    """Add a free body called `name`, whose frame is that of the mesh.

    Its geometries are called `name` and a number. It has the settings' mass, and centre and
    inertia of the true mesh, whatever its convex pieces (corners [V_i, 3] m) are.
    """
    import mujoco

    inertia = obj.inertia * (settings.object_mass / obj.mass)
    body = spec.worldbody.add_body(
        name=name,
        mass=settings.object_mass,
        ipos=obj.center_of_mass,
        fullinertia=[*np.diag(inertia), inertia[0, 1], inertia[0, 2], inertia[1, 2]],
        explicitinertial=True,
    )
    body.add_freejoint(name=name)
    for number, corners in enumerate(pieces):
        spec.add_mesh(name=f'{name}_piece{number}', uservert=np.asarray(corners).ravel())
        body.add_geom(
            name=f'{name}{number}',
            type=mujoco.mjtGeom.mjGEOM_MESH,
            meshname=f'{name}_piece{number}',
            contype=OBJECT,
            conaffinity=MEETS[OBJECT],
        )


def add_floor(spec: mujoco.MjSpec, plane: NDArray[np.float64]) -> None:
    """Add a plane n, d [4] with the free side n·x + d > 0 as a mocap body called ``floor``."""
    import mujoco

    quaternion = np.zeros(4)
    mujoco.mju_quatZ2Vec(quaternion, plane[:3])
    # A mocap body, so that the floor can be lowered.
    body = spec.worldbody.add_body(
        name='floor', mocap=True, pos=-plane[3] * plane[:3], quat=quaternion
    )
    body.add_geom(
        name='floor',
        type=mujoco.mjtGeom.mjGEOM_PLANE,
        size=[0.0, 0.0, 0.01],  # infinite in x and y
        contype=FLOOR,
        conaffinity=MEETS[FLOOR],
    )


def add_pair(spec: mujoco.MjSpec, one: str, other: str, settings: PhysicsSettings) -> None:
    """Let two geometries collide, whatever their bits say, as those of the bits do."""
    friction = [settings.sliding_friction] * 2 + [settings.torsional_friction]
    friction += [settings.rolling_friction] * 2
    spec.add_pair(
        geomname1=one, geomname2=other, condim=settings.contact_dimensions, friction=friction
    )


def add_parked(spec: mujoco.MjSpec) -> None:
    """Add a small ball 1 km away, called ``parked``, which meets nothing."""
    import mujoco

    spec.worldbody.add_geom(
        name='parked',
        type=mujoco.mjtGeom.mjGEOM_SPHERE,
        pos=[1000.0, 0.0, 0.0],
        size=[0.001, 0.0, 0.0],
        contype=0,
        conaffinity=0,
    )


def add_slots(spec: mujoco.MjSpec, settings: PhysicsSettings) -> None:
    """Let nothing collide but what is written into the model's `pair_geom1` and `pair_geom2`."""
    for geom in spec.geoms:
        geom.contype = geom.conaffinity = 0
    for _ in range(_SLOTS):
        add_pair(spec, 'parked', 'object0', settings)
