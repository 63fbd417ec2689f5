"""What counts as lifted, and where an object was lost, for courses that are written down."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from dexgrasp_ros.evaluation.lift import Course, LiftCause, is_lifted, judge_lift, moved_by

CORNERS = 0.05 * np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)])
REST = 0.05  # m, height of the middle of a cube of 10 cm that stands on the table
PHASES = {'pregrasp': 0.0, 'grasp': 2.0, 'squeeze': 3.0, 'hold': 3.5, 'lift': 4.0}


def course(heights, *, shift=(), tilt=()):
    """Heights, shifts along x and tilts about y given as (time, value), linear between."""
    times = np.linspace(0, 12, 361)

    def at(knots, rest):
        return np.interp(times, *zip(*knots, strict=True)) if len(knots) else np.full(361, rest)

    poses = np.zeros((361, 7))
    poses[:, 0], poses[:, 2] = at(shift, 0.0), REST + at(heights, 0.0)
    poses[:, 3:] = Rotation.from_rotvec(at(tilt, 0.0)[:, None] * [0, 1.0, 0]).as_quat()
    return Course(times=times, poses=poses, vertices=CORNERS)


LIFT = [(0, 0), (4, 0), (5, 0.12), (12, 0.12)]


@pytest.mark.parametrize(
    ('seen', 'phases', 'cause'),
    [
        (course(LIFT), PHASES, LiftCause.LIFTED),
        # It may hang askew, and swing while it is lifted.
        (course([*LIFT[:2], (5, 0.2), (12, 0.2)], tilt=[(4, 0), (5, 0.7)]), PHASES, 'lifted'),
        (course([]), PHASES, LiftCause.LIFTING),
        (course([(0, 0), (4, 0), (4.5, 0.06), (4.6, 0), (12, 0)]), PHASES, LiftCause.LIFTING),
        # High enough for 2.5 s only.
        (
            course([(0, 0), (4, 0), (5, 0.12), (7, 0.12), (7.1, 0), (12, 0)]),
            PHASES,
            'lost in hold',
        ),
        # Pushed by 2 cm, or tipped, before the hand closes.
        (course([], shift=[(1, 0), (1.5, 0.02)]), PHASES, LiftCause.SWEPT),
        (course([], tilt=[(1, 0), (1.5, 0.3)]), PHASES, LiftCause.SWEPT),
        (course([], shift=[(1, 0), (1.5, 0.02)]), {'pregrasp': 0.0}, LiftCause.SWEPT),
        # Pushed away by the fingers.
        (course([], shift=[(2.5, 0), (3.5, 0.08)]), PHASES, LiftCause.CLOSING),
        (course([]), {'pregrasp': 0.0, 'grasp': 2.0}, LiftCause.CLOSING),
        # What moved on the way and is lifted all the same is lifted.
        (course(LIFT, shift=[(1, 0), (1.5, 0.02)]), PHASES, LiftCause.LIFTED),
    ],
)
def test_each_end_has_its_name(seen, phases, cause):
    assert judge_lift(seen, phases) == cause


def test_the_lowest_point_counts():
    """A cube on its edge reaches lower by (√2 - 1) / 2 of its side."""
    seen = course([(0, 0.1), (12, 0.1)], tilt=[(0, 0), (12, np.pi / 4)])
    assert seen.heights()[0] == pytest.approx(0.1)
    assert seen.heights()[-1] == pytest.approx(0.1 - 0.05 * (np.sqrt(2) - 1))


def test_three_seconds_on_end_are_not_three_seconds_in_all():
    times = np.arange(0, 10, 0.1)
    heights = np.full(100, 0.1)
    assert is_lifted(times, heights)
    heights[::29] = 0.079
    assert not is_lifted(times, heights)
    assert not is_lifted(times, np.full(100, np.nan))


def test_how_far_it_moved():
    seen = course([], shift=[(0, 0), (12, 0.12)], tilt=[(0, 0), (12, 0.6)])
    way, turn = moved_by(seen, 6.0)
    assert (way, turn) == (pytest.approx(0.06), pytest.approx(0.3))
