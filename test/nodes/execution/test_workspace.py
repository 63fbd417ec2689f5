"""Where the wrist may be sent."""

from __future__ import annotations

import math

import numpy as np
import pytest

pytest.importorskip('rclpy')

from dexgrasp_ros.bridge.grasps import duration
from dexgrasp_ros.core.errors import CommandError, ErrorCode, InputError
from dexgrasp_ros.nodes.execution.parameters import Workspace
from dexgrasp_ros.nodes.execution.workspace import check_workspace

START = np.array([1.0, 0, 0.5, 0, 0, 0, 1])


def places(*positions):
    return np.array([[*position, 0, 0, 0, 1] for position in positions])


@pytest.mark.parametrize(
    ('limits', 'place', 'words'),
    [
        ({}, (3.1, 0, 0.5), "2.1 m from where it is in 'table'.* 2 m .*'workspace.distance'"),
        ({}, (-1e300, 0, 0), "1e\\+300 m from where it is .*'workspace.distance'"),
        ({}, (math.nan, 0, 0), "nan m .*'workspace.distance'"),
        ({'radius': 1.2}, (0, 1.3, 0), "1.3 m from the origin of 'table'.*'workspace.radius'"),
        ({'z_min': 0.05}, (1, 0, 0.02), "-0.02 m along -z of .* -0.05 m .*'workspace.z_min'"),
        ({'y_max': 0.4}, (1, 0.5, 0.5), "0.5 m along y of 'table'.* 0.4 m .*'workspace.y_max'"),
    ],
)
def test_a_place_out_of_bounds_is_said_with_value_bound_and_parameter(limits, place, words):
    way = places((1, 0.1, 0.4), place)
    with pytest.raises(CommandError, match=words) as info:
        check_workspace(way, START, 'table', Workspace(**limits))
    assert info.value.code == ErrorCode.OUT_OF_RANGE
    check_workspace(way[:1], START, 'table', Workspace(**limits))


def test_a_wrist_that_is_outside_may_come_back():
    limits = Workspace(x_max=0.8, z_min=0.1)
    check_workspace(places((0.7, 0, 0.2)), START, 'table', limits)


def test_bounds_that_are_none_are_refused():
    for wrong in ({'distance': math.nan}, {'radius': -1.0}, {'x_min': math.inf}):
        with pytest.raises(InputError) as info:
            Workspace(**wrong)
        assert info.value.code == ErrorCode.OUT_OF_RANGE


@pytest.mark.parametrize('seconds', [math.inf, math.nan, 1e12, -1.0])
def test_a_time_that_a_message_cannot_hold_is_refused(seconds):
    with pytest.raises(CommandError, match='A motion takes'):
        duration(seconds)
