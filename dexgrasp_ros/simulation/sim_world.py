"""A world that is simulated: a hand that follows trajectories, objects on a table, gravity.

What moves an object is contact alone: every object is a free body, and no constraint of the model
(the weld of the hand's wrist, the couplings of its mimic joints) names one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dexgrasp_ros.core.errors import CommandError, choices
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.core.poses import matrix_to_pose, pose_to_matrix
from dexgrasp_ros.hand.kinematics import driving_links
from dexgrasp_ros.simulation.paths import PosePath, TimedPath
from dexgrasp_ros.simulation.physics_hand import add_self_pairs, driven_links
from dexgrasp_ros.simulation.physics_model import add_wrist, mujoco_pose
from dexgrasp_ros.simulation.physics_scene import add_floor, add_object, set_options
from dexgrasp_ros.simulation.physics_settings import PhysicsSettings
from dexgrasp_ros.simulation.standing_objects import StandingObject
from dexgrasp_ros.simulation.unwarned import unwarned

if TYPE_CHECKING:
    import mujoco

TABLE = np.array([0.0, 0.0, 1.0, 0.0])  # plane n, d of the world's z = 0
# How a wrist gets up to speed: it is behind its path by twice this time, and a jump of the speed
# by v is an acceleration of v / time at most. At 0.1 m/s these are 6 mm and 3 m/s^2.
_WRIST_TIME = 0.03  # s
_PALM_HEIGHT = 0.40  # m, of the palm above the table at the start
_PALM_BACK = 0.30  # m, along -x from the middle of the table
# m, of a wrist from the middle of the table; from 1 km in a moment the physics do not recover.
_FARTHEST = 10.0


class SimWorld:
    """A hand and objects on the table z = 0, z up.

    Parameters
    ----------
    hand
        From `load_hand`.
    objects
        From `stand_objects`.
    settings
        Contact and actuation; the objects' mass is theirs as well.
    """

    def __init__(
        self,
        hand: HandModel,
        objects: Sequence[StandingObject],
        settings: PhysicsSettings = PhysicsSettings(gravity=9.81),  # noqa: B008 (frozen)
    ) -> None:
        import mujoco

        self.hand, self.objects = hand, tuple(objects)
        self._model = _compile(hand, objects, settings)
        self._data = mujoco.MjData(self._model)
        model = self._model
        links = np.sort(np.concatenate([driving_links(hand), driven_links(hand)]))
        self.moving_links = links  # [M] links whose joints move, in the hand's order
        joints = [model.joint(f'joint{k}') for k in links]
        self._positions = np.array([j.qposadr[0] for j in joints])
        self._velocities = np.array([j.dofadr[0] for j in joints])
        self._bodies = np.array(
            [model.body('hand' if k == 0 else f'link{k}').id for k in range(len(hand.link_names))]
        )
        self._object_bodies = np.array([model.body(_name(o)).id for o in objects], dtype=np.int64)
        self.reset()

    @property
    def time(self) -> float:
        """Since the last reset [s]."""
        return float(self._data.time)

    def reset(self) -> None:
        """Put everything where it starts, at rest."""
        import mujoco

        model, data, hand = self._model, self._data, self.hand
        mujoco.mj_resetData(model, data)
        for thing in self.objects:
            address = model.joint(_name(thing)).qposadr[0]
            data.qpos[address : address + 7] = mujoco_pose(thing.pose)
        pose, q = start_pose(hand), hand.preshape
        data.qpos[model.joint('hand').qposadr[0] :][:7] = mujoco_pose(pose)
        links = self.moving_links
        data.qpos[self._positions] = (
            hand.multipliers[links] * q[hand.coordinates[links]] + hand.offsets[links]
        )
        self._fingers, self._wrist = TimedPath(q), PosePath(pose)
        self._wrist_pose, self._wrist_speed = pose.copy(), np.zeros(7)
        self._drive()
        with unwarned():
            mujoco.mj_forward(model, data)

    def step(self, count: int = 1) -> None:
        """Make time steps."""
        import mujoco

        with unwarned():
            for _ in range(count):
                self._move_wrist()
                self._drive()
                mujoco.mj_step(self._model, self._data)

    def run(self, seconds: float) -> None:
        """Make time steps for at least `seconds`."""
        self.step(math.ceil(seconds / self._model.opt.timestep - 1e-9))

    @property
    def time_step(self) -> float:
        """Seconds of a step."""
        return float(self._model.opt.timestep)

    @property
    def is_sane(self) -> bool:
        """Whether the simulation has not blown up."""
        return bool(np.isfinite(self._data.qpos).all() and np.isfinite(self._data.qvel).all())

    def follow_fingers(
        self,
        names: Sequence[str],
        points: ArrayLike,
        times: ArrayLike,
        begin: float | None = None,
    ) -> None:
        """Follow positions [K, J] of joints `names` from where they are commanded to now.

        Without points the joints hold what they are commanded to, so that a hand that presses
        presses on. `begin` is in time of the world [s], by default now.

        Raises
        ------
        CommandError
            INVALID_COMMAND.
        """
        own = self.hand.joint_names
        if sorted(names) != sorted(own):
            raise CommandError(
                f'A trajectory is for joints {choices(names)}; expected all of {choices(own)}.'
            )
        points = np.asarray(points, dtype=np.float64).reshape(-1, len(own))
        points = points[:, [list(names).index(name) for name in own]]
        self._fingers = TimedPath(
            self._fingers.at(self.time), points, times, self.time if begin is None else begin
        )

    def follow_wrist(self, poses: ArrayLike, times: ArrayLike, begin: float | None = None) -> None:
        """Follow poses [K, 7] of the hand's root link; see `follow_fingers`.

        Raises
        ------
        CommandError
            INVALID_COMMAND, also for places that are too far away.
        """
        poses = np.asarray(poses, dtype=np.float64).reshape(-1, 7)
        away = np.linalg.norm(poses[:, :3], axis=1).max(initial=0.0)
        if away > _FARTHEST:
            raise CommandError(
                f'The wrist would go {away:g} m from the middle of the table; expected at most'
                f' {_FARTHEST:g} m.'
            )
        self._wrist = PosePath(
            self._wrist_pose, poses, times, self.time if begin is None else begin
        )

    def joint_states(self) -> tuple[NDArray, NDArray, NDArray]:
        """Positions, velocities and efforts [M] of the joints of `moving_links`.

        Joints that follow another one have no actuator, and no effort.
        """
        data = self._data
        efforts = np.zeros(len(self.moving_links))
        driving = np.searchsorted(self.moving_links, driving_links(self.hand))
        efforts[driving] = data.actuator_force
        return data.qpos[self._positions], data.qvel[self._velocities], efforts

    def link_poses(self) -> NDArray[np.float64]:
        """Pose of every link in the world [L, 7]."""
        return self._poses(self._bodies)

    def object_poses(self) -> NDArray[np.float64]:
        """Pose of every object's mesh frame in the world [N, 7]."""
        return self._poses(self._object_bodies)

    def contacts_of(self, label: int) -> set[str]:
        """Names of what touches the object `label`: links of the hand, other objects, `table`."""
        model, data, found = self._model, self._data, set()
        names = {int(b): name for b, name in zip(self._bodies, self.hand.link_names, strict=True)}
        names |= {int(b): o.name for b, o in zip(self._object_bodies, self.objects, strict=True)}
        own = model.body(f'object_{label}_').id
        for one, other in model.geom_bodyid[data.contact.geom].tolist():
            if own in (one, other):
                found.add(names.get(other if one == own else one, 'table'))
        return found

    def _poses(self, bodies: NDArray[np.int64]) -> NDArray[np.float64]:
        return np.hstack([self._data.xpos[bodies], self._data.xquat[bodies][:, [1, 2, 3, 0]]])

    def _move_wrist(self) -> None:
        """Move the wrist towards its path as a critically damped oscillator of the target."""
        target, step = self._wrist.at(self.time), self.time_step
        if target[3:] @ self._wrist_pose[3:] < 0.0:
            target = np.append(target[:3], -target[3:])
        # Exact for a target that stands still: x - target = (a + b t) exp(-t / T).
        off, decay = self._wrist_pose - target, math.exp(-step / _WRIST_TIME)
        slope = self._wrist_speed + off / _WRIST_TIME
        self._wrist_pose = target + (off + slope * step) * decay
        self._wrist_speed = (self._wrist_speed - slope * step / _WRIST_TIME) * decay
        self._wrist_pose[3:] /= np.linalg.norm(self._wrist_pose[3:])

    def _drive(self) -> None:
        pose = mujoco_pose(self._wrist_pose)
        self._data.mocap_pos[0], self._data.mocap_quat[0] = pose[:3], pose[3:]
        self._data.ctrl[:] = self._fingers.at(self.time)


def start_pose(hand: HandModel) -> NDArray[np.float64]:
    """Pose [7] of the root link with the palm 40 cm above the table, looking down.

    The palm stands 30 cm behind the middle of the table (along -x), and what lies behind it (a
    forearm) points away.
    """
    palm = pose_to_matrix(hand.palm_pose)
    down = palm[:3, 2]
    # From the root's origin to the palm, as far as that is across the palm's axis.
    ahead = palm[:3, 3] - (palm[:3, 3] @ down) * down
    if np.linalg.norm(ahead) < 0.03:
        ahead = palm[:3, 0]
    ahead = ahead / np.linalg.norm(ahead)
    local = np.column_stack([ahead, np.cross(-down, ahead), -down])
    matrix = np.eye(4)
    matrix[:3, :3] = local.T
    matrix[:3, 3] = [-_PALM_BACK, 0.0, _PALM_HEIGHT] - local.T @ palm[:3, 3]
    return matrix_to_pose(matrix)


def _compile(
    hand: HandModel, objects: Sequence[StandingObject], settings: PhysicsSettings
) -> mujoco.MjModel:
    """Hand, objects and table, all of which collide, the hand with itself as well."""
    import mujoco

    spec = mujoco.MjSpec()
    spec.compiler.degree = False
    set_options(spec, settings, TABLE)
    add_wrist(spec, hand, settings)
    add_self_pairs(spec, hand, settings)
    for thing in objects:
        add_object(spec, thing.obj, thing.pieces, settings, name=_name(thing))
    add_floor(spec, TABLE)
    return spec.compile()


def _name(thing: StandingObject) -> str:
    # The underscore keeps geometries of objects 1 and 11 apart.
    return f'object_{thing.label}_'
