"""Look-ups of a signed-distance grid, with derivatives that belong to the value exactly.

φ is interpolated trilinearly. Outside the grid φ(x) = φ(p) + |x - p| with p the closest point of
the grid's box: an upper bound of the distance that is continuous at the border.
"""

import warp as wp

from dexgrasp_ros.kernels.types import Grid

wp.set_module_options({'enable_backward': False})


@wp.func
def _cell(grid: Grid, u: wp.vec3):
    """Lower corner of the cell of node coordinates u, which lie inside the grid."""
    return wp.vec3i(
        wp.min(int(u[0]), int(grid.last[0]) - 1),
        wp.min(int(u[1]), int(grid.last[1]) - 1),
        wp.min(int(u[2]), int(grid.last[2]) - 1),
    )


@wp.func
def _inside(grid: Grid, u: wp.vec3):
    """Closest node coordinates inside the grid."""
    return wp.vec3(
        wp.clamp(u[0], 0.0, grid.last[0]),
        wp.clamp(u[1], 0.0, grid.last[1]),
        wp.clamp(u[2], 0.0, grid.last[2]),
    )


@wp.func
def signed_distance(grid: Grid, x: wp.vec3):
    """φ(x)."""
    free = (x - grid.origin) / grid.spacing
    u = _inside(grid, free)
    c = _cell(grid, u)
    i = c[0]
    j = c[1]
    k = c[2]
    a = u[0] - float(i)
    b = u[1] - float(j)
    w = u[2] - float(k)
    p00 = grid.phi[i, j, k] * (1.0 - w) + grid.phi[i, j, k + 1] * w
    p01 = grid.phi[i, j + 1, k] * (1.0 - w) + grid.phi[i, j + 1, k + 1] * w
    p10 = grid.phi[i + 1, j, k] * (1.0 - w) + grid.phi[i + 1, j, k + 1] * w
    p11 = grid.phi[i + 1, j + 1, k] * (1.0 - w) + grid.phi[i + 1, j + 1, k + 1] * w
    inner = (p00 * (1.0 - b) + p01 * b) * (1.0 - a) + (p10 * (1.0 - b) + p11 * b) * a
    return inner + wp.length(free - u) * grid.spacing


@wp.func
def _mix(f0: wp.vec4, f1: wp.vec4, t: float):
    return f0 * (1.0 - t) + f1 * t


@wp.func
def xyz(v: wp.vec4):
    """First three components: the centre of a sphere, the gradient of a node."""
    return wp.vec3(v[0], v[1], v[2])


@wp.func
def distance_field(grid: Grid, x: wp.vec3):
    """Everything that one look-up gives.

    Returns φ, the exact ∂φ/∂x, the interpolated gradient d (smooth, used for normals) and the
    exact ∂d/∂x.
    """
    free = (x - grid.origin) / grid.spacing
    u = _inside(grid, free)
    cell = _cell(grid, u)
    i = cell[0]
    j = cell[1]
    k = cell[2]
    a = u[0] - float(i)
    b = u[1] - float(j)
    w = u[2] - float(k)
    f000 = grid.field[i, j, k]
    f001 = grid.field[i, j, k + 1]
    f010 = grid.field[i, j + 1, k]
    f011 = grid.field[i, j + 1, k + 1]
    f100 = grid.field[i + 1, j, k]
    f101 = grid.field[i + 1, j, k + 1]
    f110 = grid.field[i + 1, j + 1, k]
    f111 = grid.field[i + 1, j + 1, k + 1]
    g00 = _mix(f000, f001, w)
    g01 = _mix(f010, f011, w)
    g10 = _mix(f100, f101, w)
    g11 = _mix(f110, f111, w)
    value = _mix(_mix(g00, g01, b), _mix(g10, g11, b), a)
    # Derivatives of the interpolation along each axis; an axis outside the grid is clamped.
    s = 1.0 / grid.spacing
    dx = (_mix(g10, g11, b) - _mix(g00, g01, b)) * s
    dy = _mix(g01 - g00, g11 - g10, a) * s
    dz = _mix(_mix(f001 - f000, f011 - f010, b), _mix(f101 - f100, f111 - f110, b), a) * s
    if free[0] != u[0]:
        dx = wp.vec4()
    if free[1] != u[1]:
        dy = wp.vec4()
    if free[2] != u[2]:
        dz = wp.vec4()
    phi = value[3]
    gradient = wp.vec3(dx[3], dy[3], dz[3])
    direction = xyz(value)
    curvature = wp.matrix_from_cols(xyz(dx), xyz(dy), xyz(dz))
    outside = wp.length(free - u)
    if outside > 0.0:
        away = (free - u) / outside
        phi += outside * grid.spacing
        gradient += away
        direction += away
        # ∂away/∂x = (P - away awayᵀ)/|.|, P the projection on the clamped axes.
        p = wp.vec3(
            wp.where(free[0] != u[0], 1.0, 0.0),
            wp.where(free[1] != u[1], 1.0, 0.0),
            wp.where(free[2] != u[2], 1.0, 0.0),
        )
        curvature += (wp.diag(p) - wp.outer(away, away)) * (s / outside)
    return phi, gradient, direction, curvature


@wp.func
def signed_distance_gradient(grid: Grid, x: wp.vec3):
    """Exact ∂φ/∂x of the interpolated φ."""
    _phi, gradient, _direction, _curvature = distance_field(grid, x)
    return gradient
