"""The energy of a batch of candidates, its gradient, and the descent: buffers and launches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import warp as wp
from numpy.typing import NDArray

from dexgrasp_ros.core.config import SynthesisConfig
from dexgrasp_ros.kernels import types
from dexgrasp_ros.kernels.contact_points import avoid_environment, find_contacts
from dexgrasp_ros.kernels.contact_solve import (
    CPU_WRENCHES,
    CUDA_WRENCHES,
    differentiate_contacts,
    prepare_contacts,
    solve_contacts,
)
from dexgrasp_ros.kernels.kinematics import forward_kinematics, reverse_sweep
from dexgrasp_ros.kernels.optimizer import adam_step, advance
from dexgrasp_ros.kernels.overlap import (
    add_pairs,
    measure_apart,
    push_apart,
    push_out_object,
    push_pairs,
)
from dexgrasp_ros.synthesis.batch_arrays import NOTHING, WRENCH_COUNT, BatchArrays
from dexgrasp_ros.synthesis.descent import Descent
from dexgrasp_ros.synthesis.launcher import Launcher
from dexgrasp_ros.synthesis.look import Look, Measurement
from dexgrasp_ros.synthesis.schedule import FAR, look_reach, make_settings, schedule
from dexgrasp_ros.synthesis.wish_terms import WishTerms
from dexgrasp_ros.synthesis.wishes import Demand

_GRAPH_ITERATIONS = 10  # in one replay, between two looks at a stop


class Engine:
    """Candidates of one hand and one object on one device: as many as there is room for, or fewer.

    State is the pose of the palm frame in the object's frame (not of the root link: turning about
    the palm does not sweep the hand away) and the actuated joints.
    """

    def __init__(
        self,
        hand: types.Hand,
        obj: types.Object,
        config: SynthesisConfig,
        count: int,
        device: Any,
        *,
        demand: Demand | None = None,
        thread_for_pair: bool | None = None,
    ) -> None:
        """Allocate; pairs of links have a thread each (default: on CUDA), with equal results."""
        self.count = count
        # Iterations of so many candidates, ready to be made again.
        self._graphs: dict[int, wp.Graph] = {}
        self._launcher = Launcher(device)
        self._hand, self._object, self._config, self._device = hand, obj, config, device
        self._settings = make_settings(config)
        # Launches that are noted share their structs: what differs from call to call has its own.
        self._variants: dict[tuple[int, float], types.Settings] = {}
        self._wish_terms = None
        if demand is not None:
            self._wish_terms = WishTerms(
                *(demand, config, hand, self._settings, count, device),
                # Not a method of the engine: one that refers to itself is freed late.
                launch=self._launcher.launch,
            )
        self._groups = hand.group_bodies.shape[0]
        self._arrays = BatchArrays(hand, config, count, device)
        self._counter = wp.zeros(1, dtype=int, device=device)
        self._schedule = wp.array(schedule(config), dtype=wp.vec4, device=device)
        self._pairs: tuple[wp.array, ...] | None = None
        if device.is_cuda if thread_for_pair is None else thread_for_pair:
            shape = (count, hand.pairs.shape[0])
            kinds = (float, wp.vec3, wp.vec3)  # cost, force, torque
            self._pairs = tuple(wp.zeros(shape, dtype=k, device=device) for k in kinds)

    # --- state -------------------------------------------------------------------------------

    def set_state(self, palm: NDArray, q: NDArray) -> None:
        """Copy candidates to the device: palm poses [N, 7] and joints [N, J]."""
        self.count = len(palm)
        self._arrays.palm[: self.count].assign(np.ascontiguousarray(palm, dtype=np.float32))
        self._arrays.q[: self.count].assign(np.ascontiguousarray(q, dtype=np.float32))

    def forget(self, nearest: NDArray | None = None) -> None:
        """Drop what earlier candidates left behind, but for the moments of the descent.

        What an engine finds then does not depend on what it was used for.

        Parameters
        ----------
        nearest
            [N, G] where to look first for the closest points (`Look.nearest`).
        """
        self._arrays.forget(nearest)
        self._counter.zero_()

    def get_state(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Copy palm poses [N, 7] and joints [N, J] to the host."""
        return self._read(self._arrays.palm), self._read(self._arrays.q)

    def descent(self) -> Descent:
        """Copy all that the rest of a descent depends on, but its place in the schedule."""
        return Descent(
            **{
                name: array.numpy()[: self.count].copy()
                for name, array in self._arrays.memory().items()
            }
        )

    def resume(self, descent: Descent) -> None:
        """Go on where `descent` was taken; the place in the schedule is for `seek`."""
        self.count = len(descent.q)
        for name, array in self._arrays.memory().items():
            array[: self.count].assign(getattr(descent, name))

    def _read(self, array: wp.array) -> NDArray[np.float64]:
        return array.numpy()[: self.count].astype(np.float64)

    def seek(self, iteration: int) -> None:
        """Go to a place of the schedule; `config.iterations` is its end."""
        self._counter.fill_(iteration)

    # --- launches ----------------------------------------------------------------------------

    def _launch(self, kernel: Any, dim: Any, *arguments: Any) -> None:
        self._launcher.launch(kernel, dim, *arguments)

    def _variant(self, *, sweeps: int | None = None, reach: float = FAR) -> types.Settings:
        key = (self._config.sweeps if sweeps is None else sweeps, reach)
        if key not in self._variants:
            settings = make_settings(self._config)
            settings.sweeps, settings.reach = key
            self._variants[key] = settings
        return self._variants[key]

    def _look(self, reach: float = FAR) -> None:
        """Kinematics, distances and penalties of hand and object, hand and environment."""
        count, groups = self.count, self._groups
        hand, settings, contacts = self._hand, self._variant(reach=reach), self._arrays.contacts
        obj, palm, bodies = self._object, self._arrays.palm, self._arrays.bodies
        self._launch(forward_kinematics, count, hand, palm, self._arrays.q, bodies)
        self._launch(find_contacts, (count, groups), hand, obj, settings, palm, bodies, contacts)
        if self._wish_terms is not None:
            self._wish_terms.look(count, palm, contacts)
        self._launch(
            push_out_object,
            (count, groups),
            *(hand, obj, settings, palm, bodies, contacts, self._arrays.object_depth),
        )
        if obj.environment.valid:
            self._launch(
                avoid_environment,
                (count, groups),
                *(hand, obj, settings, palm, bodies, contacts, self._arrays.environment),
            )

    def _push_apart(self) -> None:
        """Penalty of the hand's overlap with itself, after a look."""
        hand, contacts = self._hand, self._arrays.contacts
        place = (hand, self._settings, self._arrays.palm, self._arrays.bodies, contacts)
        if self._pairs is None:
            self._launch(push_apart, self.count, *place, self._arrays.self_penalty)
        else:
            self._launch(push_pairs, (self.count, hand.pairs.shape[0]), *place, *self._pairs)
            found = (*self._pairs, self._arrays.self_penalty)
            self._launch(add_pairs, self.count, hand, contacts, *found)

    def _measure_own(self) -> None:
        """Exact distances of the hand to itself, which a descent goes without."""
        margin, pairs = self._config.self_margin, self._hand.pairs.shape[0]
        own = self._arrays.own
        own.fill_(margin)
        dim, inputs = (self.count, pairs), (self._hand, margin, self._arrays.bodies, own)
        self._launcher.again('own', self.count, lambda: self._launch(measure_apart, dim, *inputs))

    def _solve(self, sweeps: int) -> None:
        self._launch(
            prepare_contacts,
            (self.count, self._groups),
            *(self._hand, self._object, self._settings, self._schedule, self._counter),
            self._arrays.contacts,
        )
        if self._wish_terms is not None:
            self._wish_terms.soften(
                self.count, self._schedule, self._counter, self._arrays.contacts
            )
        side_by_side = CPU_WRENCHES if self._device.is_cpu else CUDA_WRENCHES
        self._launch(
            solve_contacts,
            (self.count, WRENCH_COUNT // side_by_side),
            *(self._variant(sweeps=sweeps), self._arrays.contacts, self._arrays.forces),
            *(self._arrays.rho_f, self._arrays.rho_t, self._arrays.residual),
        )

    def _differentiate(self) -> None:
        a, count, groups = self._arrays, self.count, self._groups
        self._launch(
            differentiate_contacts,
            (count, groups),
            *(self._hand, self._object, self._settings, self._schedule, self._counter),
            *(a.palm, a.contacts, a.forces, a.rho_f, a.rho_t),
        )
        place, wish = (count, self._schedule, self._counter), self._wish_terms
        if wish is not None:
            wish.differentiate(*place, a.palm, a.forces, a.contacts)
        self._sweep(a.contacts.force, a.contacts.torque)
        if wish is not None:
            wish.turn(*place, a.body_torque)

    def _sweep(self, force: wp.array, torque: wp.array) -> None:
        self._launch(
            reverse_sweep,
            self.count,
            *(self._hand, self._arrays.palm, self._arrays.bodies, force, torque),
            *(self._arrays.body_force, self._arrays.body_torque, self._arrays.gradient),
        )

    def step(self) -> None:
        """One iteration of the descent."""
        a = self._arrays
        self._look()
        self._push_apart()
        self._solve(self._config.sweeps)
        self._differentiate()
        self._launch(
            adam_step,
            self.count,
            *(self._hand, a.adam, self._schedule, self._counter),
            *(a.body_force, a.body_torque, a.gradient, a.palm, a.q),
        )
        self._launch(advance, 1, self._counter)

    def run(self, iterations: int, between: Callable[[int], None]) -> None:
        """Descend; `between` is told often how many iterations were made since it was last called.

        On CUDA iterations are replayed from a graph: only then is the host out of the way.
        """
        done = 0
        if self._device.is_cuda and iterations > _GRAPH_ITERATIONS:
            if self.count not in self._graphs:
                self.step()  # loads the kernels, which a capture must not
                between(1)
                done = 1
                self._graphs[self.count] = self.record(_GRAPH_ITERATIONS)
            while done + _GRAPH_ITERATIONS <= iterations:
                wp.capture_launch(self._graphs[self.count])
                wp.synchronize_stream(self._device)  # the host must not run ahead of a stop
                done += _GRAPH_ITERATIONS
                between(_GRAPH_ITERATIONS)
        for _ in range(done, iterations):
            self._launcher.again('step', self.count, self.step)
            between(1)

    def record(self, iterations: int) -> wp.Graph:
        """Record iterations without making them; `wp.capture_launch` makes them, many times over.

        The place in the schedule is on the device, so that each replay goes on from there.
        """
        with wp.ScopedCapture(device=self._device) as capture:
            for _ in range(iterations):
                self.step()
        return capture.graph

    # --- results -----------------------------------------------------------------------------

    def gradient(self, *, sweeps: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Energy and its gradient at the present state, at the schedule's present place.

        Returns
        -------
        energy, gradient
            [N] and [N, 6 + J]: translation of the palm, rotation about its centre (both in the
            object's frame), joints.
        """
        self._look()
        self._push_apart()
        self._solve(sweeps)
        self._differentiate()
        gradient = np.concatenate(
            [
                self._read(self._arrays.body_force)[:, 0],
                self._read(self._arrays.body_torque)[:, 0],
                self._read(self._arrays.gradient),
            ],
            axis=1,
        )
        # Differentiation has scaled the penalties of the contacts already.
        energy = self._energy(1.0, self._penalty_scale())
        return energy, gradient

    def _penalty_scale(self) -> float:
        return float(schedule(self._config)[self._counter.numpy()[0], 2])

    def _energy(self, scale: float, own_scale: float) -> NDArray[np.float64]:
        residual = self._read(self._arrays.residual).mean(axis=1)
        penalties = self._read(self._arrays.contacts.penalty).sum(axis=1)
        own = self._read(self._arrays.self_penalty)
        if self._wish_terms is not None:
            own = own + self._wish_terms.lean(self.count)
        held = self._config.contact_weight * 2.0 * residual
        return held + scale * penalties + own_scale * own

    def last_energy(self) -> NDArray[np.float64]:
        """Energy [N] where the last step of a descent started."""
        # Differentiation has scaled the penalties of the contacts already.
        return self._energy(1.0, float(schedule(self._config)[self._counter.numpy()[0] - 1, 2]))

    def energy(self, *, sweeps: int) -> NDArray[np.float64]:
        """Energy [N] at the present state and place of the schedule."""

        def work() -> None:
            self._look()
            self._push_apart()
            self._solve(sweeps)

        self._launcher.again(f'energy {sweeps}', self.count, work)
        scale = self._penalty_scale()
        return self._energy(scale, scale)

    def look(self) -> Look:
        """Distances at the present state, exact where they are less than `look_reach`."""
        self._arrays.contacts.drift.fill_(-NOTHING)  # search all groups
        self._launcher.again('look', self.count, lambda: self._look(look_reach(self._config)))
        self._arrays.contacts.pair_bound.fill_(NOTHING)  # nobody kept it up
        self._arrays.contacts.drift.fill_(-NOTHING)  # nor searched groups that are out of reach
        self._measure_own()
        return Look(**self._found())

    def measure(self, *, sweeps: int) -> Measurement:
        """Distances at the present state, and what is left of the test wrenches there."""
        self._arrays.contacts.drift.fill_(-NOTHING)  # search all groups
        self._launcher.again('measure', self.count, self._look)
        self._push_apart()
        self._measure_own()
        self._solve(sweeps)
        scale = self._penalty_scale()
        return Measurement(
            **self._found(),
            energy=self._energy(scale, scale),
            residual=self._read(self._arrays.residual).mean(axis=1),
            force=self._summed_forces(),
        )

    def _summed_forces(self) -> NDArray[np.float64]:
        """[N, G, 3] sum over the test wrenches, one after the other."""
        forces = self._read(self._arrays.forces).transpose(0, 3, 1, 2)
        return np.ascontiguousarray(forces).sum(axis=1)

    def _found(self) -> dict[str, NDArray[np.float64]]:
        """Copy the last look to the host."""
        contacts = self._arrays.contacts
        direction = self._read(contacts.direction)
        length = np.linalg.norm(direction, axis=2, keepdims=True)
        depth = self._read(self._arrays.object_depth)
        distance = self._read(contacts.distance)
        return {
            # Overlap is seen from both sides; the deeper one counts.
            'distance': np.where(depth > 0.0, np.minimum(distance, -depth), distance),
            'point': self._read(contacts.point),
            'normal': -direction / np.maximum(length, 1e-12),
            'nearest': contacts.nearest.numpy()[: self.count].astype(np.int64),
            'environment': self._read(self._arrays.environment),
            'own': self._read(self._arrays.own),
        }

    def joint_torques(self, point: NDArray, force: NDArray) -> NDArray[np.float64]:
        """Jᵀ f: joint torques [N, J] that press `force` [N, G, 3] on the object at `point`."""
        a = self._arrays
        self._launch(forward_kinematics, self.count, self._hand, a.palm, a.q, a.bodies)
        center = self._read(a.palm)[:, None, :3]
        torque = np.cross(point - center, force)
        upload = (
            wp.array(np.ascontiguousarray(v, dtype=np.float32), dtype=wp.vec3, device=self._device)
            for v in (force, torque)
        )
        self._sweep(*upload)
        return self._read(a.gradient)
