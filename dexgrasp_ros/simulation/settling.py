"""Where an object comes to rest on a floor when nothing holds it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dexgrasp_ros.core.errors import ErrorCode, InputError, ObjectError
from dexgrasp_ros.core.object_model import ObjectModel
from dexgrasp_ros.core.poses import pose_to_matrix
from dexgrasp_ros.simulation.physics_scene import add_floor, add_object, set_options
from dexgrasp_ros.simulation.physics_settings import PhysicsSettings
from dexgrasp_ros.simulation.unwarned import unwarned

if TYPE_CHECKING:
    import mujoco

# All velocities decay with this time constant [s]: contacts without rolling friction would let a
# cylinder roll for ever. Damping takes no part in what is an equilibrium and what is a stable one;
# a body of 10 cm that topples takes about 0.1 s for it, and still topples.
_DAMPING_TIME = 0.25
# An object that is balanced exactly would stay so in a simulation, and on no table: it starts with
# a turn of this speed about a horizontal axis. It leads 10 cm across a hump of less than 1 µm.
_NUDGE = 0.01  # rad/s
# An object rests once no point of it has left a ball of this radius for so long. Places, since
# speeds never vanish: MuJoCo's plane meets a mesh in three points at most, and a box that stands
# on four trembles between them, by hundredths of a millimetre at up to 2 cm/s. A nudged balance of
# 10 cm moves its top by 0.1 mm at once and by e times as much every tenth of a second.
_REST_RADIUS = 0.0005  # m
_REST_TIME = 0.5  # s
# With MuJoCo's usual time constant, 20 ms, contacts give way by tenths of a millimetre, on which
# a screwdriver leans by a degree and a half. This one, with a time step to match, leaves a tenth.
_CONTACT_TIME = 0.004  # s
_TIME_STEP = 0.001  # s
_STEPS_BETWEEN_LOOKS = 20


@dataclass(frozen=True, kw_only=True)
class RestingPose:
    """Where an object rests; world is the frame of its mesh before it moved."""

    support_plane: NDArray[np.float64]  # [4] n, d in the mesh's frame, free side n·x + d > 0
    pose: NDArray[np.float64]  # [7] of the mesh's frame in the world, once it rests
    floor: NDArray[np.float64]  # [4] n, d of the same plane in the world
    displacement: float  # m that the centre of mass moved
    rotation: float  # rad that it turned in all
    at_rest: bool  # False: the time was over before it rested
    seconds: float  # simulated


def settle(
    obj: ObjectModel,
    pieces: Sequence[NDArray[np.float64]],
    settings: PhysicsSettings = PhysicsSettings(gravity=9.81),  # noqa: B008 (frozen)
    *,
    up: ArrayLike = (0.0, 0.0, 1.0),
    time_limit: float = 10.0,
) -> RestingPose:
    """Let go of an object that touches a floor with its lowest point, until it rests.

    All velocities decay with a time constant of 0.25 s, so that what can roll comes to rest,
    though nearer to where it started than it would. It starts with a turn of 0.01 rad/s, so that
    it does not stay balanced on an edge. It rests once no point of it has moved by more than
    0.5 mm for half a second.

    Parameters
    ----------
    obj
        From `load_object`; its centre of mass and inertia count, its support plane does not.
    pieces
        Corners of its convex pieces, [V_i, 3] m each.
    settings
        Gravity and friction; time step and softness of contacts are finer than theirs.
    up
        Direction away from the floor, in the frame of the object's mesh [3].
    time_limit
        Simulated time after which the object is given up as restless [s].

    Returns
    -------
    RestingPose
        Its plane touches the lowest convex piece, so that none starts inside a floor there.

    Raises
    ------
    InputError
        OUT_OF_RANGE: `up` is no direction, there is no gravity or no time.
    ObjectError
        INVALID_MESH: the simulation fails.
    """
    import mujoco

    normal = _direction(up)
    if not (settings.gravity > 0.0 and time_limit > 0.0):
        raise InputError(
            f"'gravity' is {settings.gravity} and 'time_limit' {time_limit}; expected both to be "
            'above 0.',
            ErrorCode.OUT_OF_RANGE,
        )
    corners = np.concatenate(pieces)
    floor = np.append(normal, -(corners @ normal).min())
    model = _compile(obj, pieces, settings, floor)
    data = mujoco.MjData(model)
    # Velocities of a free body: those of its frame's origin, then its turn in its own axes. The
    # centre of mass shall not move at first.
    turn = _NUDGE * _across(normal)
    data.qvel[:] = [*np.cross(obj.center_of_mass, turn), *turn]
    reach = float(np.linalg.norm(corners - obj.center_of_mass, axis=1).max())
    with unwarned():
        at_rest = _run(model, data, reach, time_limit)
    if not np.isfinite(data.qpos).all():
        raise ObjectError('The object cannot be settled: its simulation on a floor fails.')
    pose = data.qpos[[0, 1, 2, 4, 5, 6, 3]]
    rotation = pose_to_matrix(pose)[:3, :3]
    plane = np.append(rotation.T @ normal, 0.0)
    plane[3] = -(corners @ plane[:3]).min()
    moved = rotation @ obj.center_of_mass + pose[:3] - obj.center_of_mass
    return RestingPose(
        support_plane=plane,
        pose=pose,
        floor=np.append(normal, plane[3] - normal @ pose[:3]),
        displacement=float(np.linalg.norm(moved)),
        rotation=2.0 * math.atan2(float(np.linalg.norm(pose[3:6])), abs(float(pose[6]))),
        at_rest=at_rest,
        seconds=float(data.time),
    )


def _direction(up: ArrayLike) -> NDArray[np.float64]:
    normal = np.asarray(up, dtype=np.float64)
    length = np.linalg.norm(normal)
    if normal.shape != (3,) or not (np.isfinite(length) and length > 1e-6):
        raise InputError(
            f"'up' is {up}; expected a finite, non-zero direction of shape [3].",
            ErrorCode.OUT_OF_RANGE,
        )
    return normal / length


def _across(normal: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a unit vector across `normal`, askew to the axes that edges often lie along."""
    side = np.cross(normal, np.eye(3)[np.abs(normal).argmin()])
    side /= np.linalg.norm(side)
    return 0.8 * side + 0.6 * np.cross(normal, side)


def _compile(
    obj: ObjectModel,
    pieces: Sequence[NDArray[np.float64]],
    settings: PhysicsSettings,
    floor: NDArray[np.float64],
) -> mujoco.MjModel:
    import mujoco

    spec = mujoco.MjSpec()
    set_options(spec, dataclasses.replace(settings, time_step=_TIME_STEP), floor)
    spec.default.geom.solref = [_CONTACT_TIME, 1.0]
    add_object(spec, obj, pieces, settings)
    add_floor(spec, floor)
    return spec.compile()


def _run(model: mujoco.MjModel, data: mujoco.MjData, reach: float, time_limit: float) -> bool:
    """Simulate until no point within `reach` [m] of the centre of mass moves; whether it rests."""
    import mujoco

    body = model.body('object').id
    decay = math.exp(-_TIME_STEP / _DAMPING_TIME)
    center, turn, since = np.full(3, np.inf), data.qpos[3:].copy(), 0.0
    while data.time < time_limit and data.time - since < _REST_TIME:
        for _ in range(_STEPS_BETWEEN_LOOKS):
            mujoco.mj_step(model, data)
            data.qvel *= decay
        moved = np.linalg.norm(data.xipos[body] - center)
        # The chord between unit quaternions is half the angle where that is small.
        turned = 2.0 * min(np.linalg.norm(data.qpos[3:] - s * turn) for s in (1.0, -1.0))
        if not moved + reach * turned <= _REST_RADIUS:
            center, turn, since = data.xipos[body].copy(), data.qpos[3:].copy(), data.time
        if not np.isfinite(data.qpos).all():
            return False
    return data.time - since >= _REST_TIME
