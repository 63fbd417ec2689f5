"""The protocols of the shake test."""

from __future__ import annotations

from dataclasses import dataclass, field

from dexgrasp_ros.core.errors import ErrorCode, InputError, choices
from dexgrasp_ros.core.pulls import ACCELERATION, MAX_DISPLACEMENT, MAX_ROTATION
from dexgrasp_ros.simulation import PhysicsSettings


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """What is done to a grasp, and when it has failed.

    A grasp runs from pre-grasp to grasp to squeeze; then either the object is pulled in the six
    directions of the axes, or the hand lifts it from the floor.
    """

    name: str
    physics: PhysicsSettings = field(default_factory=PhysicsSettings)
    closing_time: float = 0.4  # s, from pre-grasp to grasp
    squeezing_time: float = 0.4  # s, from grasp to squeeze
    pull_time: float = 2.0  # s that each force acts
    pull: float = ACCELERATION  # m/s^2, force on the object divided by its mass
    lift_height: float = 0.0  # m; above zero there is a floor, and no pulling
    lift_time: float = 1.0  # s
    hold_time: float = 1.0  # s after the lift
    # Whether pulls and the hold last so long even where the object has come to rest before; that
    # takes four times as long, and changes verdicts only where contacts creep, see `rest`.
    to_the_end: bool = False
    jumps: int = 0  # in which each phase is commanded; 0: in as many as there are time steps
    judged_at_end: bool = False  # only then, else all the time
    max_pregrasp_depth: float = 0.01  # m
    max_displacement: float = MAX_DISPLACEMENT  # m, of the centre of mass from where it should be
    max_rotation: float = MAX_ROTATION  # rad


def find_protocol(name: str) -> Protocol:
    """Return the protocol ``fc``, ``hard``, ``tabletop`` or ``tabletop-bench``.

    ``fc`` is the setting of that name of DexGraspBench, ``hard`` that of Dexonomy with half the
    friction and contacts that creep; ``tabletop`` puts the object on a floor under gravity and
    lifts it by 10 cm in 1 s, and holds it for another. ``tabletop-bench`` is DexGraspBench's
    setting ``tabletop`` (``src/task/eval_func/tabletop_mocap.py``, ``src/util/hand_util.py`` at
    1e7a5a6): 10 m/s^2 on the object, every phase in ten jumps within 0.4 s, the lift too, a wrist
    that is held more softly, and a verdict as soon as, and only when, it has been lifted.

    Raises
    ------
    InputError
        OUT_OF_RANGE, with the valid names.
    """
    slippery = PhysicsSettings(
        sliding_friction=0.3, torsional_friction=0.002, noslip_iterations=0, impedance_ratio=1.0
    )
    protocols = {
        'fc': Protocol(name='fc'),
        'hard': Protocol(name='hard', physics=slippery, to_the_end=True),
        'tabletop': Protocol(
            name='tabletop', physics=PhysicsSettings(gravity=9.81), lift_height=0.1
        ),
        'tabletop-bench': Protocol(
            name='tabletop-bench',
            physics=PhysicsSettings(gravity=ACCELERATION, weld_time=0.02),
            lift_height=0.1,
            lift_time=0.4,
            hold_time=0.0,
            jumps=10,
            judged_at_end=True,
        ),
    }
    if name not in protocols:
        raise InputError(
            f"There is no protocol '{name}'; there are {choices(protocols)}.",
            ErrorCode.OUT_OF_RANGE,
        )
    return protocols[name]
