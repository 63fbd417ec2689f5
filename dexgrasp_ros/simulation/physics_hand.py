"""A hand as MuJoCo bodies: tree, collision geometry, mimic joints, position actuators."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.hand_model import GeometryType, HandModel, JointType
from dexgrasp_ros.core.poses import compose, matrix_to_pose
from dexgrasp_ros.hand.kinematics import driving_links, joint_motion
from dexgrasp_ros.simulation.joint_dynamics import drive_gains, joint_dampings, joint_gains
from dexgrasp_ros.simulation.physics_scene import add_pair
from dexgrasp_ros.simulation.physics_settings import PhysicsSettings

if TYPE_CHECKING:
    import mujoco

# A moving body must have mass; links without geometry get that of a small screw.
_BARE_MASS, _BARE_INERTIA = 0.001, 1e-7  # kg, kg m^2
_LEAST_MASS, _LEAST_INERTIA = 1e-9, 1e-14  # of specks and hairs, which MuJoCo would refuse
# s, time constant of the coupling of mimic joints; two time steps are the least. With it, and the
# joints' own inertia, a coupling is at least four times as stiff as the gain of a hinge it moves.
_MIMIC_TIME = 0.01
# MuJoCo makes constraints twice as soft within 0.001 of their place. That is little for a hinge
# (1 mrad), but 1 mm is much for a jaw: slides get an impedance that does not depend on it, and
# with 0.99 in place of 0.95 a coupling that gives way a twentieth as far as the drive itself.
_SLIDE_IMPEDANCE = [0.99, 0.99, 0.001, 0.5, 2.0]


def driven_links(hand: HandModel) -> NDArray[np.int64]:
    """Links whose joints follow another one."""
    moving = np.flatnonzero(hand.coordinates >= 0)
    return np.setdiff1d(moving, driving_links(hand))


def add_hand(
    spec: mujoco.MjSpec, hand: HandModel, settings: PhysicsSettings, *, collide: tuple[int, int]
) -> None:
    """Add a hand with a free root called ``hand``.

    Bodies are called ``link<l>``, joints ``joint<l>``, geometries ``group<g>`` and actuators
    ``actuator<j>`` by their indices in the `HandModel`.

    Parameters
    ----------
    spec
        What to add to.
    hand, settings
        What to add.
    collide
        MuJoCo's ``contype`` and ``conaffinity`` of the geometries.
    """
    spec.compiler.boundmass, spec.compiler.boundinertia = _LEAST_MASS, _LEAST_INERTIA
    bodies = []
    for link, parent in enumerate(hand.link_parents):
        if parent < 0:
            body = spec.worldbody.add_body(name='hand')
            body.add_freejoint(name='hand')
        else:
            body = bodies[parent].add_body(name=f'link{link}', **_pose(_link_origin(hand, link)))
        body.gravcomp = 1.0  # controllers of hands carry the fingers' own weight
        bodies.append(body)
        if hand.coordinates[link] >= 0:
            _add_joint(body, hand, link)
        if not (hand.geometry_links == link).any():
            body.mass, body.inertia = _BARE_MASS, [_BARE_INERTIA] * 3
            body.explicitinertial = True
    for group, link in enumerate(hand.geometry_links):
        _add_geometry(spec, bodies[link], hand, group, settings, collide)
    _set_dynamics(spec, hand, settings)
    tendons = _tendon_links(hand) if settings.shared_tendons else np.empty(0, dtype=np.int64)
    _add_couplings(spec, hand, np.setdiff1d(driven_links(hand), tendons))
    _add_actuators(spec, hand, settings, tendons)


def add_self_pairs(spec: mujoco.MjSpec, hand: HandModel, settings: PhysicsSettings) -> None:
    """Let the geometries of the hand collide that `HandModel.self_collision_pairs` names."""
    for one, other in hand.self_collision_pairs:
        add_pair(spec, f'group{one}', f'group{other}', settings)


def _pose(pose: NDArray[np.float64]) -> dict[str, list[float]]:
    """`pos` and `quat` of a MuJoCo element from [x y z qx qy qz qw]."""
    return {'pos': pose[:3].tolist(), 'quat': pose[[6, 3, 4, 5]].tolist()}


def _link_origin(hand: HandModel, link: int) -> NDArray[np.float64]:
    """Pose [7] of a link in its parent, at zero of its joint, or where the joint is locked."""
    origin = hand.joint_origins[link]
    if hand.coordinates[link] >= 0:
        return origin
    motion = joint_motion(hand.joint_types[link], hand.joint_axes[link], hand.offsets[link])
    return compose(origin, matrix_to_pose(motion))


def _add_joint(body: mujoco.MjsBody, hand: HandModel, link: int) -> None:
    import mujoco

    sliding = hand.joint_types[link] == JointType.PRISMATIC
    joint = body.add_joint(
        name=f'joint{link}',
        type=mujoco.mjtJoint.mjJNT_SLIDE if sliding else mujoco.mjtJoint.mjJNT_HINGE,
        axis=hand.joint_axes[link],
    )
    # Mimic joints stop where the joint that they follow stops.
    coordinate = hand.coordinates[link]
    limits = hand.lower[coordinate], hand.upper[coordinate]
    if link in driving_links(hand) and np.isfinite(limits).all():
        joint.range = limits
        joint.limited = mujoco.mjtLimited.mjLIMITED_TRUE


def _add_geometry(
    spec: mujoco.MjSpec,
    body: mujoco.MjsBody,
    hand: HandModel,
    group: int,
    settings: PhysicsSettings,
    collide: tuple[int, int],
) -> None:
    import mujoco

    kinds = {
        GeometryType.BOX: mujoco.mjtGeom.mjGEOM_BOX,
        GeometryType.SPHERE: mujoco.mjtGeom.mjGEOM_SPHERE,
        GeometryType.CYLINDER: mujoco.mjtGeom.mjGEOM_CYLINDER,
        GeometryType.CAPSULE: mujoco.mjtGeom.mjGEOM_CAPSULE,
        GeometryType.CONVEX: mujoco.mjtGeom.mjGEOM_MESH,
    }
    kind = GeometryType(hand.geometry_types[group])
    geom = body.add_geom(
        name=f'group{group}',
        type=kinds[kind],
        density=settings.link_density,
        contype=collide[0],
        conaffinity=collide[1],
        **_pose(hand.geometry_poses[group]),
    )
    if kind is GeometryType.CONVEX:
        corners = hand.geometry_meshes[group].vertices
        spec.add_mesh(name=f'group{group}', uservert=corners.ravel())
        geom.meshname = f'group{group}'
    else:
        geom.size = hand.geometry_sizes[group]


def _set_dynamics(spec: mujoco.MjSpec, hand: HandModel, settings: PhysicsSettings) -> None:
    """Set the joints' own inertia and, by what they then move, their damping."""
    gains, moving = joint_gains(hand, settings), np.flatnonzero(hand.coordinates >= 0)
    for link in moving:
        spec.joint(f'joint{link}').armature = gains[link] * settings.armature_per_gain
    model = spec.compile()  # only to know what the links weigh
    inertia = np.zeros(len(hand.link_names))
    inertia[moving] = [model.dof_M0[model.joint(f'joint{k}').dofadr[0]] for k in moving]
    dampings = joint_dampings(hand, gains, inertia, settings)
    for link in moving:
        spec.joint(f'joint{link}').damping = [dampings[link], 0.0, 0.0]


def _tendon_links(hand: HandModel) -> NDArray[np.int64]:
    """Links whose joints can share a tendon with the one that they follow."""
    links = driven_links(hand)
    leaders = driving_links(hand)[hand.coordinates[links]]
    alike = hand.joint_types[links] == hand.joint_types[leaders]
    return links[alike & (hand.multipliers[links] > 0.0)]


def _add_couplings(spec: mujoco.MjSpec, hand: HandModel, links: NDArray[np.int64]) -> None:
    """Add q_mimic = offset + multiplier q for the mimic joints of these links."""
    import mujoco

    sliding = hand.joint_types == JointType.PRISMATIC
    leaders = driving_links(hand)
    for link in links:
        one, other = link, leaders[hand.coordinates[link]]
        offset, multiplier = hand.offsets[link], hand.multipliers[link]
        # A coupling is as soft as the sum of both joints' inverse inertias says, and MuJoCo adds
        # 1/kg to 1/(kg m^2). A hinge has thousands of these, so its position is what is coupled.
        if sliding[one] and not sliding[other] and multiplier:
            one, other = other, one
            offset, multiplier = -offset / multiplier, 1.0 / multiplier
        coupling = spec.add_equality(
            type=mujoco.mjtEq.mjEQ_JOINT,
            objtype=mujoco.mjtObj.mjOBJ_JOINT,
            name1=f'joint{one}',
            name2=f'joint{other}',
            solref=[_MIMIC_TIME, 1.0],
        )
        if sliding[one]:
            coupling.solimp = _SLIDE_IMPEDANCE
        coupling.data[:5] = [offset, multiplier, 0.0, 0.0, 0.0]


def _add_actuators(
    spec: mujoco.MjSpec, hand: HandModel, settings: PhysicsSettings, tendons: NDArray[np.int64]
) -> None:
    """Add a position controller for every actuated joint, or for the tendon that it shares.

    Of joints q_k = o_k + m_k q on a tendon the length is Σ_k (q_k - o_k) / Σ_k m_k, which is q
    where all of them keep their ratio; its force is then shared out by the same numbers.
    """
    import mujoco

    gains = drive_gains(hand, settings)
    for joint, link in enumerate(driving_links(hand)):
        effort = hand.effort_limits[joint]
        own = tendons[hand.coordinates[tendons] == joint]
        shared = _add_tendon(spec, hand, joint, own) if len(own) else None
        actuator = spec.add_actuator(
            name=f'actuator{joint}',
            target=shared or f'joint{link}',
            trntype=mujoco.mjtTrn.mjTRN_TENDON if shared else mujoco.mjtTrn.mjTRN_JOINT,
        )
        if np.isfinite(effort):
            actuator.forcerange = [-effort, effort]
            actuator.forcelimited = mujoco.mjtLimited.mjLIMITED_TRUE
        actuator.set_to_position(kp=gains[joint])
        if shared:
            offset = hand.offsets[own].sum() / (1.0 + hand.multipliers[own].sum())
            actuator.biasprm[0] = gains[joint] * offset


def _add_tendon(spec: mujoco.MjSpec, hand: HandModel, joint: int, links: NDArray[np.int64]) -> str:
    """Add the tendon of an actuated joint and of those of `links`, which stop at their limits."""
    import mujoco

    name, share = f'tendon{joint}', 1.0 / (1.0 + hand.multipliers[links].sum())
    tendon = spec.add_tendon(name=name)
    tendon.wrap_joint(f'joint{driving_links(hand)[joint]}', share)
    limits = np.array([hand.lower[joint], hand.upper[joint]])
    for link in links:
        tendon.wrap_joint(f'joint{link}', share)
        if np.isfinite(limits).all():
            follower = spec.joint(f'joint{link}')
            follower.range = hand.multipliers[link] * limits + hand.offsets[link]
            follower.limited = mujoco.mjtLimited.mjLIMITED_TRUE
    return name
