"""Wishes in goals: turned into the frame of the mesh, or refused with a code."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip('rclpy')

from geometry_msgs.msg import Vector3
from scipy.spatial.transform import Rotation
from shape_msgs.msg import SolidPrimitive

from dexgrasp_msgs.action import SynthesizeGrasps
from dexgrasp_msgs.msg import Region
from dexgrasp_ros.bridge.geometry import pose_message
from dexgrasp_ros.bridge.goals import check_goal, goal_config, goal_wishes
from dexgrasp_ros.core.config import SynthesisConfig
from dexgrasp_ros.core.errors import ErrorCode, InputError
from dexgrasp_ros.core.poses import compose, invert, transform_points

Goal = SynthesizeGrasps.Goal
# Of the mesh in the frame of the grasps, and of a region in the frame of a camera.
MESH = np.array([0.5, 0.1, 0.2, *Rotation.from_euler('xyz', [0.3, -1.0, 0.4]).as_quat()])
PLACE = np.array([0.1, -0.3, 0.2, *Rotation.from_euler('xyz', [-0.2, 0.5, 2.0]).as_quat()])
CAMERA = np.array([0.4, 0.7, 1.0, *Rotation.from_euler('xyz', [2.0, 0.1, 0.3]).as_quat()])


def region(kind, dimensions, frame=''):
    result = Region(shape=SolidPrimitive(type=kind, dimensions=dimensions))
    result.header.frame_id = frame
    result.pose = pose_message(PLACE)
    return result


def goal(**fields) -> Goal:
    result = Goal(source=Goal.SOURCE_MESH, **fields)
    result.mesh_pose.header.frame_id = 'table'
    return result


def nowhere(_header):
    pytest.fail('no frame was named')


def test_a_goal_without_wishes_has_none():
    assert goal_wishes(goal(), MESH, nowhere) is None
    check_goal(goal())


def test_the_approach_is_turned_into_the_frame_of_the_mesh():
    asked = goal(approach_axis=Vector3(x=0.6, z=-0.8), approach_half_angle=0.4)
    wishes = goal_wishes(asked, MESH, nowhere)
    back = Rotation.from_quat(MESH[3:]).apply(wishes.approach_axis)
    np.testing.assert_allclose(back, [0.6, 0.0, -0.8], atol=1e-12)
    assert wishes.approach_half_angle == 0.4


@pytest.mark.parametrize(
    ('kind', 'dimensions', 'name'),
    [
        (SolidPrimitive.BOX, [0.1, 0.2, 0.3], 'box'),
        (SolidPrimitive.SPHERE, [0.1], 'sphere'),
        (SolidPrimitive.CYLINDER, [0.3, 0.1], 'cylinder'),
        (SolidPrimitive.CONE, [0.3, 0.1], 'cone'),
    ],
)
def test_regions_are_placed_by_their_frame(kind, dimensions, name):
    asked = goal(
        hold_regions=[region(kind, dimensions)], avoid_regions=[region(kind, dimensions, 'camera')]
    )
    wishes = goal_wishes(asked, MESH, lambda head: {'camera': CAMERA}[head.frame_id])
    (held,), (avoided,) = wishes.hold_regions, wishes.avoid_regions
    assert held.shape == avoided.shape == name
    # The middle of the shape, 3 cm along its z: as the region has it, as the mesh does.
    tip = np.array([[0.0, 0.0, 0.03]])
    for found, pose in ((held, PLACE), (avoided, compose(CAMERA, PLACE))):
        here = transform_points(invert(np.array(found.pose)), transform_points(pose, tip))
        np.testing.assert_allclose(here, tip, atol=1e-12)


def test_types_and_fingers():
    wishes = goal_wishes(goal(grasp_type=Goal.GRASP_POWER, fingers=['a', 'b']), MESH, nowhere)
    assert (wishes.grasp_type, wishes.fingers) == ('power', ('a', 'b'))


Z = Vector3(z=1.0)
BALL = SolidPrimitive.SPHERE
BAD = {
    'type': ({'grasp_type': 3}, ErrorCode.INVALID_INPUT),
    'long axis': (
        {'approach_axis': Vector3(z=2.0), 'approach_half_angle': 1.0},
        ErrorCode.OUT_OF_RANGE,
    ),
    'nan axis': (
        {'approach_axis': Vector3(x=np.nan), 'approach_half_angle': 1.0},
        ErrorCode.OUT_OF_RANGE,
    ),
    'no angle': ({'approach_axis': Z}, ErrorCode.OUT_OF_RANGE),
    'wide angle': ({'approach_axis': Z, 'approach_half_angle': 4.0}, ErrorCode.OUT_OF_RANGE),
    'nan angle': ({'approach_axis': Z, 'approach_half_angle': np.nan}, ErrorCode.OUT_OF_RANGE),
    'angle alone': ({'approach_half_angle': 1.0}, ErrorCode.INVALID_INPUT),
    'no shape': ({'hold_regions': [Region()]}, ErrorCode.INVALID_INPUT),
    'prism': ({'avoid_regions': [region(5, [1.0])]}, ErrorCode.INVALID_INPUT),
    'dimensions': ({'hold_regions': [region(BALL, [1.0, 1.0])]}, ErrorCode.WRONG_SHAPE),
    'negative': ({'hold_regions': [region(BALL, [-1.0])]}, ErrorCode.OUT_OF_RANGE),
    'nan': ({'avoid_regions': [region(BALL, [np.nan])]}, ErrorCode.OUT_OF_RANGE),
}


@pytest.mark.parametrize(('fields', 'code'), BAD.values(), ids=BAD.keys())
def test_a_wish_that_cannot_be_is_refused_before_anything_else(fields, code):
    with pytest.raises(InputError) as caught:
        check_goal(goal(**fields))
    assert caught.value.code == code


def test_a_region_with_a_broken_pose_is_refused():
    broken = region(BALL, [0.1])
    broken.pose.orientation.w = 7.0
    with pytest.raises(InputError) as caught:
        check_goal(goal(hold_regions=[broken]))
    assert caught.value.code == ErrorCode.OUT_OF_RANGE


def test_what_a_goal_says_of_the_object_takes_the_place_of_the_parameters():
    own = SynthesisConfig(object_mass=0.3, friction=0.5, max_force=20.0, max_contact_force=5.0)
    assert goal_config(goal(), own) == own
    said = goal_config(goal(object_mass=0.06, friction=0.2, max_force=8.0), own)
    assert (said.object_mass, said.friction, said.max_force) == (0.06, 0.2, 8.0)
    assert said.friction_held == pytest.approx(0.15)
    assert goal_config(goal(friction=0.01), own).friction_held < 0.01
    assert said.max_contact_force == 5.0
    free = goal_config(goal(max_force=np.inf, max_contact_force=np.inf), own)
    assert (free.max_force, free.max_contact_force) == (0.0, 0.0)


@pytest.mark.parametrize('name', ['object_mass', 'friction', 'max_force', 'max_contact_force'])
@pytest.mark.parametrize('value', [-1.0, np.nan, -np.inf, 1e9])
def test_a_number_that_cannot_be_is_refused(name, value):
    with pytest.raises(InputError, match=name) as caught:
        goal_config(goal(**{name: value}), SynthesisConfig())
    assert caught.value.code == ErrorCode.OUT_OF_RANGE
