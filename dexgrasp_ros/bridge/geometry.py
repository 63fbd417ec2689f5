"""Geometry messages ↔ arrays: stamps, poses, transforms, planes, meshes, point clouds.

Poses are [x y z qx qy qz qw] in metres, as everywhere in the package.
"""

from __future__ import annotations

import array

import numpy as np
from builtin_interfaces.msg import Time
from geometry_msgs.msg import Point, Pose, Transform, Vector3
from numpy.typing import ArrayLike, NDArray
from sensor_msgs.msg import PointCloud2, PointField
from shape_msgs.msg import Mesh, MeshTriangle, Plane
from std_msgs.msg import Header

from dexgrasp_ros.core.errors import ErrorCode, InputError, ObjectError, choices

_SECOND = 1_000_000_000  # ns
# m; a place that is farther away is none, and overflows where it is moved or squared.
FARTHEST = 1e6


def stamp_to_nanoseconds(stamp: Time) -> int:
    """`stamp` as nanoseconds since the clock's epoch."""
    return stamp.sec * _SECOND + stamp.nanosec


def age_text(age: float) -> str:
    """Say how far `age` [s] a stamp lies behind the clock, or ahead of it."""
    return f'{age:.2f} s old' if age >= 0 else f'{-age:.2f} s ahead of the clock'


def nanoseconds_to_stamp(nanoseconds: int) -> Time:
    """Inverse of `stamp_to_nanoseconds`."""
    return Time(sec=nanoseconds // _SECOND, nanosec=nanoseconds % _SECOND)


def header(frame_id: str, stamp: int) -> Header:
    """Header of frame `frame_id` at `stamp` [ns]."""
    return Header(frame_id=frame_id, stamp=nanoseconds_to_stamp(stamp))


def point(xyz: ArrayLike) -> Point:
    """Point message of three numbers [m]."""
    x, y, z = map(float, xyz)
    return Point(x=x, y=y, z=z)


def vector(xyz: ArrayLike) -> Vector3:
    """Vector message of three numbers."""
    x, y, z = map(float, xyz)
    return Vector3(x=x, y=y, z=z)


def pose_message(pose: ArrayLike) -> Pose:
    """Pose message of [x y z qx qy qz qw]."""
    message = Pose()
    _fill(message.position, message.orientation, pose)
    return message


def transform_message(pose: ArrayLike) -> Transform:
    """Transform message of [x y z qx qy qz qw]."""
    message = Transform()
    _fill(message.translation, message.rotation, pose)
    return message


def pose_array(message: Pose | Transform) -> NDArray[np.float64]:
    """[x y z qx qy qz qw] of a pose or transform message, the quaternion normalised.

    A quaternion of four zeros counts as no rotation: it is what an untouched message of some
    clients holds.

    Raises
    ------
    InputError
        OUT_OF_RANGE where a number is not finite, the place beyond `FARTHEST` or the quaternion
        far from unit length.
    """
    if isinstance(message, Transform):
        p, q = message.translation, message.rotation
    else:
        p, q = message.position, message.orientation
    pose = np.array([p.x, p.y, p.z, q.x, q.y, q.z, q.w])
    length = np.linalg.norm(pose[3:])
    if length == 0:
        pose[6] = length = 1.0
    if not ((np.abs(pose[:3]) <= FARTHEST).all() and abs(length - 1) < 0.1):  # nor NaN
        raise InputError(
            f'A pose is {pose.tolist()}; expected a place of at most {FARTHEST:g} m and a unit'
            ' quaternion.',
            ErrorCode.OUT_OF_RANGE,
        )
    pose[3:] /= length
    return pose


def plane_message(plane: ArrayLike) -> Plane:
    """Plane message of [4] n, d with n·x + d = 0."""
    return Plane(coef=np.asarray(plane, dtype=np.float64))


def plane_array(message: Plane) -> NDArray[np.float64]:
    """[4] n, d of unit normal n.

    Raises
    ------
    InputError
        OUT_OF_RANGE where the normal is zero or a number is not finite.
    """
    plane = np.asarray(message.coef, dtype=np.float64)
    length = np.linalg.norm(plane[:3])
    if not (np.isfinite(plane).all() and 0 < length < np.inf):
        raise InputError(
            f'A plane is {plane.tolist()}; expected finite numbers and a normal that is not zero.',
            ErrorCode.OUT_OF_RANGE,
        )
    return plane / length


def transform_plane(pose: NDArray[np.float64], plane: NDArray[np.float64]) -> NDArray[np.float64]:
    """Plane [4] given in frame b in frame a, for the pose T_ab [7].

    From n_b·x_b + d_b = 0 and x_b = Rᵀ(x_a - t): n_a = R n_b, d_a = d_b - n_a·t.
    """
    from scipy.spatial.transform import Rotation

    normal = Rotation.from_quat(pose[3:]).apply(plane[:3])
    return np.append(normal, plane[3] - normal @ pose[:3])


def mesh_message(vertices: NDArray, faces: NDArray) -> Mesh:
    """Mesh message of vertices [V, 3] m and faces [F, 3]."""
    faces = np.ascontiguousarray(faces, dtype=np.uint32)
    return Mesh(
        vertices=[Point(x=x, y=y, z=z) for x, y, z in np.asarray(vertices, float).tolist()],
        triangles=[MeshTriangle(vertex_indices=face) for face in faces],
    )


def mesh_arrays(message: Mesh) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Vertices [V, 3] m and faces [F, 3] of a mesh message.

    Raises
    ------
    ObjectError
        INVALID_MESH where it has no triangles, a vertex that is not finite or beyond `FARTHEST`,
        or a triangle that names a vertex which does not exist.
    """
    vertices = np.array([(p.x, p.y, p.z) for p in message.vertices], dtype=np.float64)
    vertices = vertices.reshape(-1, 3)
    faces = np.array([t.vertex_indices for t in message.triangles], dtype=np.int64).reshape(-1, 3)
    if not len(faces):
        raise ObjectError(
            f'The mesh has {len(vertices)} vertices and no triangles; expected at least four'
            ' triangles around a body.'
        )
    if faces.max() >= len(vertices):
        raise ObjectError(
            f'A triangle of the mesh names vertex {faces.max()}; there are {len(vertices)}.'
        )
    if not (np.abs(vertices) <= FARTHEST).all():  # nor NaN
        raise ObjectError(
            f'A vertex of the mesh is not finite, or beyond {FARTHEST:g} m; expected metres.'
        )
    return vertices, faces


def cloud_message(points: NDArray, head: Header) -> PointCloud2:
    """Point cloud of xyz float32 from points [M, 3] m."""
    data = np.ascontiguousarray(points, dtype='<f4').reshape(-1, 3)
    message = PointCloud2(
        header=head,
        height=1,
        width=len(data),
        fields=[
            PointField(name=name, offset=4 * i, datatype=PointField.FLOAT32, count=1)
            for i, name in enumerate('xyz')
        ],
        point_step=12,
        row_step=12 * len(data),
        is_dense=bool(np.isfinite(data).all()),
    )
    message.data = array.array('B', data.tobytes())
    return message


def cloud_points(message: PointCloud2) -> NDArray[np.float64]:
    """Points [M, 3] m of a cloud with float32 or float64 x, y, z that are finite and not too far.

    Raises
    ------
    InputError
        As `cloud_array`.
    """
    points = cloud_array(message).reshape(-1, 3)
    return points[(np.abs(points) <= FARTHEST).all(axis=1)]


def cloud_array(message: PointCloud2) -> NDArray[np.float64]:
    """Points [height, width, 3] m of a cloud with float32 or float64 x, y, z, as they are.

    Raises
    ------
    InputError
        MISSING_KEY where x, y or z is missing, WRONG_TYPE where it is no float, WRONG_SHAPE where
        the data are shorter than the header says.
    """
    if message.width * message.height == 0:
        return np.empty((message.height, message.width, 3))
    fields = {f.name: f for f in message.fields}
    if missing := set('xyz') - set(fields):
        raise InputError(
            f'The point cloud lacks {choices(missing)}; it has {choices(fields)}.',
            ErrorCode.MISSING_KEY,
        )
    formats = {PointField.FLOAT32: 'f4', PointField.FLOAT64: 'f8'}
    types = {fields[n].datatype for n in 'xyz'}
    if not types <= set(formats):
        raise InputError(
            f'x, y, z of the point cloud have datatypes {sorted(types)}; expected FLOAT32 or'
            ' FLOAT64.',
            ErrorCode.WRONG_TYPE,
        )
    order = '>' if message.is_bigendian else '<'
    kinds = [np.dtype(order + formats[fields[n].datatype]) for n in 'xyz']
    offsets = [fields[n].offset for n in 'xyz']
    end = max(offset + kind.itemsize for offset, kind in zip(offsets, kinds, strict=True))
    data = np.frombuffer(message.data, np.uint8)
    row_step = message.row_step or message.point_step * message.width
    if (
        len(data) < row_step * message.height
        or row_step < message.point_step * message.width
        or message.point_step < end
    ):
        raise InputError(
            f'The point cloud has {len(data)} bytes, {message.point_step} for each of'
            f' {message.width} × {message.height} points; expected {row_step} × {message.height}'
            f' bytes and at least {end} for each point.',
            ErrorCode.WRONG_SHAPE,
        )
    dtype = np.dtype(
        {
            'names': list('xyz'),
            'formats': kinds,
            'offsets': offsets,
            'itemsize': message.point_step,
        }
    )
    grid = np.ndarray(
        (message.height, message.width), dtype, data, strides=(row_step, message.point_step)
    )
    return np.stack([grid[n] for n in 'xyz'], axis=-1).astype(np.float64)


def _fill(position: object, orientation: object, pose: ArrayLike) -> None:
    position.x, position.y, position.z = map(float, pose[:3])
    orientation.x, orientation.y, orientation.z, orientation.w = map(float, pose[3:])
