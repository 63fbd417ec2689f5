"""Exact signed distance of two collision geometries of a hand.

Two convex bodies A and B overlap where their difference M = A - B, itself convex, holds the
origin. M is known by its support h(n) = max n·(a - b) in any direction n: -h(n) is the gap that
the normal n sees, and the signed distance is the largest gap of all normals. GJK (Gilbert, Johnson
and Keerthi 1988) finds it where the bodies are apart.

Where every normal sees an overlap, h has several local minima on the unit sphere. x = h(n) n, the
foot of the origin on the plane that bounds M, tells them: if x is in M, no normal nearby sees
less. Otherwise GJK, asked for the distance of x, meets a normal v that separates x from M, and it
sees less: h(v) < v·x <= h(n). So the foot moves there, and GJK goes on.

Whatever the iteration does, the gap it returns is one that a normal sees: an overlap is never
larger than it says, and bodies that it says are apart are apart.
"""

import warp as wp

from dexgrasp_ros.kernels.primitives import BOX, CAPSULE, CONVEX, CYLINDER, SPHERE
from dexgrasp_ros.kernels.types import Hand

wp.set_module_options({'enable_backward': False})

_Simplex = wp.types.matrix(shape=(4, 3), dtype=float)

# Far more than boxes need; what is round converges by a factor in each round.
_ROUNDS = wp.constant(32)
_TOLERANCE = wp.constant(1.0e-5)  # m, a tenth of what is asked of the result


@wp.func
def _rounding(hand: Hand, g: int):
    """Radius of the ball that a geometry's core is swept with [m]."""
    kind = hand.geometry_types[g]
    return wp.where(kind == SPHERE or kind == CAPSULE, hand.geometry_sizes[g][0], 0.0)


@wp.func
def _farthest(hand: Hand, g: int, n: wp.vec3):
    """Point of a geometry's core that is farthest along n, in the geometry's frame."""
    kind = hand.geometry_types[g]
    size = hand.geometry_sizes[g]
    x = wp.vec3()
    if kind == CONVEX:
        most = float(-1.0e9)
        for i in range(hand.geometry_corners[g], hand.geometry_corners[g + 1]):
            along = wp.dot(n, hand.corners[i])
            if along > most:
                most = along
                x = hand.corners[i]
    elif kind == BOX:
        x = wp.vec3(
            wp.where(n[0] < 0.0, -size[0], size[0]),
            wp.where(n[1] < 0.0, -size[1], size[1]),
            wp.where(n[2] < 0.0, -size[2], size[2]),
        )
    elif kind != SPHERE:
        height = wp.where(n[2] < 0.0, -size[1], size[1])
        radial = wp.sqrt(n[0] * n[0] + n[1] * n[1])
        reach = float(0.0)
        if kind == CYLINDER and radial > 1.0e-9:
            reach = size[0] / radial
        x = wp.vec3(n[0] * reach, n[1] * reach, height)
    return x


@wp.func
def _support(hand: Hand, a: int, b: int, to_b: wp.transform, n: wp.vec3):
    """Point of A - B, both without their rounding, that is farthest along n, in b's frame."""
    in_a = wp.quat_rotate_inv(wp.transform_get_rotation(to_b), n)
    return wp.transform_point(to_b, _farthest(hand, a, in_a)) - _farthest(hand, b, -n)


@wp.func
def _weights(a: wp.vec3, b: wp.vec3, c: wp.vec3):
    """Weights of a triangle's corners in its point nearest to the origin.

    Ericson, Real-Time Collision Detection, 5.1.5; corners that do not count have exactly 0.
    """
    ab = b - a
    ac = c - a
    d1 = -wp.dot(ab, a)
    d2 = -wp.dot(ac, a)
    d3 = -wp.dot(ab, b)
    d4 = -wp.dot(ac, b)
    d5 = -wp.dot(ab, c)
    d6 = -wp.dot(ac, c)
    va = d3 * d6 - d5 * d4
    vb = d5 * d2 - d1 * d6
    vc = d1 * d4 - d3 * d2
    w = wp.vec3()
    if d1 <= 0.0 and d2 <= 0.0:
        w = wp.vec3(1.0, 0.0, 0.0)
    elif d3 >= 0.0 and d4 <= d3:
        w = wp.vec3(0.0, 1.0, 0.0)
    elif d6 >= 0.0 and d5 <= d6:
        w = wp.vec3(0.0, 0.0, 1.0)
    elif vc <= 0.0 and d1 >= 0.0 and d3 <= 0.0:
        t = d1 / (d1 - d3)
        w = wp.vec3(1.0 - t, t, 0.0)
    elif vb <= 0.0 and d2 >= 0.0 and d6 <= 0.0:
        t = d2 / (d2 - d6)
        w = wp.vec3(1.0 - t, 0.0, t)
    elif va <= 0.0 and d4 >= d3 and d5 >= d6:
        t = (d4 - d3) / ((d4 - d3) + (d5 - d6))
        w = wp.vec3(0.0, 1.0 - t, t)
    else:
        w = wp.vec3(va, vb, vc) / (va + vb + vc)
    return w


@wp.func
def _corner(s: _Simplex, i: int):
    """Row i, chosen so that the rows can stay in registers: an index would put them in memory."""
    return wp.where(i < 2, wp.where(i == 0, s[0], s[1]), wp.where(i == 2, s[2], s[3]))


@wp.func
def _with_corner(s: _Simplex, i: int, x: wp.vec3):
    """Return a simplex whose row i is x; see `_corner`."""
    return wp.matrix_from_rows(
        wp.where(i == 0, x, s[0]),
        wp.where(i == 1, x, s[1]),
        wp.where(i == 2, x, s[2]),
        wp.where(i == 3, x, s[3]),
    )


@wp.func
def _shifted(s: _Simplex, way: wp.vec3):
    return wp.matrix_from_rows(s[0] + way, s[1] + way, s[2] + way, s[3] + way)


@wp.func
def _holds_origin(s: _Simplex):
    """Whether a tetrahedron's corners have the origin on their side of the opposite face."""
    inside = bool(True)
    for i in range(4):
        a = s[(i + 1) % 4]
        normal = wp.cross(s[(i + 2) % 4] - a, s[(i + 3) % 4] - a)
        inside = inside and wp.dot(normal, a) * wp.dot(normal, a - s[i]) > 0.0
    return inside


@wp.func
def _nearest(s: _Simplex, count: int):
    """Point of a simplex nearest to the origin, and the corners that it lies between."""
    point = wp.vec3()
    kept = _Simplex()
    size = int(4)
    if count < 4 or not _holds_origin(s):
        least = float(1.0e9)
        # A point or an edge is a triangle with a corner that counts twice.
        for face in range(wp.where(count == 4, 4, 1)):
            i = wp.where(count == 4, (face + 1) % 4, 0)
            j = wp.where(count == 4, (face + 2) % 4, wp.min(1, count - 1))
            k = wp.where(count == 4, (face + 3) % 4, wp.min(2, count - 1))
            a = _corner(s, i)
            b = _corner(s, j)
            c = _corner(s, k)
            w = _weights(a, b, c)
            x = a * w[0] + b * w[1] + c * w[2]
            if wp.length_sq(x) < least:
                least = wp.length_sq(x)
                point = x
                size = int(0)
                if w[0] > 0.0:
                    kept = _with_corner(kept, size, a)
                    size += 1
                if w[1] > 0.0:
                    kept = _with_corner(kept, size, b)
                    size += 1
                if w[2] > 0.0:
                    kept = _with_corner(kept, size, c)
                    size += 1
    else:
        kept = s
    return point, kept, size


@wp.func
def _descend(
    hand: Hand, a: int, b: int, to_b: wp.transform, start: wp.vec3, rounding: float, far: float
):
    """Least overlap h(n) that a descent from a normal finds, both bodies without rounding."""
    v = start
    least = float(1.0e9)
    foot = wp.vec3()
    corners = _Simplex()  # of M, none of them used twice
    count = int(0)
    for _round in range(_ROUNDS):
        length = wp.length(v)
        if length < _TOLERANCE:  # The foot is in M.
            break
        n = v / length
        p = _support(hand, a, b, to_b, n)
        h = wp.dot(n, p)
        unseen = length - (wp.dot(n, foot) - h)  # what the distance of M may still fall short
        moved = bool(count == 0)
        if h < least:
            old = foot
            least = h
            foot = n * wp.max(h, 0.0)
            moved = moved or wp.length(foot - old) > _TOLERANCE
            if least + rounding < -far:
                break
        if unseen < _TOLERANCE and not moved:
            break
        corners = _with_corner(corners, count, p)
        count += 1
        nearest, kept, count = _nearest(_shifted(corners, -foot), count)
        corners = _shifted(kept, foot)
        v = -nearest
        if count == 4:  # The foot is in M.
            break
    return least


@wp.func
def _axis(to_b: wp.transform, i: int):
    """One of the six axes of b (0 to 5) or of a (6 to 11), in b's frame."""
    side = wp.where(i % 2 == 0, 1.0, -1.0)
    k = (i % 6) / 2
    n = wp.vec3(
        wp.where(k == 0, side, 0.0), wp.where(k == 1, side, 0.0), wp.where(k == 2, side, 0.0)
    )
    if i >= 6:
        n = wp.transform_vector(to_b, n)
    return n


@wp.func
def geometries_distance(hand: Hand, a: int, b: int, to_b: wp.transform, far: float):
    """Signed distance between the geometries of two groups; farther than `far` is not told.

    `to_b` is the pose of geometry a in the frame of geometry b.
    """
    rounding = _rounding(hand, a) + _rounding(hand, b)
    start = -wp.transform_get_translation(to_b)
    if wp.length(start) < _TOLERANCE:
        start = wp.vec3(1.0, 0.0, 0.0)
    overlap = _descend(hand, a, b, to_b, start, rounding, far)
    if overlap > 0.0:
        # The way between the centres can lead to a minimum that is not the least.
        least = float(1.0e9)
        i = int(0)
        while i < 12:  # not unrolled
            n = _axis(to_b, i)
            h = wp.dot(n, _support(hand, a, b, to_b, n))
            if h < least:
                least = h
                start = n
            i += 1
        overlap = wp.min(overlap, _descend(hand, a, b, to_b, start, rounding, far))
    return -(overlap + rounding)
