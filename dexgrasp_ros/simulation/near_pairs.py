"""Time steps that look for contacts only where there can be some: a neighbour list.

Half of the time in which MuJoCo finds contacts goes to shapes whose boxes overlap and which do not
touch. As in molecular dynamics (Verlet 1967), the pairs that are closer than a `skin` are listed,
and steps look at these alone until another pair might touch: before every step, a bound on the
motion since the list was made is compared with half the skin. What is not listed is apart then, so
contacts, their order and all that follows are those of the whole model, to the last bit.
"""

from __future__ import annotations

import copy
import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.simulation.motion_bounds import MotionBounds
from dexgrasp_ros.simulation.physics_model import PhysicsModel

if TYPE_CHECKING:
    import mujoco

# The wider the skin, the more pairs a step looks at, the narrower, the more often the list is made
# again. With c for a step and unit of skin and C for a list, c s + 2 C v / s at speed v is least
# at s^2 = 2 C v / c; 2 C / c was measured as about 0.1 m for the Shadow hand, and is not critical.
_LOOK_COST = 0.1  # m
_THINNEST, _THICKEST = 0.0003, 0.006  # m, of the skin
# Distances of MuJoCo are good to its `ccd_tolerance` of 1e-6 m; pairs are listed a little farther.
_SLACK = 1e-4  # m
# A wide look finds deeper overlaps of inflated shapes than a step; MuJoCo's default is 35.
_LOOK_ITERATIONS = 100


class NearPairs:
    """The pairs that can touch, for one simulation of a `PhysicsModel`.

    Parameters
    ----------
    physics
        What is simulated.
    data
        The state of `physics.model`. Between steps it may be changed, but for the floor's place.
    """

    def __init__(self, physics: PhysicsModel, data: mujoco.MjData) -> None:
        import mujoco

        self._physics, self._data = physics, data
        self._near = copy.copy(physics.near)  # its list is this simulation's own
        self._stepped = self._near
        self._look = copy.copy(physics.near)
        self._look.opt.ccd_iterations = _LOOK_ITERATIONS
        for name in ('geom_contype', 'geom_conaffinity', 'body_contype', 'body_conaffinity'):
            getattr(self._look, name)[:] = getattr(physics.model, name)
        self._look_data = mujoco.MjData(self._look)
        self._margins = self._look.geom_margin
        self._not_hand = np.flatnonzero(~physics.hand_geometries)
        self._owners = physics.model.geom_bodyid.astype(np.int64)
        self._own_pairs = np.stack([physics.model.pair_geom1, physics.model.pair_geom2], axis=1)
        self._own_pairs = self._own_pairs.astype(np.int64)  # of the hand, which may meet
        self._own_bounds = physics.model.geom_rbound[self._own_pairs].sum(axis=1)
        self._one_step = mujoco.mj_step
        self._qpos = data.qpos
        self._idle = (physics.parked, int(np.flatnonzero(physics.object_geometries)[0]))
        self._bounds = MotionBounds(physics.model)
        self._listed_at = np.full(physics.model.nq, np.inf)  # qpos when the list was made
        self._reach = np.ones((self._bounds.body_count, physics.model.nq))
        self._change = np.empty(physics.model.nq)
        self._motion = np.empty(self._bounds.body_count)
        self._skin, self._steps = _THICKEST, 1

    def step(self, count: int = 1) -> None:
        """Make time steps."""
        for _ in range(count):
            if not self._covers():
                self._renew()
            self._one_step(self._stepped, self._data)
            self._steps += 1

    def _covers(self) -> bool:
        """Whether every geometry is within half a skin of where it was listed; NaN is not."""
        np.subtract(self._qpos, self._listed_at, out=self._change)
        np.abs(self._change, out=self._change)
        np.dot(self._reach, self._change, out=self._motion)
        return bool(self._motion.max() <= 0.5 * self._skin)

    def _renew(self) -> None:
        """List the pairs that are near now, with a skin for the speed of late."""
        if not np.isfinite(self._qpos).all():  # a simulation that blew up; nothing is near
            self._stepped = self._physics.model
            return
        speed = 0.5 * self._skin / max(1, self._steps)
        self._skin = min(max(math.sqrt(_LOOK_COST * speed), _THINNEST), _THICKEST)
        pairs = self.pairs_within(self._skin)
        near, count = self._near, len(pairs)
        fits = count <= near.npair
        self._stepped = near if fits else self._physics.model
        if fits:
            near.pair_geom1[:count], near.pair_geom2[:count] = pairs.T
            near.pair_geom1[count:], near.pair_geom2[count:] = self._idle
        self._reach = self._bounds.reach(self._look_data, self._skin)
        self._listed_at[:] = self._qpos
        self._steps = 0

    def pairs_within(self, skin: float) -> NDArray[np.int64]:
        """[N, 2] geometries that may meet and are within `skin` [m], in MuJoCo's order."""
        import mujoco

        look, data, model = self._look, self._look_data, self._physics.model
        # MuJoCo adds the margins of the two; between object and floor that is twice as much.
        margin = skin + _SLACK
        self._margins[self._not_hand] = look.body_margin[:] = margin
        data.qpos[:] = self._qpos
        data.mocap_pos[:], data.mocap_quat[:] = self._data.mocap_pos, self._data.mocap_quat
        mujoco.mj_kinematics(look, data)
        mujoco.mj_comPos(look, data)
        mujoco.mj_collision(look, data)
        found = np.sort(data.contact.geom, axis=1).astype(np.int64)
        found = np.unique(found[:, 0] * model.ngeom + found[:, 1])
        found = np.stack(np.divmod(found, model.ngeom), axis=1)
        pairs = np.concatenate([found, self._own_pairs_within(margin)])
        # MuJoCo goes by pairs of bodies, then by the geometries; the hand's own pairs are listed
        # in this order already.
        bodies = np.sort(self._owners[pairs], axis=1)
        return pairs[np.argsort(bodies[:, 0] * model.nbody + bodies[:, 1], kind='stable')]

    def _own_pairs_within(self, margin: float) -> NDArray[np.int64]:
        """[N, 2] geometries of the hand that may meet and are within `margin` [m]."""
        import mujoco

        places = self._look_data.geom_xpos
        away = places[self._own_pairs[:, 0]] - places[self._own_pairs[:, 1]]
        bound = self._own_bounds + margin
        close = self._own_pairs[np.einsum('ij,ij->i', away, away) <= bound * bound]
        # Exactly, because colliders of two boxes find no contact of some that are only near.
        exact, look, data = mujoco.mj_geomDistance, self._look, self._look_data
        near = [exact(look, data, a, b, margin, None) < margin for a, b in close.tolist()]
        return close[np.array(near, dtype=bool)]
