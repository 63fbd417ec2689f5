"""The shake test of many grasps at once, by MuJoCo Warp: what `shake_test` does one by one."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation, Slerp

from dexgrasp_ros.core.progress import StopCallback, check_stop
from dexgrasp_ros.core.pulls import DIRECTIONS
from dexgrasp_ros.evaluation.protocols import Protocol
from dexgrasp_ros.evaluation.shake_test import (
    BETWEEN_VERDICTS,
    PULLS,
    Cause,
    Motion,
    Postures,
    ShakeResult,
)
from dexgrasp_ros.simulation import PhysicsModel
from dexgrasp_ros.simulation.unwarned import unwarned
from dexgrasp_ros.simulation.warp_worlds import WarpWorlds, read_state

_BATCH = 256  # grasps at once; six times as many worlds while they are pulled
_OVERFLOW = 'more contacts than the batched simulation has room for'


def shake_together(
    physics: tuple[PhysicsModel, ...],
    protocol: Protocol,
    grasps: Sequence[Postures],
    device: Any,
    *,
    report: Callable[[int], None],
    should_stop: StopCallback | None = None,
) -> list[ShakeResult]:
    """Run the test on a device of Warp; results come in the order of the grasps.

    Where a grasp starts, and how deep it is there, is MuJoCo's to say. All six pulls are made,
    though one fails; what is told is then of the first that fails, as if it had ended there.

    Parameters
    ----------
    physics, protocol
        As for `shake`.
    grasps
        All of them.
    device
        Of Warp.
    report
        Called with the number of grasps that are done.

    Raises
    ------
    InputError
        INVALID_INPUT: MuJoCo Warp is not installed.
    SynthesisError
        CANCELLED.
    """
    results: list[ShakeResult | None] = [None] * len(grasps)
    with unwarned():
        for surface, model in enumerate(physics):
            rows = [n for n, grasp in enumerate(grasps) if grasp.surface == surface]
            for first in range(0, len(rows), _BATCH):
                part = rows[first : first + _BATCH]
                some = [grasps[n] for n in part]
                for n, result in zip(
                    part, _shake_batch(model, protocol, some, device, should_stop), strict=True
                ):
                    results[n] = result
                report(sum(result is not None for result in results))
    return [result for result in results if result is not None]


@dataclass(frozen=True)
class _Start:
    """One grasp at its pre-grasp."""

    state: dict[str, NDArray[np.float64]]
    home: NDArray[np.float64]  # [3] m, the object's centre of mass
    depths: dict[str, float]  # for the result


def _shake_batch(
    physics: PhysicsModel,
    protocol: Protocol,
    grasps: Sequence[Postures],
    device: Any,
    should_stop: StopCallback | None,
) -> list[ShakeResult]:
    begun = time.process_time()
    starts = [_place(physics, grasp) for grasp in grasps]
    results = [ShakeResult(cause=Cause.PREGRASP, **start.depths) for start in starts]
    clear = [
        n
        for n, start in enumerate(starts)
        if start.depths['pregrasp_depth'] <= protocol.max_pregrasp_depth
    ]
    if clear:
        test = _Test(
            *(physics, protocol, [grasps[n] for n in clear], [starts[n] for n in clear]),
            *(device, should_stop),
        )
        for n, found in zip(clear, test.run(), strict=True):
            results[n] = ShakeResult(**found, **starts[n].depths)
    spent = (time.process_time() - begun) / max(len(grasps), 1)
    return [_with_time(result, spent) for result in results]


def _with_time(result: ShakeResult, seconds: float) -> ShakeResult:
    return ShakeResult(**{**vars(result), 'cpu_time': seconds})


def _place(physics: PhysicsModel, grasp: Postures) -> _Start:
    import mujoco

    data = mujoco.MjData(physics.model)
    start = {'object_pose': grasp.object_pose, 'floor_drop': grasp.floor_drop}
    physics.place(data, grasp.grasp_pose, grasp.grasp, **start)
    in_pieces, in_itself, _ = physics.depths(data)
    physics.place(data, grasp.pregrasp_pose, grasp.pregrasp, **start)
    in_object, _, in_floor = physics.depths(data)
    depths = {
        'piece_depth': in_pieces,
        'self_depth': in_itself,
        'pregrasp_depth': max(in_object, in_floor),
    }
    return _Start(read_state(data), data.xipos[physics.object_body].copy(), depths)


class _Watched:
    """Worlds, and for each when its object left its place, and how far it had gone then."""

    def __init__(
        self,
        worlds: WarpWorlds,
        protocol: Protocol,
        home: NDArray[np.float64],
        start: NDArray[np.float64],
        should_stop: StopCallback | None,
    ) -> None:
        self.worlds, self.home, self.start = worlds, home, start  # [N, 3]; [N, 4] w x y z
        self._protocol, self._should_stop = protocol, should_stop
        self.phase = Cause.CLOSING
        count = worlds.count
        self.held = np.ones(count, dtype=bool)
        self.cause = np.full(count, Cause.HELD, dtype=object)
        self.motion = np.full(count, Motion.NONE, dtype=object)
        self.moved, self.turned = np.zeros(count), np.zeros(count)  # m, rad

    def advance(self, count: int = 1) -> None:
        """Time steps, and the verdicts; see `shake_test`."""
        check_stop(self._should_stop)
        if not self.held.any():
            return
        self.worlds.step(count)
        center, now = self.worlds.object_places()
        moved = np.linalg.norm(center - self.home, axis=1)
        cosine = np.einsum('ni,ni->n', now, self.start)
        sine = np.linalg.norm(now - cosine[:, None] * self.start, axis=1)
        turned = 2.0 * np.arctan2(sine, np.abs(cosine))
        gone = ~(moved <= self._protocol.max_displacement)  # NaN is gone too
        tilted = ~gone & (np.abs(cosine) < math.cos(0.5 * self._protocol.max_rotation))
        live = self.held.copy()
        self.moved[live], self.turned[live] = moved[live], turned[live]
        for fails, motion in (
            (gone & np.isfinite(moved), Motion.MOVED),
            (gone & ~np.isfinite(moved), Motion.UNSTABLE),
            (tilted, Motion.TURNED),
        ):
            fails &= live
            self.motion[fails], self.cause[fails] = motion, self.phase
        self.held &= ~(gone | tilted)

    def wait(self, seconds: float) -> None:
        """Let time pass while nothing is driven."""
        for _ in range(self.steps(seconds) // BETWEEN_VERDICTS):
            self.advance(BETWEEN_VERDICTS)

    def steps(self, seconds: float) -> int:
        return round(seconds / self._protocol.physics.time_step)

    def shares(self, seconds: float) -> NDArray[np.float64]:
        """Shares of a way at the ends of its steps."""
        count = self.steps(seconds)
        return np.arange(1, count + 1) / count


class _Test:
    """State of one batch, N grasps that are clear at the pre-grasp."""

    def __init__(
        self,
        physics: PhysicsModel,
        protocol: Protocol,
        grasps: Sequence[Postures],
        starts: Sequence[_Start],
        device: Any,
        should_stop: StopCallback | None,
    ) -> None:
        self._physics, self._protocol, self._grasps = physics, protocol, grasps
        self._should_stop = should_stop
        state = {
            name: np.stack([start.state[name] for start in starts]) for name in starts[0].state
        }
        self._watched = _Watched(
            WarpWorlds(physics, state, device),
            protocol,
            np.stack([start.home for start in starts]),
            self._all('object_pose')[:, [6, 3, 4, 5]],
            should_stop,
        )

    def _all(self, name: str) -> NDArray[np.float64]:
        return np.stack([getattr(grasp, name) for grasp in self._grasps])

    def run(self) -> list[dict[str, Any]]:
        """Close, squeeze, then pull or lift; fields of the results."""
        watched = self._watched
        self._close()
        closing = np.where(watched.held, watched.moved, math.nan)
        if self._protocol.lift_height:
            self._lift()
            found = (watched.cause, watched.motion, watched.moved, watched.turned)
            lost = watched.worlds.overflown()
        else:
            *found, lost = self._pull()
        return [
            {
                'cause': Cause.ERROR if bad else cause,
                'motion': Motion.NONE if bad else motion,
                'message': _OVERFLOW if bad else '',
                'displacement': float(moved),
                'rotation': float(turned),
                'closing_displacement': float(closed),
            }
            for cause, motion, moved, turned, closed, bad in zip(
                *found, closing, lost, strict=True
            )
        ]

    def _close(self) -> None:
        watched, protocol = self._watched, self._protocol
        pregrasp, grasp, squeeze = map(self._all, ('pregrasp', 'grasp', 'squeeze'))
        start, end = self._all('pregrasp_pose'), self._all('grasp_pose')
        shares = watched.shares(protocol.closing_time)
        turns = [
            Slerp([0.0, 1.0], Rotation.from_quat([a[3:], b[3:]]))(shares).as_quat()
            for a, b in zip(start, end, strict=True)
        ]
        for k, share in enumerate(shares):
            watched.worlds.drive(
                ctrl=(1.0 - share) * pregrasp + share * grasp,
                position=(1.0 - share) * start[:, :3] + share * end[:, :3],
                quaternion=np.stack([turn[k] for turn in turns]),
            )
            watched.advance()
        watched.phase = Cause.SQUEEZING
        for share in watched.shares(protocol.squeezing_time):
            watched.worlds.drive(ctrl=(1.0 - share) * grasp + share * squeeze)
            watched.advance()

    def _pull(self) -> tuple[NDArray, ...]:
        """Six worlds for each grasp that is closed; causes, motions, displacements, rotations."""
        watched, ways = self._watched, len(DIRECTIONS)
        found = [a.copy() for a in (watched.cause, watched.motion, watched.moved, watched.turned)]
        lost = watched.worlds.overflown()
        rows = np.flatnonzero(watched.held)
        if not len(rows):
            return *found, lost
        which = np.repeat(rows, ways)
        pulled = _Watched(
            watched.worlds.copies(which),
            self._protocol,
            watched.home[which],
            watched.start[which],
            self._should_stop,
        )
        force = self._protocol.pull * self._protocol.physics.object_mass * np.array(DIRECTIONS)
        pulled.worlds.pull(np.tile(force, (len(rows), 1)))
        pulled.wait(self._protocol.pull_time)
        overflown = pulled.worlds.overflown().reshape(-1, ways)
        shape = (len(rows), ways)
        held, motion, moved, turned = (
            a.reshape(shape) for a in (pulled.held, pulled.motion, pulled.moved, pulled.turned)
        )
        for n, row in enumerate(rows):
            first = int(np.argmin(held[n])) if not held[n].all() else ways - 1
            made = slice(0, first + 1)  # the others would not have been
            if not held[n].all():
                found[0][row], found[1][row] = PULLS[first], motion[n, first]
            found[2][row], found[3][row] = moved[n, made].max(), turned[n, made].max()
            lost[row] |= overflown[n, made].any()
        return *found, lost

    def _lift(self) -> None:
        watched, protocol = self._watched, self._protocol
        gravity = self._physics.model.opt.gravity
        way = -gravity / np.linalg.norm(gravity) * protocol.lift_height
        end, home = self._all('grasp_pose'), watched.home
        watched.phase = Cause.LIFTING
        for share in watched.shares(protocol.lift_time):
            # A cubic that starts and ends at rest.
            risen = share * share * (3.0 - 2.0 * share) * way
            watched.worlds.drive(position=end[:, :3] + risen, quaternion=end[:, 3:])
            watched.home = home + risen
            watched.advance()
        watched.phase = Cause.HOLDING
        watched.wait(protocol.hold_time)
