"""Settings of the search, the one source for API, command line, ROS parameters and docs."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dexgrasp_ros.core.errors import ErrorCode, InputError, choices, quoted

LARGEST_SQUEEZE = 1000.0  # N


def setting(
    default: Any,
    unit: str,
    text: str,
    low: float | None = None,
    high: float | None = None,
    *,
    allowed: Sequence[str] = (),
    read_on: str = '',
    formerly: str = '',
) -> Any:
    """Return a dataclass field with what is known about it as metadata.

    Parameters
    ----------
    default, unit, text
        Its default, its unit ('-' for none, '1' for a bare number), and what it is about.
    low, high
        Range of a number; None: no bound.
    allowed
        Texts that are valid; empty: any.
    read_on
        When a node reads it for good: 'start', 'configuration', 'activation' or 'reset'; empty:
        whenever it needs it.
    formerly
        Name of a node's parameter whose place it took.
    """
    return dataclasses.field(
        default=default,
        metadata={
            'unit': unit,
            'text': text,
            'low': low,
            'high': high,
            'allowed': tuple(allowed),
            'read_on': read_on,
            'formerly': formerly,
        },
    )


def check_ranges(config: Any) -> None:
    """Refuse a value outside the range its field states, or that is none of the texts allowed.

    Raises
    ------
    InputError
        OUT_OF_RANGE, naming the field, the value and the range.
    """
    for f in dataclasses.fields(config):
        value = getattr(config, f.name)
        allowed = f.metadata.get('allowed')
        if allowed and value not in allowed:
            raise InputError(
                f"'{f.name}' is {quoted(value)}; expected one of {choices(allowed)}.",
                ErrorCode.OUT_OF_RANGE,
            )
        low, high = f.metadata.get('low'), f.metadata.get('high')
        if not isinstance(value, int | float):
            continue
        if (low is not None and not value >= low) or (high is not None and not value <= high):
            unit = f.metadata['unit']
            raise InputError(
                f"'{f.name}' is {value}; expected {low} to {'any' if high is None else high}"
                f'{"" if unit in ("-", "1") else f" [{unit}]"}.',
                ErrorCode.OUT_OF_RANGE,
            )


SEED_SOURCES = ('geometric', 'learned', 'both')


@dataclass(frozen=True, kw_only=True)
class SynthesisConfig:
    """Every number of the search; docs/method.md says where each acts.

    Raises
    ------
    InputError
        OUT_OF_RANGE, from the constructor.
    """

    max_grasps: int = setting(16, '1', 'grasps returned at most', 1, 1_000_000)
    seed_count: int = setting(128, '1', 'candidates that are optimized', 1, 1_000_000)
    random_seed: int = setting(0, '1', 'start of every random number', 0, 2**31 - 1)
    device: str = setting('auto', '-', "'cpu', 'cuda', 'cuda:1' …; 'auto' takes CUDA if it can")
    time_limit: float = setting(
        0.0, 's', 'the search ends after this; 0 is no limit', 0.0, 86400.0
    )

    # Seeds
    seed_source: str = setting(
        'geometric',
        '-',
        'where candidates start: at palms that face the surface, at grasps that the learned model'
        ' predicts, or half of them at each',
        allowed=SEED_SOURCES,
    )
    seed_draws: int = setting(
        8, '1', 'starts drawn for each candidate; the one with the least energy is taken', 1, 1000
    )
    seed_distance_min: float = setting(0.01, 'm', 'palm to surface, least', 0.0, 1.0)
    seed_distance_max: float = setting(0.05, 'm', 'palm to surface, most', 0.0, 1.0)
    seed_tilt: float = setting(0.3, 'rad', 'spread of the approach about the normal', 0.0, 3.2)
    seed_joint_spread: float = setting(
        0.2, 'rad', 'spread of joints about the preshape; a tenth in m if they slide', 0.0, 3.2
    )

    # Contact step
    friction: float = setting(
        0.4, '1', 'Coulomb coefficient that grasps are planned for', 0.01, 5.0
    )
    compliance: float = setting(0.02, '1', 'r0: softness of a closed contact', 1e-4, 10.0)
    softness_start: float = setting(
        0.02, 'm', 's: gap that doubles a contact, at first', 1e-4, 1.0
    )
    softness_end: float = setting(0.004, 'm', 's, in the end', 1e-4, 1.0)
    sweeps: int = setting(3, '1', 'sweeps of the contact solve in each iteration', 1, 1000)
    ranking_sweeps: int = setting(60, '1', 'sweeps for the ranking', 1, 10_000)

    # Weights of the energy; a point 1 mm inside costs 1e-6 m^2 times its weight
    contact_weight: float = setting(1.0, '1', 'of the mean residual energy', 0.0, 1e6)
    penetration_weight: float = setting(3e3, '1/m^2', 'of hand points in the object', 0.0, 1e9)
    object_penetration_weight: float = setting(
        3e3, '1/m^2', "of object points in the hand's primitives", 0.0, 1e9
    )
    self_weight: float = setting(1e4, '1/m^2', "of the hand's overlap with itself", 0.0, 1e9)
    self_margin: float = setting(0.002, 'm', "wanted distance between the hand's links", 0.0, 0.1)
    environment_weight: float = setting(3e3, '1/m^2', 'of points in plane or obstacles', 0.0, 1e9)
    environment_margin: float = setting(
        0.004, 'm', 'wanted distance to plane and obstacles', 0.0, 0.1
    )
    # The hand may pass through what it must not end in.
    penalty_scale_start: float = setting(
        0.3, '1', 'factor of the weights of penetration, self and environment, at first', 1e-6, 1e6
    )
    penalty_scale_end: float = setting(30.0, '1', 'the same, in the end', 1e-6, 1e6)
    distance_weight_start: float = setting(
        150.0, '1/m^2', 'pull of open contacts, at first', 1e-6, 1e9
    )
    distance_weight_end: float = setting(
        1.0, '1/m^2', 'pull of open contacts, in the end', 1e-6, 1e9
    )

    # What was wished for
    wish_weight: float = setting(
        1e4, '1/m^2', 'of unwanted contacts: by such links, or at such places', 0.0, 1e9
    )
    wish_margin: float = setting(0.005, 'm', 'wanted gap of links that are not to touch', 0.0, 0.1)
    approach_weight: float = setting(
        10.0, '1/rad^2', "of the palm's direction outside its cone", 0.0, 1e9
    )

    # Optimizer
    finalists: float = setting(
        2.0, '1', 'candidates for each wanted grasp that go to the end before others', 1.0, 1e6
    )
    iterations: int = setting(200, '1', 'gradient steps', 1, 100_000)
    step_translation: float = setting(0.003, 'm', "first step of the palm's position", 0.0, 1.0)
    step_rotation: float = setting(0.03, 'rad', "first step of the palm's rotation", 0.0, 1.0)
    step_joint: float = setting(
        0.03, 'rad', 'first step of a joint; a tenth of it in m for one that slides', 0.0, 1.0
    )
    momentum: float = setting(0.9, '1', 'Adam, first moment', 0.0, 0.9999)
    second_momentum: float = setting(0.95, '1', 'Adam, second moment', 0.0, 0.99999)

    # What is returned
    contact_distance: float = setting(0.002, 'm', 'a link this close touches', 0.0, 0.05)
    # The distance grid and the spacing of points hide up to 0.8 mm; 2 mm is what is promised.
    max_penetration: float = setting(0.001, 'm', 'deeper grasps are rejected', 0.0, 0.1)
    max_self_penetration: float = setting(0.0, 'm', 'deeper grasps are rejected', 0.0, 0.1)
    max_residual: float = setting(0.3, '1', 'grasps that leave more are rejected', 0.0, 0.5)
    duplicate_translation: float = setting(0.02, 'm', 'grasps closer in all three …', 0.0, 1.0)
    duplicate_rotation: float = setting(
        0.35, 'rad', '… are one: palm position, rotation …', 0.0, 3.2
    )
    duplicate_joint: float = setting(0.3, 'rad', '… and mean joint difference', 0.0, 3.2)

    # Closing
    clearance: float = setting(0.0003, 'm', 'gap of a finger before the squeeze', 0.0, 0.05)
    pregrasp_clearance: float = setting(0.01, 'm', 'wanted gap at the pre-grasp', 0.0, 0.2)
    pregrasp_margin: float = setting(
        0.002,
        'm',
        'gap to object, plane and obstacles at the pre-grasp; less is rejected',
        0.0,
        0.1,
    )
    sweep_step: float = setting(
        0.003, 'm', 'the hand moves at most so far between looks at its way', 1e-4, 0.1
    )
    max_retreat: float = setting(0.005, 'm', 'the palm backs off at most so far', 0.0, 0.2)
    squeeze_force: float = setting(
        25.0, 'N', 'sum of normal forces of the squeeze', 0.0, LARGEST_SQUEEZE
    )
    firm_squeeze: float = setting(
        1.6, '1', 'so many times that where the object would slip otherwise; 1: never', 1.0, 10.0
    )
    # For things that break; also in the simulated closings.
    max_force: float = setting(
        0.0, 'N', 'sum of the normal forces on the object at most; 0 is no limit', 0.0, 1e4
    )
    max_contact_force: float = setting(
        0.0, 'N', 'force of one contact at most; 0 is no limit', 0.0, 1e4
    )

    # Simulation of the closing
    simulate_closing: bool = setting(True, '-', 'rank by simulated closings and plan from them')
    object_mass: float = setting(0.1, 'kg', 'of the simulated object', 1e-4, 1e3)
    simulation_step: float = setting(0.008, 's', 'time step', 1e-4, 0.05)
    closing_time: float = setting(0.4, 's', 'from pre-grasp to grasp', 0.01, 10.0)
    squeezing_time: float = setting(0.4, 's', 'from grasp to squeeze', 0.01, 10.0)
    surface_error: float = setting(
        0.001, 'm', 'grasps must close as well if the surface is so far out', 0.0, 0.02
    )
    max_displacement: float = setting(
        0.02, 'm', 'an object that moves more in the simulation is not held', 0.0, 1.0
    )
    max_rotation: float = setting(0.2, 'rad', 'or turns more', 0.0, 3.2)
    holding_friction: float = setting(
        0.0,
        '1',
        'forces balance within its cone, and grasps are ranked by how they hold about it; 0: ¾ of '
        'friction',
        0.0,
        5.0,
    )

    def __post_init__(self) -> None:
        """Check every range."""
        check_ranges(self)

    @property
    def friction_held(self) -> float:
        """Friction about which grasps are ranked by how they hold."""
        return self.holding_friction or 0.75 * self.friction
