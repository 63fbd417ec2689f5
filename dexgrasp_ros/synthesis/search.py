"""Candidates split over the cores of a CPU, or whole on a GPU if its memory allows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.config import SynthesisConfig
from dexgrasp_ros.core.cores import thread_count
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.core.kernel_loader import load_kernels
from dexgrasp_ros.core.object_model import ObjectModel
from dexgrasp_ros.core.progress import StopCallback, check_stop
from dexgrasp_ros.synthesis.batches import join, take
from dexgrasp_ros.synthesis.closing_simulation import (
    ClosingSimulation,
    Outcome,
    upload_dynamics,
)
from dexgrasp_ros.synthesis.descent import Descent
from dexgrasp_ros.synthesis.device import resolve_device
from dexgrasp_ros.synthesis.engine import Engine
from dexgrasp_ros.synthesis.fitting_batches import FittingBatches
from dexgrasp_ros.synthesis.holding_simulation import Holding, HoldingSimulation
from dexgrasp_ros.synthesis.look import Look, Measurement
from dexgrasp_ros.synthesis.postures import Closing
from dexgrasp_ros.synthesis.upload import upload_hand, upload_object
from dexgrasp_ros.synthesis.wishes import Demand

# Candidates of one engine on a CPU: small enough to stay in the caches and to be spread evenly,
# large enough that launches (about 10 µs each) do not count beside 100 µs for a candidate.
_CPU_CHUNK = 32
# Fewer are not worth another thread: where other programs keep the cores busy, one takes
# milliseconds to start.
_CPU_LEAST = 8
# Descents have their launches ready; fewer candidates find what they looked at still in the cache.
_CPU_DESCENT_CHUNK = 16


class Search:
    """Runs engines over any number of candidates; kernels release the interpreter.

    Whatever takes long asks `should_stop` often, and raises SynthesisError (CANCELLED).
    """

    def __init__(
        self,
        hand: HandModel,
        obj: ObjectModel,
        config: SynthesisConfig,
        *,
        demand: Demand | None = None,
        should_stop: StopCallback | None = None,
    ) -> None:
        self.obj, self.demand = obj, demand
        self._should_stop = should_stop
        self._device = resolve_device(config.device)
        load_kernels(self._device)
        self._config = config
        weights = None if demand is None else demand.weights
        self._hand = upload_hand(hand, self._device, weights=weights)
        self._object = upload_object(obj, self._device)
        self._center = obj.center_of_mass
        self._dynamics = upload_dynamics(hand, obj, config, self._device)
        self._holding = HoldingSimulation(
            *(hand, obj, config, (self._hand, self._object), self._device),
            should_stop=should_stop,
        )
        self._workers = thread_count() if self._device.is_cpu else 1
        # Kept, since a thread takes longer to start than a look at a few candidates.
        self._pool = ThreadPoolExecutor(self._workers)
        self._idle: dict[int, list[Engine]] = defaultdict(list)  # by the room that they have
        self._lock = Lock()
        self._batches = FittingBatches(self._idle.clear)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What there is to say of how the device did the work."""
        return self._batches.warnings

    @property
    def device(self) -> str:
        """Alias of the device, ``'cpu'`` or ``'cuda:0'``."""
        return str(self._device.alias)

    def optimize(
        self,
        palm: NDArray,
        q: NDArray,
        *,
        report: Callable[[float], None] | None = None,
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], Measurement]:
        """Descend from every candidate.

        Parameters
        ----------
        palm, q
            Palm poses [N, 7] in the object's frame and joints [N, J].
        report
            Called with the share of the work that is done.

        Returns
        -------
        palm, q, measurement
            Where the candidates ended.

        Raises
        ------
        SynthesisError
            CANCELLED.
        """
        iterations, lock, done = self._config.iterations, Lock(), 0

        def count(made: int) -> None:
            nonlocal done
            with lock:
                done += made
                if report is not None:
                    report(done / (len(palm) * iterations))

        descent, _energy = self.descend(self.start(palm, q), 0, iterations, report=count)
        return self.arrive(descent)

    def start(self, palm: NDArray, q: NDArray) -> Descent:
        """Descents that stand at their first step."""

        def run(rows: slice) -> Descent:
            engine = self._new_engine(rows.stop - rows.start)
            engine.set_state(palm[rows], q[rows])
            return engine.descent()

        return join(self._batches.run(run, len(palm)))

    def descend(
        self, descent: Descent, first: int, last: int, *, report: Callable[[int], None]
    ) -> tuple[Descent, NDArray[np.float64]]:
        """Go from one iteration to another.

        Parameters
        ----------
        descent
            N candidates at iteration `first`.
        report
            Called from worker threads with the number of candidates' iterations made since.

        Returns
        -------
        descent, energy
            At iteration `last`, and the energy [N] one iteration before.

        Raises
        ------
        SynthesisError
            CANCELLED.
        """

        def run(rows: slice) -> tuple[Descent, NDArray]:
            made = 0
            with self._resumed(descent, rows, first) as engine:

                def between(iterations: int) -> None:
                    nonlocal made
                    check_stop(self._should_stop)
                    report(iterations * engine.count)
                    made += iterations * engine.count

                try:
                    engine.run(last - first, between)
                    return engine.descent(), engine.last_energy()
                except (MemoryError, RuntimeError):
                    report(-made)  # where memory ran out, they are made again, in halves
                    raise

        parts = self._map(run, len(descent.q), chunk=_CPU_DESCENT_CHUNK, least=1)
        return join([p[0] for p in parts]), np.concatenate([p[1] for p in parts])

    def arrive(
        self, descent: Descent
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], Measurement]:
        """Palm poses, joints and measurement of descents that are at their end."""

        def run(rows: slice) -> Measurement:
            with self._resumed(descent, rows, self._config.iterations) as engine:
                return engine.measure(sweeps=self._config.ranking_sweeps)

        found = join(self._map(run, len(descent.q)))
        return descent.palm.astype(np.float64), descent.q.astype(np.float64), found

    def energy(self, palm: NDArray, q: NDArray) -> NDArray[np.float64]:
        """Energy [N] at any number of states, at the schedule's start."""
        sweeps = self._config.sweeps

        def run(rows: slice) -> NDArray[np.float64]:
            with self._placed(palm[rows], q[rows]) as engine:
                return engine.energy(sweeps=sweeps)

        return np.concatenate(self._map(run, len(palm)))

    def look(self, palm: NDArray, q: NDArray, *, near: Look | None = None) -> Look:
        """Distances at any number of states; sooner found from a look at states near them."""

        def run(rows: slice) -> Look:
            nearest = None if near is None else near.nearest[rows]
            with self._placed(palm[rows], q[rows], nearest) as engine:
                return engine.look()

        return join(self._map(run, len(palm)))

    def measure(self, palm: NDArray, q: NDArray) -> Measurement:
        """Distances at any number of states, and what is left of the test wrenches there."""
        sweeps = self._config.ranking_sweeps

        def run(rows: slice) -> Measurement:
            with self._placed(palm[rows], q[rows]) as engine:
                engine.seek(self._config.iterations)
                return engine.measure(sweeps=sweeps)

        return join(self._map(run, len(palm)))

    def simulate(self, closing: Closing, *, growth: float = 0.0) -> Outcome:
        """Close the hand about the free object, whose surface is `growth` [m] further out."""
        count = len(closing.grasp)

        def run(rows: slice) -> Outcome:
            simulation = ClosingSimulation(
                *(self._hand, self._object, self._dynamics, self._config),
                *(rows.stop - rows.start, self._device),
                should_stop=self._should_stop,
            )
            part = take(closing, np.arange(rows.start, rows.stop))
            return simulation.run(part, self._center, growth=growth)

        return join(self._map(run, count, least=1))

    def hold(self, closing: Closing) -> Holding:
        """Squeeze the free object, and pull it while friction fades."""

        def run(rows: slice) -> Holding:
            return self._holding.fade(take(closing, rows))

        return join(self._map(run, len(closing.grasp), least=1))

    def largest_pull(self, closing: Closing) -> NDArray[np.float64]:
        """Force [N] that squeezed objects bear from every side at `holding_friction`."""

        def run(rows: slice) -> NDArray[np.float64]:
            return self._holding.largest_pull(take(closing, rows))

        return np.concatenate(self._map(run, len(closing.grasp), least=1))

    def joint_torques(
        self, palm: NDArray, q: NDArray, point: NDArray, force: NDArray
    ) -> NDArray[np.float64]:
        """Jᵀ f: joint torques [N, J] that press `force` [N, G, 3] on the object at `point`."""

        def run(rows: slice) -> NDArray[np.float64]:
            with self._placed(palm[rows], q[rows]) as engine:
                return engine.joint_torques(point[rows], force[rows])

        return np.concatenate(self._map(run, len(palm), least=_CPU_CHUNK))

    @contextmanager
    def _borrowed(self, count: int) -> Iterator[Engine]:
        """Lend an engine with room for `count`; making one takes longer than a look."""
        room = 1 << max(count - 1, _CPU_DESCENT_CHUNK - 1).bit_length()
        with self._lock:
            idle = self._idle[room]
            engine = idle.pop() if idle else None
        engine = engine or self._new_engine(room)
        yield engine
        with self._lock:
            idle.append(engine)

    @contextmanager
    def _placed(
        self, palm: NDArray, q: NDArray, nearest: NDArray | None = None
    ) -> Iterator[Engine]:
        """Lend an engine that is at these states and knows nothing else."""
        with self._borrowed(len(palm)) as engine:
            engine.set_state(palm, q)
            engine.forget(nearest)
            yield engine

    @contextmanager
    def _resumed(self, descent: Descent, rows: slice, iteration: int) -> Iterator[Engine]:
        """Lend an engine in the middle of these rows' descent."""
        with self._borrowed(rows.stop - rows.start) as engine:
            engine.resume(take(descent, rows))
            engine.seek(iteration)
            yield engine

    def _new_engine(self, room: int) -> Engine:
        parts = self._hand, self._object, self._config
        return Engine(*parts, room, self._device, demand=self.demand)

    def _map(
        self,
        work: Callable[[slice], Any],
        count: int,
        *,
        chunk: int = _CPU_CHUNK,
        least: int = _CPU_LEAST,
    ) -> list[Any]:

        def ask_and_work(part: slice) -> Any:
            check_stop(self._should_stop)
            return work(part)

        if not self._device.is_cpu:
            return self._batches.run(ask_and_work, count)
        chunk = min(chunk, max(-(-count // self._workers), least))
        rows = [slice(i, min(i + chunk, count)) for i in range(0, count, chunk)] or [slice(0, 0)]
        if len(rows) == 1:
            return [ask_and_work(rows[0])]
        parts = [self._pool.submit(ask_and_work, row) for row in rows]
        wait(parts)  # all of them, though one has failed: they use what the next call needs
        return [part.result() for part in parts]
