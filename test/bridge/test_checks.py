"""What is refused of any message: endless names, and numbers that are none."""

from __future__ import annotations

import math

import pytest

pytest.importorskip('rclpy')

from geometry_msgs.msg import Point, Pose
from shape_msgs.msg import Mesh

from dexgrasp_msgs.msg import Contact, Grasp, GraspQuality, Object
from dexgrasp_ros.bridge.checks import check_numbers, check_texts
from dexgrasp_ros.core.errors import ErrorCode, InputError


@pytest.mark.parametrize(
    ('message', 'field'),
    [
        (Grasp(hand='x' * 201), 'hand'),
        (Grasp(joint_names=['a', 'x' * 1_000_000]), 'joint_names'),
        (Grasp(contacts=[Contact(), Contact(link='ä' * 101)]), r'contacts\[1\].link'),
        (Object(warnings=['x' * 201]), 'warnings'),
    ],
)
def test_a_name_without_an_end_is_refused_with_its_field_and_cut(message, field):
    with pytest.raises(InputError, match=f"'{field}' is 'x+|ä+") as info:
        check_texts(message)
    assert info.value.code == ErrorCode.INVALID_INPUT
    assert len(str(info.value)) < 400


def test_names_that_systems_allow_are_not():
    grasp = Grasp(hand='x' * 200, joint_names=['ä' * 100] * 20)
    check_texts(grasp)
    grasp.object_id = 'x' * 300
    check_texts(grasp, object_id=4096)


@pytest.mark.parametrize('number', [math.nan, math.inf, -math.inf])
def test_a_number_that_is_none_is_refused_with_its_field(number):
    pose = Pose(position=Point(y=number))
    for message, field in (
        (Grasp(lift_pose=pose), 'lift_pose.position.y'),
        (Grasp(squeeze=[0.0, number]), 'squeeze'),
        (Grasp(contacts=[Contact(point=Point(z=number))]), r'contacts\[0\].point.z'),
        (Object(mesh=Mesh(vertices=[Point(x=number)])), r'mesh.vertices\[0\].x'),
    ):
        with pytest.raises(InputError, match=f"'{field}' is .*{number}") as info:
            check_numbers(message)
        assert info.value.code == ErrorCode.OUT_OF_RANGE


def test_where_nan_means_that_nobody_knows_it_is_none_of_them():
    grasp = Grasp(opening_width=math.nan, quality=GraspQuality(epsilon=math.nan))
    check_numbers(grasp, unknown=('opening_width', 'quality'))
    with pytest.raises(InputError):
        check_numbers(grasp)
    grasp.quality.epsilon = math.inf
    with pytest.raises(InputError):
        check_numbers(grasp, unknown=('opening_width', 'quality'))
