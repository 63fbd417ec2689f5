"""What a batch of candidates has on the device: states, contacts, forces, moments."""

from __future__ import annotations

from typing import Any

import numpy as np
import warp as wp
from numpy.typing import NDArray

from dexgrasp_ros.core.config import SynthesisConfig
from dexgrasp_ros.kernels import types
from dexgrasp_ros.kernels.contact_solve import Forces
from dexgrasp_ros.kernels.optimizer import Adam
from dexgrasp_ros.synthesis.schedule import FAR

WRENCH_COUNT = 12
NOTHING = -FAR  # a bound that is none


class BatchArrays:
    """Arrays of one hand and one object on one device, a row for each of `count` candidates."""

    def __init__(self, hand: types.Hand, config: SynthesisConfig, count: int, device: Any) -> None:
        groups, bodies = hand.group_bodies.shape[0], hand.body_parents.shape[0]
        joints = hand.lower.shape[0]

        def zeros(shape: Any, dtype: Any = float) -> wp.array:
            return wp.zeros(shape, dtype=dtype, device=device)

        self.palm = zeros(count, wp.transform)
        self.q = zeros((count, joints))
        self.bodies = zeros((count, bodies), wp.transform)
        # The first point of each group is the first guess of its closest one.
        first = hand.cluster_points.numpy()[hand.group_clusters.numpy()[:-1]]
        self._first = wp.array(np.tile(first, (count, 1)), dtype=int, device=device)
        self.contacts = self._contacts(hand, count, groups, device)
        self.forces = zeros((count, groups), Forces)
        self.rho_f, self.rho_t = (zeros((count, WRENCH_COUNT), wp.vec3) for _ in range(2))
        self.residual = zeros((count, WRENCH_COUNT))
        self.object_depth, self.environment = (zeros((count, groups)) for _ in range(2))
        self.environment.fill_(config.environment_margin)
        self.self_penalty, self.own = zeros(count), zeros((count, groups))
        self.body_force, self.body_torque = (zeros((count, bodies), wp.vec3) for _ in range(2))
        self.gradient = zeros((count, joints))
        a = self.adam = Adam()
        a.first, a.second = zeros((count, 6 + joints)), zeros((count, 2 + joints))
        a.beta1, a.beta2 = config.momentum, config.second_momentum
        a.step_translation = config.step_translation
        a.step_rotation = config.step_rotation
        a.step_joint = config.step_joint

    def _contacts(self, hand: types.Hand, count: int, groups: int, device: Any) -> types.Contacts:
        def zeros(dtype: Any = float) -> wp.array:
            return wp.zeros((count, groups), dtype=dtype, device=device)

        def nothing(columns: int) -> wp.array:
            return wp.full((count, columns), NOTHING, dtype=float, device=device)

        c = types.Contacts()
        c.nearest = wp.clone(self._first)
        c.distance, c.penalty, c.compliance, c.step = (zeros() for _ in range(4))
        c.point, c.gradient, c.direction, c.force, c.torque, c.normal, c.arm = (
            zeros(wp.vec3) for _ in range(7)
        )
        c.curvature, c.place, c.moved = zeros(wp.mat33), zeros(wp.transform), zeros()
        # Nothing is known yet of what is near.
        c.cluster_bound = nothing(hand.cluster_spheres.shape[0])
        c.pair_bound = nothing(hand.pairs.shape[0])
        c.drift = wp.full((count, groups), -NOTHING, dtype=float, device=device)
        c.object_bound, c.environment_bound = (nothing(groups) for _ in range(2))
        return c

    def forget(self, nearest: NDArray | None) -> None:
        """Drop what earlier candidates left behind, but for the moments of the descent.

        Parameters
        ----------
        nearest
            [N, G] where to look first for the closest points, or None.
        """
        c = self.contacts
        wp.copy(c.nearest, self._first)
        if nearest is not None:
            c.nearest[: len(nearest)].assign(np.ascontiguousarray(nearest, dtype=np.int32))
        for bound in (c.cluster_bound, c.pair_bound, c.object_bound, c.environment_bound):
            bound.fill_(NOTHING)
        c.drift.fill_(-NOTHING)
        c.place.zero_()  # from a place that is not finite there is no way to the next
        self.forces.zero_()

    def memory(self) -> dict[str, wp.array]:
        """All that the rest of a descent depends on, by the names of `Descent`."""
        c = self.contacts
        return {
            'palm': self.palm,
            'q': self.q,
            'first': self.adam.first,
            'second': self.adam.second,
            'force': self.forces,
            'nearest': c.nearest,
            'place': c.place,
            'drift': c.drift,
            'cluster_bound': c.cluster_bound,
            'pair_bound': c.pair_bound,
            'object_bound': c.object_bound,
            'environment_bound': c.environment_bound,
        }
