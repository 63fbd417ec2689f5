import numpy as np
import pytest

pytest.importorskip('rclpy')

from geometry_msgs.msg import Point, Pose, Quaternion
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from sensor_msgs.msg import PointCloud2, PointField
from shape_msgs.msg import Mesh, Plane
from std_msgs.msg import Header

from dexgrasp_ros.bridge.geometry import (
    cloud_message,
    cloud_points,
    mesh_arrays,
    mesh_message,
    nanoseconds_to_stamp,
    plane_array,
    pose_array,
    pose_message,
    stamp_to_nanoseconds,
    transform_message,
    transform_plane,
)
from dexgrasp_ros.core.errors import DexGraspError, ErrorCode, InputError
from dexgrasp_ros.core.poses import transform_points


@given(st.integers(0, 2**31 * 10**9 - 1))
def test_stamps_keep_every_nanosecond(nanoseconds):
    assert stamp_to_nanoseconds(nanoseconds_to_stamp(nanoseconds)) == nanoseconds


def test_poses_are_xyzw_both_ways():
    pose = np.array([1.0, 2, 3, *Rotation.from_euler('xyz', [0.1, 0.2, 0.3]).as_quat()])
    for message in (pose_message(pose), transform_message(pose)):
        np.testing.assert_allclose(pose_array(message), pose)
    assert pose_message(pose).orientation.x == pose[3]


def test_a_quaternion_of_zeros_is_no_rotation_and_what_is_no_pose_is_refused():
    message = Pose(orientation=Quaternion(x=0.0, y=0.0, z=0.0, w=0.0))
    np.testing.assert_array_equal(pose_array(message), [0, 0, 0, 0, 0, 0, 1])
    for bad in (
        Pose(orientation=Quaternion(w=2.0)),
        Pose(orientation=Quaternion(x=np.nan)),
        Pose(position=Point(y=np.nan)),
        Pose(position=Point(y=-2e6)),
        Pose(position=Point(x=1e300)),
    ):
        with pytest.raises(InputError) as caught:
            pose_array(bad)
        assert caught.value.code == ErrorCode.OUT_OF_RANGE


def test_a_mesh_survives_the_way_there_and_back():
    vertices = np.random.default_rng(0).normal(size=(9, 3))
    faces = np.random.default_rng(1).integers(0, 9, (5, 3))
    found = mesh_arrays(mesh_message(vertices, faces))
    np.testing.assert_array_equal(found[0], vertices)
    np.testing.assert_array_equal(found[1], faces)


@pytest.mark.parametrize(
    'message',
    [
        Mesh(),
        mesh_message(np.eye(3), np.empty((0, 3))),
        mesh_message(np.eye(3), [[0, 1, 3]]),
        mesh_message([[0, 0, 0], [1, 0, 0], [0, np.nan, 0]], [[0, 1, 2]]),
        mesh_message([[0, 0, 0], [1, 0, 0], [0, 1e300, 0]], [[0, 1, 2]]),
    ],
    ids=['empty', 'no faces', 'no such vertex', 'not finite', 'nowhere'],
)
def test_a_mesh_that_is_none_is_refused(message):
    with pytest.raises(DexGraspError) as caught:
        mesh_arrays(message)
    assert caught.value.code == ErrorCode.INVALID_MESH


def test_a_plane_moves_with_its_points():
    rng = np.random.default_rng(2)
    pose = np.array([0.3, -0.2, 0.9, *Rotation.random(rng=rng).as_quat()])
    plane = plane_array(Plane(coef=[0.0, 3.0, 4.0, -10.0]))
    np.testing.assert_allclose(plane, [0, 0.6, 0.8, -2])
    points = rng.normal(size=(20, 3))
    moved = transform_plane(pose, plane)
    distance = points @ plane[:3] + plane[3]
    there = transform_points(pose, points) @ moved[:3] + moved[3]
    np.testing.assert_allclose(there, distance, atol=1e-12)
    for bad in (Plane(), Plane(coef=[1e200, 0.0, 1e200, 1.0]), Plane(coef=[1.0, 0, 0, np.nan])):
        with pytest.raises(InputError), np.errstate(over='ignore'):
            plane_array(bad)


def test_a_cloud_survives_the_way_there_and_back():
    points = np.random.default_rng(0).normal(size=(50, 3))
    np.testing.assert_allclose(cloud_points(cloud_message(points, Header())), points, atol=1e-6)
    assert cloud_points(PointCloud2()).shape == (0, 3)


def test_points_that_are_nowhere_are_left_out():
    points = np.array([[0.1, 0.2, 0.3], [np.nan, 0, 0], [0, 3e38, 0], [0, 0, -np.inf]])
    found = cloud_points(cloud_message(points, Header()))
    np.testing.assert_allclose(found, points[:1], atol=1e-6)


def test_a_cloud_of_another_layout_is_read():
    # An organised 2 x 2 cloud, big-endian float64, z first, a colour between, rows padded.
    layout = np.dtype([('z', '>f8'), ('rgb', '>u4'), ('x', '>f8'), ('y', '>f8')])
    rows = np.zeros((2, 2), layout)
    rows['x'], rows['y'], rows['z'] = [[1, 2], [3, 4]], [[5, 6], [7, 8]], [[9, np.nan], [11, 12]]
    message = PointCloud2(
        height=2,
        width=2,
        is_bigendian=True,
        point_step=layout.itemsize,
        row_step=2 * layout.itemsize + 5,
        data=b''.join(row.tobytes() + b'?????' for row in rows),
        fields=[
            PointField(name=n, offset=layout.fields[n][1], datatype=PointField.FLOAT64, count=1)
            for n in ('x', 'y', 'z')
        ],
    )
    np.testing.assert_array_equal(cloud_points(message), [[1, 5, 9], [3, 7, 11], [4, 8, 12]])


def test_a_cloud_without_coordinates_or_data_is_refused():
    message = cloud_message(np.ones((4, 3)), Header())
    message.width = 5
    with pytest.raises(InputError) as caught:
        cloud_points(message)
    assert caught.value.code == ErrorCode.WRONG_SHAPE
    message.fields = message.fields[:2]
    with pytest.raises(InputError, match="'z'") as caught:
        cloud_points(message)
    assert caught.value.code == ErrorCode.MISSING_KEY
