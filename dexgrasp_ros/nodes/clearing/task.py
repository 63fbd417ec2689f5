"""The work of one goal of `clear_table`; it runs in a worker."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dexgrasp_msgs.action import ClearTable
from dexgrasp_msgs.msg import ClearAttempt, Grasp, Object
from dexgrasp_ros.bridge.errors import error_fields
from dexgrasp_ros.bridge.geometry import pose_array
from dexgrasp_ros.bridge.grasps import phase_times
from dexgrasp_ros.core.errors import DexGraspError, ErrorCode
from dexgrasp_ros.core.progress import StopCallback, check_stop
from dexgrasp_ros.nodes.clearing.choosing import Choice
from dexgrasp_ros.nodes.clearing.holding import short_of_squeeze
from dexgrasp_ros.nodes.clearing.memory import AttemptMemory, middle
from dexgrasp_ros.nodes.clearing.parameters import ClearTableParameters
from dexgrasp_ros.nodes.clearing.robot import Robot

Goal, Result, Feedback = ClearTable.Goal, ClearTable.Result, ClearTable.Feedback


@dataclass
class _Tried:
    """An attempt whose end the next look decides."""

    report: ClearAttempt
    thing: Object  # as it was seen before


class ClearingTask:
    """One goal; `run` does the work, `result` says at any time how far it came.

    Parameters
    ----------
    goal, config
        What is asked for, and the node's parameters for what is not.
    robot
        What looks, searches and moves.
    choice
        Which grasp comes next.
    wrist
        Gives the newest pose [7] of a hand's root link, by the names of the frame and the link.
    positions
        Gives the newest positions [J] of named joints; None where one is missing.
    report
        Takes each feedback.
    should_stop
        Asked often; true ends the work with CANCELLED.
    """

    def __init__(
        self,
        goal: Goal,
        config: ClearTableParameters,
        robot: Robot,
        choice: Choice,
        *,
        wrist: Callable[[str, str], NDArray[np.float64]],
        positions: Callable[[Sequence[str]], NDArray[np.float64] | None],
        report: Callable[[Feedback], None],
        should_stop: StopCallback,
    ) -> None:
        self._config, self._robot, self._choice = config, robot, choice
        self._wrist, self._positions = wrist, positions
        self._report, self._should_stop = report, should_stop
        self._per_object = goal.attempts_per_object or config.attempts_per_object
        self._most = goal.max_attempts or config.max_attempts
        self._memory = AttemptMemory(config.same_place, config.same_turn)
        self._home: NDArray[np.float64] | None = None  # [7] where the hand was at first
        self._start = time.perf_counter()
        self._timing: Counter[str] = Counter()  # s by phase
        self._own_timing: Counter[str] = Counter()  # of the attempt
        self._reports: list[ClearAttempt] = []
        self._left: list[str] = []
        self._objects = self._cleared = 0
        self._searches = 0
        self._object_id = ''

    def result(self, error: BaseException | None = None) -> Result:
        """Return what came of it so far, with the code and sentence of `error`."""
        result = Result(
            objects=self._objects,
            cleared=self._cleared,
            attempts=len(self._reports),
            reports=list(self._reports),
            left=list(self._left),
            timing=phase_times(self._timing.copy()),
        )
        if error is not None:
            result.error_code, result.error_message = error_fields(error)
        return result

    def run(self) -> Result:
        """Do the work.

        Raises
        ------
        DexGraspError
            Where a look, a search or the way home cannot be made.
        """
        tried: _Tried | None = None
        while True:
            things = self._look()
            if tried is not None:
                self._judge(tried, things)
            self._objects = max(self._objects, self._cleared + len(things))
            self._left = sorted(things)
            if len(self._reports) >= self._most:
                return self.result()
            grasp = self._search(things)
            if grasp is None:
                return self.result()
            tried = self._attempt(things[grasp.object_id], grasp)

    def _look(self) -> Mapping[str, Object]:
        with self._phase('look'):
            return {thing.id: thing for thing in self._robot.look()}

    def _search(self, things: Mapping[str, Object]) -> Grasp | None:
        """Choose among the grasps of all objects that may be tried; None where there is none.

        An object without grasps counts as tried, since noise may give some the next time.
        """
        while open_ones := [
            t for t in things.values() if self._memory.failures(t.id) < self._per_object
        ]:
            found: list[Grasp] = []
            with self._phase('search'):
                self._searches += 1
                for thing in open_ones:
                    self._object_id = thing.id
                    self._tell('search')
                    grasps = [
                        g
                        for g in self._robot.search(thing, self._searches)
                        if g.object_id in things
                        and not self._memory.is_tried(things[g.object_id], g)
                    ]
                    found += grasps
                    if not grasps:
                        self._memory.note(thing, None)
                self._object_id = ''
            if found:  # a strategy that wants none of them ends the work
                return self._choice.choose(found, things, self._memory)
            check_stop(self._should_stop)
        return None

    def _attempt(self, thing: Object, grasp: Grasp) -> _Tried:
        """Carry a grasp out, and the object away; the hand is open and at home in the end."""
        report = ClearAttempt(
            number=len(self._reports) + 1,
            object_id=thing.id,
            object_label=thing.label,
            grasp=grasp,
            outcome=ClearAttempt.CANCELLED,
        )
        self._reports.append(report)
        self._own_timing.clear()
        self._object_id = thing.id
        here = self._wrist(grasp.header.frame_id, grasp.hand_frame)
        self._home = here if self._home is None else self._home
        with self._phase('execute'):
            done = self._robot.execute(grasp)
        if done.error_code:
            report.outcome, report.error_code = ClearAttempt.NOT_EXECUTED, done.error_code
            report.message = done.error_message
            self._let_go(grasp)
        else:
            report.outcome, report.message = self._carry(grasp)
        report.timing = phase_times(self._own_timing.copy())
        self._object_id = ''
        return _Tried(report, thing)

    def _carry(self, grasp: Grasp) -> tuple[str, str]:
        """Carry what was lifted to its place; return the outcome as far as the fingers tell."""
        share = self._short(grasp)
        if share < self._config.held_share:
            self._let_go(grasp)
            return ClearAttempt.NOTHING_IN_HAND, _sentence(share, 'after the lift')
        with self._phase('release'):
            done = self._robot.execute(grasp, self._way_to_place(grasp), carry_only=True)
        share = self._short(grasp)
        self._let_go(grasp)
        if done.error_code:
            return ClearAttempt.DROPPED, done.error_message
        if share < self._config.held_share:
            return ClearAttempt.DROPPED, _sentence(share, 'at the place')
        return ClearAttempt.CLEARED, ''

    def _short(self, grasp: Grasp) -> float:
        with self._phase('check'):
            q = self._positions(grasp.joint_names)
        return 1.0 if q is None else short_of_squeeze(grasp, q)

    def _let_go(self, grasp: Grasp) -> None:
        """Open the hand where it is, rise, and go home.

        Raises
        ------
        DexGraspError
            What the last of it ended with, where that was not SUCCESS.
        """
        with self._phase('home'):
            # A finger that is blocked must not keep the hand from leaving the table.
            self._robot.execute(grasp, carry_only=True, open_at_end=True)
            here = self._wrist(grasp.header.frame_id, grasp.hand_frame)
            up = _up(grasp)
            rise = max(0.0, up @ self._home[:3] - up @ here[:3])
            way = [np.append(here[:3] + rise * up, here[3:]), self._home]
            done = self._robot.execute(grasp, way, carry_only=True, open_at_end=True)
        if done.error_code:
            raise DexGraspError(
                f'The hand did not get home: {done.error_message}', ErrorCode(done.error_code)
            )

    def _way_to_place(self, grasp: Grasp) -> list[NDArray[np.float64]]:
        """Poses [7] up, over the place, and down, where the contacts' middle is at the place."""
        place, up = self._config.place, _up(grasp)
        contacts = [(c.point.x, c.point.y, c.point.z) for c in grasp.contacts]
        lifted = pose_array(grasp.lift_pose)
        hand = pose_array(grasp.pose)
        held = np.mean(contacts, axis=0) if contacts else hand[:3]
        end = np.array([place.x, place.y, place.z]) + hand[:3] - held
        high = lifted[:3] + self._config.carry_rise * up
        over = end + max(0.0, up @ high - up @ end) * up
        return [np.append(place, lifted[3:]) for place in (high, over, end)]

    def _judge(self, tried: _Tried, things: Mapping[str, Object]) -> None:
        """Say how an attempt ended, now that the table was seen after it."""
        report, before = tried.report, tried.thing
        now = things.get(before.id)
        moved = np.inf if now is None else float(np.linalg.norm(middle(now) - middle(before)))
        stayed = moved < self._config.same_place
        if report.outcome == ClearAttempt.CLEARED and now is not None:
            report.outcome = ClearAttempt.NOTHING_IN_HAND if stayed else ClearAttempt.DROPPED
            report.message = f"'{before.id}' is on the table, {moved:.3f} m from where it was."
        elif report.outcome == ClearAttempt.NOTHING_IN_HAND and not stayed:
            report.outcome = ClearAttempt.MOVED
            where = 'is no more seen' if now is None else f'is {moved:.3f} m from where it was'
            report.message += f" '{before.id}' {where}."
        if report.outcome == ClearAttempt.CLEARED:
            self._cleared += 1
        else:
            self._memory.note(before, report.grasp)

    @contextlib.contextmanager
    def _phase(self, name: str) -> Iterator[None]:
        begin = time.perf_counter()
        self._tell(name)
        try:
            yield
        finally:
            for timing in (self._timing, self._own_timing):
                timing[name] += time.perf_counter() - begin

    def _tell(self, phase: str) -> None:
        self._report(
            Feedback(
                phase=phase,
                attempt=len(self._reports),
                object_id=self._object_id,
                objects=self._objects,
                cleared=self._cleared,
                elapsed=time.perf_counter() - self._start,
            )
        )


def _up(grasp: Grasp) -> NDArray[np.float64]:
    """Return the unit vector [3] of the lift; z of the frame where nothing is lifted."""
    way = pose_array(grasp.lift_pose)[:3] - pose_array(grasp.pose)[:3]
    length = np.linalg.norm(way)
    return way / length if length > 0 else np.array([0.0, 0.0, 1.0])


def _sentence(share: float, when: str) -> str:
    return f'The fingers were {100 * share:.0f} % short of their squeeze {when}.'
