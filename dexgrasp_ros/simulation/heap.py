"""Several objects that come to rest on a table together, beside and upon each other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from dexgrasp_ros.core.object_model import ObjectModel
from dexgrasp_ros.core.poses import compose, transform_points
from dexgrasp_ros.simulation.physics_scene import add_floor, add_object, set_options
from dexgrasp_ros.simulation.physics_settings import PhysicsSettings
from dexgrasp_ros.simulation.unwarned import unwarned

if TYPE_CHECKING:
    import mujoco

_SETTINGS = PhysicsSettings(gravity=9.81, time_step=0.002)
_CONTACT_TIME = 0.004  # s, time constant of contacts; two time steps are the least
_DAMPING_TIME = 0.25  # s, as where one object settles
_TABLE = np.array([0.0, 0.0, 1.0, 0.0])
_GAP = 0.002  # m between balls around the objects, and above the table, at first
# Of the root of the sum of their squared radii: how far from the middle objects are let go. The
# balls around them then cover nearly three times the room there is, so that some fall on others.
_SPREAD = 0.6
# They rest once no point of any has left a ball of this radius for so long.
_REST_RADIUS, _REST_TIME = 0.001, 0.3  # m, s
_STEPS_BETWEEN_LOOKS = 20


@dataclass(frozen=True, kw_only=True)
class Thing:
    """An object that is let go."""

    obj: ObjectModel
    pieces: tuple[NDArray[np.float64], ...]  # convex, corners [V_i, 3] m in the mesh's frame
    pose: NDArray[np.float64]  # [7] of the mesh as it stands alone on the table z = 0


@dataclass(frozen=True, kw_only=True)
class Heap:
    """Where N objects rest."""

    poses: NDArray[np.float64]  # [N, 7] of their meshes in a world whose table is z = 0
    at_rest: bool  # False: the time was over before


def settle_together(things: Sequence[Thing], *, seed: int, time_limit: float = 5.0) -> Heap:
    """Let go of objects close to each other, as each would stand alone but turned about z.

    One whose ball would meet that of an earlier one starts above it, and falls.

    Parameters
    ----------
    things
        The objects.
    seed
        Of where they start, and how they are turned.
    time_limit
        Simulated time after which the heap is taken as it is [s].
    """
    import mujoco

    spec = mujoco.MjSpec()
    set_options(spec, _SETTINGS, _TABLE)
    spec.default.geom.solref = [_CONTACT_TIME, 1.0]
    for number, thing in enumerate(things):
        name = f'thing{number}_'
        add_object(spec, thing.obj, thing.pieces, _SETTINGS, name=name)
    add_floor(spec, _TABLE)
    model = spec.compile()
    data = mujoco.MjData(model)
    data.qpos[:] = _starts(things, seed)[:, [0, 1, 2, 6, 3, 4, 5]].ravel()
    with unwarned():
        at_rest = _run(model, data, _reaches(things), time_limit)
    return Heap(poses=data.qpos.reshape(-1, 7)[:, [0, 1, 2, 4, 5, 6, 3]], at_rest=at_rest)


def _reaches(things: Sequence[Thing]) -> NDArray[np.float64]:
    """Radius of the ball about each centre of mass that holds the object [N], m."""
    return np.array(
        [
            np.linalg.norm(np.concatenate(t.pieces) - t.obj.center_of_mass, axis=1).max()
            for t in things
        ]
    )


def _starts(things: Sequence[Thing], seed: int) -> NDArray[np.float64]:
    """Poses [N, 7] in which no two balls meet."""
    rng = np.random.default_rng(seed)
    reaches = _reaches(things)
    spread = _SPREAD * np.sqrt((reaches**2).sum())
    poses, centers = [], np.empty((0, 3))
    for thing, reach, other in zip(things, reaches, np.arange(len(things)), strict=True):
        turn = Rotation.from_euler('z', rng.uniform(0.0, 2 * np.pi)).as_quat()
        angle, away = rng.uniform(0.0, 2 * np.pi), spread * math.sqrt(rng.random())
        place = np.array([away * math.cos(angle), away * math.sin(angle), 0.0])
        pose = compose(np.concatenate([np.zeros(3), turn]), thing.pose)
        center = transform_points(pose, thing.obj.center_of_mass[None])[0]
        pose[:2] += place[:2] - center[:2]
        center = np.array([*place[:2], center[2] + _GAP])
        # As high as the lowest place where no ball is met.
        flat = np.linalg.norm(centers[:, :2] - center[:2], axis=1)
        least = reach + reaches[:other] + _GAP
        over = np.sqrt(np.maximum(least**2 - flat**2, 0.0))
        height = center[2]
        for low, high in sorted(zip(centers[:, 2] - over, centers[:, 2] + over, strict=True)):
            if low < height < high:
                height = high
        pose[2] += height - center[2] + _GAP
        poses.append(pose)
        centers = np.vstack([centers, [*center[:2], height]])
    return np.array(poses)


def _run(
    model: mujoco.MjModel,
    data: mujoco.MjData,
    reaches: NDArray[np.float64],
    time_limit: float,
) -> bool:
    """Simulate until nothing moves any more, or time is over; whether all rests."""
    import mujoco

    decay = math.exp(-_SETTINGS.time_step / _DAMPING_TIME)
    bodies = np.array([model.body(f'thing{n}_').id for n in range(len(reaches))])
    centers, turns, since = np.full((len(bodies), 3), np.inf), np.zeros((len(bodies), 4)), 0.0
    while data.time < time_limit and data.time - since < _REST_TIME:
        for _ in range(_STEPS_BETWEEN_LOOKS):
            mujoco.mj_step(model, data)
            data.qvel *= decay
        now = data.qpos.reshape(-1, 7)[:, 3:]
        moved = np.linalg.norm(data.xipos[bodies] - centers, axis=1)
        # The chord between unit quaternions is half the angle where that is small.
        turned = 2.0 * np.minimum(*(np.linalg.norm(now - s * turns, axis=1) for s in (1.0, -1.0)))
        if not (moved + reaches * turned <= _REST_RADIUS).all():
            centers, turns, since = data.xipos[bodies].copy(), now.copy(), data.time
        if not np.isfinite(data.qpos).all():
            return False
    return data.time - since >= _REST_TIME
