"""When an object has come to rest: courses whose end is known."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from dexgrasp_ros.core.pulls import MAX_DISPLACEMENT, MAX_ROTATION
from dexgrasp_ros.evaluation import find_protocol
from dexgrasp_ros.evaluation.rest import Rest

COUNT = 100  # verdicts of a pull


def seen_until_rest(displacement, rotation):
    """How many verdicts are looked at before the object is at rest; all where it never is."""
    rest = Rest(find_protocol('fc'))
    for n, offset in enumerate(zip(displacement, rotation, strict=True)):
        if rest.is_reached(offset, COUNT - 1 - n):
            return n + 1
    return COUNT


def test_what_stands_is_at_rest_once_it_was_looked_at_for_a_while():
    still = np.full(COUNT, 0.001)
    assert seen_until_rest(still, still) == 8
    near_the_limit = np.full(COUNT, 0.6 * MAX_DISPLACEMENT)
    assert seen_until_rest(near_the_limit, still) == COUNT


@pytest.mark.parametrize('limit', [MAX_DISPLACEMENT, MAX_ROTATION])
def test_what_creeps_is_at_rest_if_sixteen_times_its_speed_stays_within_half_the_limit(limit):
    """16 r (99 - n) + r n < limit / 2 has its first n where 15 r n > 1584 r - limit / 2."""
    rate = limit / 2400
    creeping, still = rate * np.arange(COUNT), np.zeros(COUNT)
    courses = (creeping, still) if limit == MAX_DISPLACEMENT else (still, creeping)
    first = int(np.ceil((16 * 99 * rate - limit / 2) / (15 * rate)))
    assert 8 < first < COUNT - 1
    assert seen_until_rest(*courses) == first + 1


def test_what_goes_on_to_fail_is_never_at_rest():
    failing = MAX_DISPLACEMENT / COUNT * np.arange(COUNT)
    assert seen_until_rest(failing, np.zeros(COUNT)) == COUNT


def test_contacts_that_creep_are_pulled_to_the_end():
    assert find_protocol('hard').to_the_end
    assert not find_protocol('fc').to_the_end
    assert not find_protocol('tabletop').to_the_end
    assert dataclasses.replace(find_protocol('fc'), to_the_end=True).to_the_end
