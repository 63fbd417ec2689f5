"""Exact signed distance to the collision primitives of a hand, with its gradient."""

import warp as wp

from dexgrasp_ros.kernels.types import Hand

wp.set_module_options({'enable_backward': False})

BOX = wp.constant(0)  # core.hand_model.GeometryType
SPHERE = wp.constant(1)
CYLINDER = wp.constant(2)
CAPSULE = wp.constant(3)
CONVEX = wp.constant(4)


@wp.func
def _sign(x: float):
    return wp.where(x < 0.0, -1.0, 1.0)


@wp.func
def _box(size: wp.vec3, x: wp.vec3):
    q = wp.vec3(wp.abs(x[0]) - size[0], wp.abs(x[1]) - size[1], wp.abs(x[2]) - size[2])
    side = wp.vec3(_sign(x[0]), _sign(x[1]), _sign(x[2]))
    gradient = wp.vec3()
    distance = wp.max(q[0], wp.max(q[1], q[2]))
    if distance > 0.0:
        out = wp.vec3(wp.max(q[0], 0.0), wp.max(q[1], 0.0), wp.max(q[2], 0.0))
        distance = wp.length(out)
        gradient = wp.cw_mul(out, side) / distance
    elif q[0] >= q[1] and q[0] >= q[2]:
        gradient = wp.vec3(side[0], 0.0, 0.0)
    elif q[1] >= q[2]:
        gradient = wp.vec3(0.0, side[1], 0.0)
    else:
        gradient = wp.vec3(0.0, 0.0, side[2])
    return distance, gradient


@wp.func
def _radial(x: wp.vec3):
    """Distance of x from the z axis, and the unit vector away from it (any on the axis)."""
    r = wp.sqrt(x[0] * x[0] + x[1] * x[1])
    direction = wp.vec3(1.0, 0.0, 0.0)
    if r > 1.0e-9:
        direction = wp.vec3(x[0] / r, x[1] / r, 0.0)
    return r, direction


@wp.func
def _cylinder(size: wp.vec3, x: wp.vec3):
    r, radial = _radial(x)
    dr = r - size[0]
    dz = wp.abs(x[2]) - size[1]
    axial = wp.vec3(0.0, 0.0, _sign(x[2]))
    distance = wp.max(dr, dz)
    gradient = radial
    if dr > 0.0 and dz > 0.0:
        distance = wp.sqrt(dr * dr + dz * dz)
        gradient = (radial * dr + axial * dz) / distance
    elif dz > dr:
        gradient = axial
    return distance, gradient


@wp.func
def _round(size: wp.vec3, x: wp.vec3):
    """Capsule; a sphere is one of no length."""
    core = wp.vec3(0.0, 0.0, wp.clamp(x[2], -size[1], size[1]))
    away = x - core
    length = wp.length(away)
    gradient = wp.vec3(1.0, 0.0, 0.0)
    if length > 1.0e-9:
        gradient = away / length
    return length - size[0], gradient


@wp.func
def primitive_distance(kind: int, size: wp.vec3, x: wp.vec3):
    """Distance (negative inside) and its gradient at x in the primitive's frame."""
    distance = float(0.0)
    gradient = wp.vec3()
    if kind == BOX:
        distance, gradient = _box(size, x)
    elif kind == CYLINDER:
        distance, gradient = _cylinder(size, x)
    elif kind == CAPSULE:
        distance, gradient = _round(size, x)
    else:
        distance, gradient = _round(wp.vec3(size[0], 0.0, 0.0), x)
    return distance, gradient


@wp.func
def geometry_distance(hand: Hand, g: int, x: wp.vec3):
    """Distance to the collision geometry of group g and its gradient, x in the geometry's frame.

    Convex pieces give the distance to their farthest plane: exact inside, and outside a lower
    bound, which is all that overlaps and culling need.
    """
    distance = float(-1.0e9)
    gradient = wp.vec3()
    if hand.geometry_types[g] == CONVEX:
        for p in range(hand.geometry_planes[g], hand.geometry_planes[g + 1]):
            plane = hand.planes[p]
            normal = wp.vec3(plane[0], plane[1], plane[2])
            d = wp.dot(normal, x) - plane[3]
            if d > distance:
                distance = d
                gradient = normal
    else:
        distance, gradient = primitive_distance(hand.geometry_types[g], hand.geometry_sizes[g], x)
    return distance, gradient


@wp.func
def bounding_radius(hand: Hand, g: int):
    """Radius about its frame's origin that holds the collision geometry of group g [m]."""
    kind = hand.geometry_types[g]
    size = hand.geometry_sizes[g]
    radius = wp.length(size)
    if kind == SPHERE:
        radius = size[0]
    elif kind == CAPSULE:
        radius = size[0] + size[1]
    elif kind == CYLINDER:
        radius = wp.sqrt(size[0] * size[0] + size[1] * size[1])
    return radius
