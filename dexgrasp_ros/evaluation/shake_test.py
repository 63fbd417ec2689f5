"""The shake test of one grasp: close the hand, then pull the object six ways, or lift it."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation, Slerp

from dexgrasp_ros.core.pulls import DIRECTIONS
from dexgrasp_ros.evaluation.protocols import Protocol
from dexgrasp_ros.evaluation.rest import Rest
from dexgrasp_ros.simulation import NearPairs, PhysicsModel
from dexgrasp_ros.simulation.unwarned import unwarned

# Time steps while nothing is driven: 20 ms, in which the pull moves a free object by 2 mm.
BETWEEN_VERDICTS = 5


class Cause(StrEnum):
    """Where a grasp failed; `HELD` where it did not."""

    HELD = 'held'
    PREGRASP = 'pregrasp'
    CLOSING = 'closing'
    SQUEEZING = 'squeezing'
    PULL_PLUS_X = 'direction +x'
    PULL_MINUS_X = 'direction -x'
    PULL_PLUS_Y = 'direction +y'
    PULL_MINUS_Y = 'direction -y'
    PULL_PLUS_Z = 'direction +z'
    PULL_MINUS_Z = 'direction -z'
    LIFTING = 'lifting'
    HOLDING = 'holding'
    TIME_OUT = 'time-out'
    ERROR = 'error'
    NOT_SHAKEN = 'not shaken'  # nobody asked for it


class Motion(StrEnum):
    """What the object did when the grasp failed."""

    NONE = ''
    MOVED = 'moved'
    TURNED = 'turned'
    UNSTABLE = 'unstable'  # the simulation itself


PULLS = (
    Cause.PULL_PLUS_X,
    Cause.PULL_MINUS_X,
    Cause.PULL_PLUS_Y,
    Cause.PULL_MINUS_Y,
    Cause.PULL_PLUS_Z,
    Cause.PULL_MINUS_Z,
)


@dataclass(frozen=True, kw_only=True)
class Postures:
    """One grasp, as the test needs it."""

    pregrasp_pose: NDArray[np.float64]  # [7] of the hand's root in the object's frame
    grasp_pose: NDArray[np.float64]  # [7]
    pregrasp: NDArray[np.float64]  # [J] rad or m
    grasp: NDArray[np.float64]  # [J]
    squeeze: NDArray[np.float64]  # [J]
    object_pose: NDArray[np.float64]  # [7] where the object starts in the object's frame
    floor_drop: float = 0.0  # m, of the floor below its place
    surface: int = 0  # which of the physics models


@dataclass(frozen=True, kw_only=True)
class ShakeResult:
    """What happened to one grasp."""

    cause: Cause
    motion: Motion = Motion.NONE
    closing_displacement: float = math.nan  # m, of the centre of mass once the hand has squeezed
    # m, in the end or once at rest; the worst of the directions that were run
    displacement: float = math.nan
    rotation: float = math.nan  # rad, likewise
    pregrasp_depth: float = math.nan  # m, of the hand in the object's pieces at the pre-grasp
    piece_depth: float = math.nan  # m, likewise at the grasp
    self_depth: float = math.nan  # m, of the hand in itself at the grasp
    cpu_time: float = math.nan  # s
    message: str = ''  # of an error


class _FailedError(Exception):
    """The object has left its place."""

    def __init__(self, motion: Motion) -> None:
        self.motion = motion


def shake(
    physics: tuple[PhysicsModel, ...],
    protocol: Protocol,
    grasp: Postures,
    *,
    every_pair: bool = False,
) -> ShakeResult:
    """Run the test with one of the physics models; it ends with the first failure.

    The closing is the same for all six directions, so it is simulated once and its end state is
    where each of them starts. With `every_pair`, all pairs of geometries are looked at in every
    step; that is slower, and the result is the same.
    """
    start = time.process_time()
    with unwarned():
        result = _Shaking(physics[grasp.surface], protocol, grasp, every_pair=every_pair).run()
    return dataclasses.replace(result, cpu_time=time.process_time() - start)


class _Shaking:
    """State of one test."""

    def __init__(
        self, physics: PhysicsModel, protocol: Protocol, grasp: Postures, *, every_pair: bool
    ) -> None:
        import mujoco

        self._physics, self._protocol, self._grasp = physics, protocol, grasp
        self._model = physics.model
        self._data = mujoco.MjData(self._model)
        self._step: Callable[[int], None] = (
            partial(mujoco.mj_step, self._model, self._data)
            if every_pair
            else NearPairs(physics, self._data).step
        )
        self._limit_w = math.cos(0.5 * protocol.max_rotation)
        self._turn = Slerp(
            [0.0, 1.0],
            Rotation.from_quat([grasp.pregrasp_pose[3:], grasp.grasp_pose[3:]]),
        )
        self._quaternion = slice(physics.object_address + 3, physics.object_address + 7)
        self._start = grasp.object_pose[[6, 3, 4, 5]]
        self._found: dict[str, float] = {}

    def run(self) -> ShakeResult:
        cause, motion = Cause.PREGRASP, Motion.NONE
        try:
            if self._pregrasp_is_clear():
                cause = Cause.CLOSING
                self._close()
                cause = Cause.SQUEEZING
                self._squeeze()
                self._found['closing_displacement'] = self._offset()[0]
                phases = self._lift() if self._protocol.lift_height else self._pulls()
                for step in phases:
                    cause, phase = step
                    phase()
                    self._keep_worst()
                self._judge()
                cause = Cause.HELD
        except _FailedError as failure:
            motion = failure.motion
            self._keep_worst()
        return ShakeResult(cause=cause, motion=motion, **self._found)

    def _pregrasp_is_clear(self) -> bool:
        grasp, physics, data = self._grasp, self._physics, self._data
        start = {'object_pose': grasp.object_pose, 'floor_drop': grasp.floor_drop}
        physics.place(data, grasp.grasp_pose, grasp.grasp, **start)
        self._found['piece_depth'], self._found['self_depth'], _ = physics.depths(data)
        physics.place(data, grasp.pregrasp_pose, grasp.pregrasp, **start)
        self._home = data.xipos[physics.object_body].copy()
        in_object, _, in_floor = physics.depths(data)
        self._found['pregrasp_depth'] = max(in_object, in_floor)
        return self._found['pregrasp_depth'] <= self._protocol.max_pregrasp_depth

    def _close(self) -> None:
        grasp = self._grasp
        shares = self._shares(self._protocol.closing_time)
        for share, quaternion in zip(shares, self._turn(shares).as_quat(), strict=True):
            self._data.ctrl[:] = (1.0 - share) * grasp.pregrasp + share * grasp.grasp
            position = (1.0 - share) * grasp.pregrasp_pose[:3] + share * grasp.grasp_pose[:3]
            self._move_wrist(position, quaternion)
            self._advance()

    def _squeeze(self) -> None:
        grasp = self._grasp
        for share in self._shares(self._protocol.squeezing_time):
            self._data.ctrl[:] = (1.0 - share) * grasp.grasp + share * grasp.squeeze
            self._advance()

    def _pulls(self) -> list[tuple[Cause, Callable[[], None]]]:
        import mujoco

        kind = mujoco.mjtState.mjSTATE_INTEGRATION
        closed = np.empty(mujoco.mj_stateSize(self._model, kind))
        mujoco.mj_getState(self._model, self._data, closed, kind)

        def pull(direction: NDArray[np.float64]) -> None:
            mujoco.mj_setState(self._model, self._data, closed, kind)
            force = self._protocol.pull * self._protocol.physics.object_mass * direction
            self._data.xfrc_applied[self._physics.object_body, :3] = force
            self._wait(self._protocol.pull_time)

        return [
            (cause, lambda d=direction: pull(d))
            for cause, direction in zip(PULLS, DIRECTIONS, strict=True)
        ]

    def _lift(self) -> list[tuple[Cause, Callable[[], None]]]:
        pose, home = self._grasp.grasp_pose, self._home
        gravity = self._model.opt.gravity
        way = -gravity / np.linalg.norm(gravity) * self._protocol.lift_height
        smooth = not self._protocol.jumps

        def lift() -> None:
            for share in self._shares(self._protocol.lift_time):
                # A cubic that starts and ends at rest, where it does not jump.
                risen = (share * share * (3.0 - 2.0 * share) if smooth else share) * way
                self._move_wrist(pose[:3] + risen, pose[3:])
                self._home = home + risen
                self._advance()

        def hold() -> None:
            self._wait(self._protocol.hold_time)

        return [(Cause.LIFTING, lift), (Cause.HOLDING, hold)][
            : 2 if self._protocol.hold_time else 1
        ]

    def _shares(self, seconds: float) -> NDArray[np.float64]:
        """How much of a phase is commanded in each of its time steps."""
        count = self._steps(seconds)
        jumps = self._protocol.jumps or count
        # Whole numbers, whose quotients have no rounding to fear.
        return -(-np.arange(1, count + 1) * jumps // count) / jumps

    def _steps(self, seconds: float) -> int:
        return round(seconds / self._protocol.physics.time_step)

    def _move_wrist(self, position: NDArray, quaternion: NDArray) -> None:
        self._data.mocap_pos[0] = position
        self._data.mocap_quat[0] = quaternion[[3, 0, 1, 2]]

    def _wait(self, seconds: float) -> None:
        """Let time pass, until the object has come to rest if that is enough."""
        rest = Rest(self._protocol)
        for left in reversed(range(self._steps(seconds) // BETWEEN_VERDICTS)):
            self._advance(BETWEEN_VERDICTS)
            if not self._protocol.to_the_end and rest.is_reached(self._offset(), left):
                return

    def _advance(self, count: int = 1) -> None:
        """Time steps, and the verdict."""
        self._step(count)
        if not self._protocol.judged_at_end:
            self._judge()

    def _judge(self) -> None:
        """Give the verdict: |cos(angle / 2)| of a turn from p to q is |p · q|."""
        x, y, z = (self._data.xipos[self._physics.object_body] - self._home).tolist()
        distance = math.sqrt(x * x + y * y + z * z)
        if not distance <= self._protocol.max_displacement:
            raise _FailedError(Motion.MOVED if math.isfinite(distance) else Motion.UNSTABLE)
        if abs(self._data.qpos[self._quaternion] @ self._start) < self._limit_w:
            raise _FailedError(Motion.TURNED)

    def _offset(self) -> tuple[float, float]:
        """Distance [m] and angle [rad] of the object from where it should be."""
        moved = self._data.xipos[self._physics.object_body] - self._home
        # What of the quaternion is along the start's is the cosine of half the angle, the rest
        # its sine, which is exact where the angle is small.
        now = self._data.qpos[self._quaternion]
        cosine = now @ self._start
        sine = np.linalg.norm(now - cosine * self._start)
        return float(np.linalg.norm(moved)), 2.0 * math.atan2(sine, abs(cosine))

    def _keep_worst(self) -> None:
        distance, angle = self._offset()
        self._found['displacement'] = max(distance, self._found.get('displacement', 0.0))
        self._found['rotation'] = max(angle, self._found.get('rotation', 0.0))
