"""A hand, an object in convex pieces and perhaps a floor as a compiled MuJoCo model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.core.object_model import ObjectModel
from dexgrasp_ros.hand.kinematics import driving_links
from dexgrasp_ros.simulation.physics_hand import add_hand, add_self_pairs, driven_links
from dexgrasp_ros.simulation.physics_scene import (
    HAND,
    MEETS,
    add_floor,
    add_object,
    add_parked,
    add_slots,
    set_options,
)
from dexgrasp_ros.simulation.physics_settings import PhysicsSettings

if TYPE_CHECKING:
    import mujoco

# With more degrees of freedom than this, steps are faster with sparse matrices, which MuJoCo takes
# from 60 on by itself: -12 % with the Shadow hand's 34, nothing with the Allegro's 28, +4 % with
# the Barrett's. Only the order of sums differs.
_MOST_DENSE = 30


@dataclass(frozen=True, kw_only=True)
class PhysicsModel:
    """A compiled model with the addresses of what moves; it can be pickled."""

    model: mujoco.MjModel  # in which all that may collide does
    near: mujoco.MjModel  # of the same sizes; only what `NearPairs` lists collides
    parked: int  # a geometry that is nowhere near
    hand_body: int
    object_body: int
    floor: NDArray[np.float64] | None  # [4] plane n, d with the free side n·x + d > 0
    hand_address: int  # of the root's free joint in qpos: x y z qw qx qy qz
    object_address: int
    joint_addresses: NDArray[np.int64]  # [M] in qpos, of every moving joint of the hand
    coordinates: NDArray[np.int64]  # [M] which actuated joint each follows
    multipliers: NDArray[np.float64]  # [M]
    offsets: NDArray[np.float64]  # [M] rad or m
    object_geometries: NDArray[np.bool_]  # [geoms]
    hand_geometries: NDArray[np.bool_]  # [geoms]

    def place(
        self,
        data: mujoco.MjData,
        base_pose: ArrayLike,
        q: ArrayLike,
        *,
        object_pose: ArrayLike | None = None,
        floor_drop: float = 0.0,
    ) -> None:
        """Reset everything, at rest.

        Parameters
        ----------
        data
            What to reset.
        base_pose, q
            Where the hand stands: pose of its root [7] and joints [J].
        object_pose
            Pose of the object's mesh frame [7]; default: the world's.
        floor_drop
            How far the floor is below its place, m.
        """
        import mujoco

        mujoco.mj_resetData(self.model, data)
        if object_pose is not None:
            address = slice(self.object_address, self.object_address + 7)
            data.qpos[address] = mujoco_pose(object_pose)
        if self.floor is not None:
            # The floor's mocap body is the second, after the hand's.
            data.mocap_pos[1] = -(self.floor[3] + floor_drop) * self.floor[:3]
        pose = mujoco_pose(base_pose)
        data.qpos[self.hand_address : self.hand_address + 7] = pose
        self.move_wrist(data, base_pose)
        q = np.asarray(q, dtype=np.float64)
        data.qpos[self.joint_addresses] = self.multipliers * q[self.coordinates] + self.offsets
        data.ctrl[:] = q
        mujoco.mj_forward(self.model, data)

    def move_wrist(self, data: mujoco.MjData, base_pose: ArrayLike) -> None:
        """Move the mocap body that the hand's root is welded to."""
        pose = mujoco_pose(base_pose)
        data.mocap_pos[0], data.mocap_quat[0] = pose[:3], pose[3:]

    def depths(self, data: mujoco.MjData) -> tuple[float, float, float]:
        """Deepest contact [m] of hand with object, of hand with itself, of hand with floor."""
        deepest = [0.0, 0.0, 0.0]
        for one, other, distance in zip(
            data.contact.geom1, data.contact.geom2, data.contact.dist, strict=True
        ):
            hands = int(self.hand_geometries[one]) + int(self.hand_geometries[other])
            touches = self.object_geometries[one] or self.object_geometries[other]
            if hands:
                kind = 1 if hands == 2 else 0 if touches else 2
                deepest[kind] = max(deepest[kind], -float(distance))
        return deepest[0], deepest[1], deepest[2]


def build_physics(
    hand: HandModel,
    obj: ObjectModel,
    pieces: Sequence[NDArray[np.float64]],
    settings: PhysicsSettings,
    *,
    floor: ArrayLike | None = None,
) -> PhysicsModel:
    """Compile hand, object and floor; the world is the frame of the object's mesh.

    The hand's root is free and welded to a mocap body; every actuated joint has a position
    actuator with the URDF's effort limit; mimic joints are equality constraints. The object has
    the settings' mass, and centre and inertia of its true mesh, whatever its pieces are.

    Parameters
    ----------
    hand, obj
        From `load_hand` and `load_object`.
    pieces
        Corners of the object's convex pieces, [V_i, 3] m each.
    settings
        Contact and actuation.
    floor
        Plane n, d [4] in the frame of the object's mesh, free side n·x + d > 0; gravity points
        against n (without a floor along -z).
    """
    import mujoco

    plane = None if floor is None else np.asarray(floor, dtype=np.float64)
    spec = _scene(hand, obj, pieces, settings, plane)
    add_self_pairs(spec, hand, settings)
    near = _scene(hand, obj, pieces, settings, plane)
    add_slots(near, settings)
    models = spec.compile(), near.compile()
    if models[0].nv > _MOST_DENSE:
        for model in models:
            model.opt.jacobian = mujoco.mjtJacobian.mjJAC_SPARSE
    return _with_addresses(*models, hand, plane)


def _scene(
    hand: HandModel,
    obj: ObjectModel,
    pieces: Sequence[NDArray[np.float64]],
    settings: PhysicsSettings,
    floor: NDArray[np.float64] | None,
) -> mujoco.MjSpec:
    """Everything but the pairs of geometries that are to collide beside what their bits say."""
    import mujoco

    spec = mujoco.MjSpec()
    spec.compiler.degree = False
    set_options(spec, settings, floor)
    add_parked(spec)
    add_wrist(spec, hand, settings)
    add_object(spec, obj, pieces, settings)
    if floor is not None:
        add_floor(spec, floor)
    return spec


def add_wrist(spec: mujoco.MjSpec, hand: HandModel, settings: PhysicsSettings) -> None:
    """Add a hand whose root is free and welded to a mocap body, the first one of the model."""
    import mujoco

    spec.worldbody.add_body(name='mocap', mocap=True)
    add_hand(spec, hand, settings, collide=(HAND, MEETS[HAND]))
    weld = spec.add_equality(
        type=mujoco.mjtEq.mjEQ_WELD,
        objtype=mujoco.mjtObj.mjOBJ_BODY,
        name1='mocap',
        name2='hand',
        solref=[settings.weld_time, 1.0],
    )
    # Anchor 0; relative pose: a zero quaternion means that of the model; weight of the rotation 1.
    weld.data[:11] = [0.0] * 10 + [1.0]


def mujoco_pose(pose: ArrayLike) -> NDArray[np.float64]:
    """Pose [x y z qx qy qz qw] in MuJoCo's order [x y z qw qx qy qz]."""
    return np.asarray(pose, dtype=np.float64)[[0, 1, 2, 6, 3, 4, 5]]


def _with_addresses(
    model: mujoco.MjModel,
    near: mujoco.MjModel,
    hand: HandModel,
    floor: NDArray[np.float64] | None,
) -> PhysicsModel:
    links = np.concatenate([driving_links(hand), driven_links(hand)])
    names = [model.geom(g).name for g in range(model.ngeom)]
    return PhysicsModel(
        model=model,
        near=near,
        parked=model.geom('parked').id,
        hand_body=model.body('hand').id,
        object_body=model.body('object').id,
        floor=floor,
        hand_address=int(model.joint('hand').qposadr[0]),
        object_address=int(model.joint('object').qposadr[0]),
        joint_addresses=np.array([model.joint(f'joint{k}').qposadr[0] for k in links]),
        coordinates=hand.coordinates[links].astype(np.int64),
        multipliers=hand.multipliers[links],
        offsets=hand.offsets[links],
        object_geometries=np.array([n.startswith('object') for n in names]),
        hand_geometries=np.array([n.startswith('group') for n in names]),
    )
