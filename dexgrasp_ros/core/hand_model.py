"""A hand as synthesis, pictures and messages need it, whatever URDF it came from."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray


class JointType(IntEnum):
    """How a link moves in its parent; continuous joints are revolute without limits."""

    FIXED = 0
    REVOLUTE = 1
    PRISMATIC = 2


class GeometryType(IntEnum):
    """Collision primitives; the meaning of `HandModel.geometry_sizes` stands behind each."""

    BOX = 0  # half extents x, y, z
    SPHERE = 1  # radius, -, -
    CYLINDER = 2  # radius, half length along z, -
    CAPSULE = 3  # radius, half length of the axis along z without the caps, -
    CONVEX = 4  # half extents of the bounding box; the shape is in `HandModel.planes`


@dataclass(frozen=True, kw_only=True)
class LinkMesh:
    """Triangles that draw one visual geometry of a link, in the link's frame."""

    link: int  # index into `link_names`
    vertices: NDArray[np.float64]  # [V, 3] m
    faces: NDArray[np.int64]  # [F, 3]
    color: tuple[float, float, float, float]  # RGBA, 0 … 1


@dataclass(frozen=True, kw_only=True)
class ConvexMesh:
    """Corners and triangles of a convex geometry, in the geometry's frame."""

    vertices: NDArray[np.float64]  # [V, 3] m
    faces: NDArray[np.int64]  # [F, 3] outward


@dataclass(frozen=True, kw_only=True)
class HandModel:
    """Kinematic tree, limits, collision geometry and surface points of one hand.

    Links stand parents first; link 0 is the root, whose frame is the hand's frame. The joint that
    moves link l sits at `joint_origins[l]` in its parent and has the value
    ``multipliers[l] * q[coordinates[l]] + offsets[l]`` (``offsets[l]`` alone where
    ``coordinates[l]`` is -1: fixed and locked joints), so mimic joints need no special case.

    A *group* is one collision geometry with the surface points on it; `geometry_*`, `group_*` and
    `self_collision_pairs` count the same things. Points are sorted by cluster, clusters by group.
    """

    name: str
    urdf: str  # the text it came from
    link_names: tuple[str, ...]  # [L]
    link_parents: NDArray[np.int32]  # [L], -1 for the root
    joint_origins: NDArray[np.float64]  # [L, 7] joint frame in the parent link, xyz qxyzw
    joint_types: NDArray[np.int32]  # [L] JointType
    joint_axes: NDArray[np.float64]  # [L, 3] unit, in the joint frame
    coordinates: NDArray[np.int32]  # [L] index into `joint_names`, or -1
    multipliers: NDArray[np.float64]  # [L]
    offsets: NDArray[np.float64]  # [L] rad or m

    joint_names: tuple[str, ...]  # [J] actuated joints, order of the document
    lower: NDArray[np.float64]  # [J] rad or m; -inf where there is no limit
    upper: NDArray[np.float64]  # [J]
    velocity_limits: NDArray[np.float64]  # [J] rad/s or m/s
    effort_limits: NDArray[np.float64]  # [J] N m or N
    joint_stiffness: NDArray[np.float64]  # [J] N m/rad or N/m
    closing: NDArray[np.int32]  # [J] sign of the motion that closes the hand, 0 for none
    preshape: NDArray[np.float64]  # [J] half-open posture that searches start from

    palm_pose: NDArray[np.float64]  # [7] in the root link: z leaves the palm (approach axis)

    geometry_links: NDArray[np.int32]  # [G]
    geometry_types: NDArray[np.int32]  # [G] GeometryType
    geometry_poses: NDArray[np.float64]  # [G, 7] in the link
    geometry_sizes: NDArray[np.float64]  # [G, 3] m, see GeometryType
    geometry_planes: NDArray[np.int32]  # [G + 1] planes of geometry g: geometry_planes[g:g+2]
    planes: NDArray[np.float64]  # [Q, 4] n, d in the geometry's frame: inside where n·x <= d
    geometry_meshes: tuple[ConvexMesh | None, ...]  # [G] triangles of CONVEX, None for the others
    group_names: tuple[str, ...]  # [G] for people
    group_weights: NDArray[np.float64]  # [G] how much contact is wanted there, 0 … 1
    group_fingers: NDArray[np.int32]  # [G] which branch below the palm it is on, -1 for the palm
    # [G] a forearm, a wrist, a flange: keeps clear of the object, unless it has a contact weight
    group_before_palm: NDArray[np.bool_]
    self_collision_pairs: NDArray[np.int32]  # [K, 2] groups that must not overlap

    points: NDArray[np.float32]  # [P, 3] on the surface, in the frame of their group's link, m
    normals: NDArray[np.float32]  # [P, 3] outward
    cluster_points: NDArray[np.int32]  # [C + 1] points of cluster c: cluster_points[c:c+2]
    cluster_centers: NDArray[np.float32]  # [C, 3] bounding sphere, in the link's frame
    cluster_radii: NDArray[np.float32]  # [C]
    group_clusters: NDArray[np.int32]  # [G + 1] clusters of group g: group_clusters[g:g+2]

    meshes: tuple[LinkMesh, ...]  # what to draw
    warnings: tuple[str, ...] = ()  # what the loader had to assume
    # of all that a grasp depends on, see `dexgrasp_ros.hand.digest`; empty where nobody made one
    digest: str = ''

    @property
    def hand_frame(self) -> str:
        """Name of the root link."""
        return self.link_names[0]
