"""One grasp carried out in a simulated world and judged by what its object did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dexgrasp_msgs.action import ExecuteGrasp
from dexgrasp_msgs.msg import Grasp
from dexgrasp_ros.bridge.client import GoalReply, GraspClient
from dexgrasp_ros.bridge.simulation_watch import SimulationWatch
from dexgrasp_ros.evaluation.lift import DURATION, Course, LiftCause, judge_lift

_MARGIN = 0.5  # s that are watched longer than an object must be held


@dataclass(frozen=True, kw_only=True)
class Moment:
    """Where everything was at the begin of a phase, or in the end."""

    name: str
    links: NDArray[np.float64]  # [L, 7] in the world
    objects: dict[int, NDArray[np.float64]]  # [7] by label


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """What came of a grasp."""

    reply: GoalReply
    cause: LiftCause
    course: Course  # of the object that was to be lifted
    phases: dict[str, float]  # s, when each began
    moments: tuple[Moment, ...]

    @property
    def lifted(self) -> bool:
        """Whether the object was lifted and held."""
        return self.cause == LiftCause.LIFTED


def attempt_grasp(
    client: GraspClient,
    watch: SimulationWatch,
    grasp: Grasp,
    *,
    timeout: float = 300.0,
    feedback: Any = None,
    **goal: Any,
) -> Attempt:
    """Execute a grasp, and watch its object for as long as it must be held.

    Parameters
    ----------
    client, watch
        Of the graph that simulates.
    grasp
        What `client.synthesize` returned, of an object with a label.
    timeout
        Real seconds for the goal, and for what is watched after it.
    feedback
        Called with each feedback.
    goal
        Further fields of the goal, such as ``speed_scale=0.5``.
    """
    phases: dict[str, float] = {}

    def note(message: ExecuteGrasp.Feedback) -> None:
        if message.phase not in phases:
            phases[message.phase] = watch.now
        if feedback is not None:
            feedback(message)

    watch.forget()
    reply = client.execute(grasp, feedback=note, timeout=timeout, **goal)
    watch.sleep(DURATION + _MARGIN, timeout)
    moments = {**phases, 'end': watch.now}
    course = watch.course(grasp.object_label)
    return Attempt(
        reply=reply,
        cause=judge_lift(course, phases),
        course=course,
        phases=phases,
        moments=tuple(
            Moment(name=name, links=watch.link_poses(time), objects=watch.object_poses(time))
            for name, time in moments.items()
        ),
    )
