"""Structs that kernels share; arrays are documented by their shapes."""

import warp as wp

wp.set_module_options({'enable_backward': False})

# Threads of a block of the search's kernels on a GPU. Many have a thread for each candidate alone:
# small blocks spread these over the multiprocessors, and leave fewer registers unused.
BLOCK = 64


@wp.struct
class Grid:
    """Signed distance on a regular grid; node (i, j, k) at origin + spacing * (i, j, k)."""

    phi: wp.array3d(dtype=float)  # distance [m]
    field: wp.array3d(dtype=wp.vec4)  # gradient and distance
    origin: wp.vec3
    spacing: float
    last: wp.vec3  # (X - 1, Y - 1, Z - 1) as floats
    valid: int  # 0 where there is no such grid


@wp.struct
class Hand:
    """A hand's tree of moving bodies and its surface."""

    body_parents: wp.array(dtype=int)  # [B]
    body_origins: wp.array(dtype=wp.transform)  # [B] joint frame in the parent body
    body_axes: wp.array(dtype=wp.vec3)  # [B]
    body_types: wp.array(dtype=int)  # [B] JointType
    body_coordinates: wp.array(dtype=int)  # [B]
    body_multipliers: wp.array(dtype=float)  # [B]
    body_offsets: wp.array(dtype=float)  # [B]
    root_in_palm: wp.transform  # pose of the root link in the palm frame

    lower: wp.array(dtype=float)  # [J]
    upper: wp.array(dtype=float)  # [J]
    radian: wp.array(dtype=float)  # [J] what goes for a radian: 1, or metres

    group_bodies: wp.array(dtype=int)  # [G]
    group_weights: wp.array(dtype=float)  # [G]
    group_clusters: wp.array(dtype=int)  # [G + 1]
    group_spheres: wp.array(dtype=wp.vec4)  # [G] centre in the body, radius
    geometry_types: wp.array(dtype=int)  # [G] GeometryType
    geometry_poses: wp.array(dtype=wp.transform)  # [G] in the body
    geometry_sizes: wp.array(dtype=wp.vec3)  # [G]
    geometry_planes: wp.array(dtype=int)  # [G + 1]
    planes: wp.array(dtype=wp.vec4)  # [Q] n, d of convex pieces, inside where n·x <= d
    geometry_corners: wp.array(dtype=int)  # [G + 1]
    corners: wp.array(dtype=wp.vec3)  # [V] of convex pieces, in the geometry's frame

    cluster_points: wp.array(dtype=int)  # [C + 1]
    cluster_spheres: wp.array(dtype=wp.vec4)  # [C] centre in the body, radius
    cluster_patches: wp.array(dtype=int)  # [C + 1] patches of cluster c
    patch_points: wp.array(dtype=int)  # [R + 1]
    patch_spheres: wp.array(dtype=wp.vec4)  # [R]
    points: wp.array(dtype=wp.vec3)  # [P] in the body

    pairs: wp.array(dtype=wp.vec2i)  # [K] groups that must not overlap


@wp.struct
class Object:
    """The object and what stands around it."""

    distance: Grid
    environment: Grid
    center: wp.vec3  # centre of mass [m]
    length: float  # L that torques are divided by [m]
    cluster_points: wp.array(dtype=int)  # [D + 1]
    cluster_spheres: wp.array(dtype=wp.vec4)  # [D]
    points: wp.array(dtype=wp.vec3)  # [S]
    block_clusters: wp.array(dtype=int)  # [E + 1] clusters of each block
    block_spheres: wp.array(dtype=wp.vec4)  # [E]


@wp.struct
class Settings:
    """Numbers of the energy, see `core.config.SynthesisConfig`."""

    friction: float
    compliance: float  # r0
    reach: float  # [m] of groups that are farther away, any point may stand for the closest
    sweeps: int
    contact_weight: float
    penetration_weight: float
    object_penetration_weight: float
    self_weight: float
    self_margin: float  # [m]
    environment_weight: float
    environment_margin: float  # [m]


@wp.struct
class Wish:
    """What kind of grasp is wanted, see `core.wishes.Wishes`; lengths in m, object's frame."""

    clear: wp.array(dtype=int)  # [G] 1 for groups that must not touch
    weight: float  # of contacts that are not wanted [1/m^2]
    margin: float  # gap that such groups are to keep [m]
    hold_count: int  # so many regions hold the contacts, the others keep them out
    region_shapes: wp.array(dtype=int)  # [R] see `kernels.wishes`
    region_sizes: wp.array(dtype=wp.vec3)  # [R]
    region_poses: wp.array(dtype=wp.transform)  # [R]
    axis: wp.vec3  # where the palm is to face, unit
    half_angle: float  # least angle to it that costs something [rad]
    approach_weight: float  # [1/rad^2]
    astray: wp.array2d(dtype=float)  # [N, G] how far x is from where it may touch
    way_out: wp.array2d(dtype=wp.vec3)  # [N, G] gradient of that
    lean: wp.array(dtype=float)  # [N] what the palm's direction costs
    lean_torque: wp.array(dtype=wp.vec3)  # [N] its gradient


@wp.struct
class Contacts:
    """What one look at the object finds for each candidate and group; arrays are [N, G]."""

    nearest: wp.array2d(dtype=int)  # index of the closest point, kept between iterations
    distance: wp.array2d(dtype=float)  # φ there [m]
    point: wp.array2d(dtype=wp.vec3)  # x
    gradient: wp.array2d(dtype=wp.vec3)  # exact ∂φ/∂x of the interpolated φ
    direction: wp.array2d(dtype=wp.vec3)  # interpolated ∇φ, not normalized; n = -direction/|.|
    curvature: wp.array2d(dtype=wp.mat33)  # ∂direction/∂x
    force: wp.array2d(dtype=wp.vec3)  # gradient of the penalties, as a wrench on the group
    torque: wp.array2d(dtype=wp.vec3)
    penalty: wp.array2d(dtype=float)  # value of the penalties
    normal: wp.array2d(dtype=wp.vec3)  # unit, into the object
    place: wp.array2d(dtype=wp.transform)  # of the group's body at the last look
    moved: wp.array2d(dtype=float)  # no point of the group went farther since the look before [m]
    # What cannot be nearer than this need not be looked at again until it has moved so far [m].
    drift: wp.array2d(dtype=float)  # φ of a point changed by no more since the last search
    cluster_bound: wp.array2d(dtype=float)  # [N, C] φ in each cluster then, at least
    object_bound: wp.array2d(dtype=float)  # [N, G] object points to the geometry
    environment_bound: wp.array2d(dtype=float)  # [N, G] φ of plane and obstacles
    pair_bound: wp.array2d(dtype=float)  # [N, K] one group to the other
    arm: wp.array2d(dtype=wp.vec3)  # c = (x - com)/L
    compliance: wp.array2d(dtype=float)  # r
    step: wp.array2d(dtype=float)  # 1 / (1 + r + |c|²)
