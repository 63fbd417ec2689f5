"""Distances of up to eight points at once: what a search does most often, in vector registers.

A thread of a CPU kernel is scalar code. Loops that test points one by one wait for memory and
for branches; eight points in the lanes of a register wait once. A lane does what the functions of
`kernels.distance` and `kernels.primitives` do for one point, in the same order, so that its result
is the same bit for bit. Lanes beyond the last point are not asked for, but read: arrays of points
have `LANES` - 1 rows to spare behind their last.

Loops over lanes are C++, which the compiler turns into vector instructions; what Warp makes of
loops in Python it does not.

A thread of a GPU is a lane already, and eight results would lie in its local memory, which is far.
So what is called `ball_distances`, … does nothing on CUDA, and `ball_distance`, …, which take a
lane of it on a CPU, look that one up.
"""

import warp as wp

from dexgrasp_ros.kernels.primitives import BOX, CAPSULE, CONVEX, CYLINDER
from dexgrasp_ros.kernels.types import Grid, Hand

wp.set_module_options({'enable_backward': False})

LANES = wp.constant(8)
Lanes = wp.types.vector(length=8, dtype=float)

# W points at a time, on CUDA one.
_LANES = """
#if defined(__CUDA_ARCH__)
    constexpr int W = 1;
#else
    constexpr int W = 8;
#endif
    float x[W], y[W], z[W], radius[W], distance[W];
"""

# W points from START on as x, y, z and what is to be taken off their distance: the radius where
# they are balls (WIDTH 4), nothing where they are not (WIDTH 3).
_READ = """
    const float* data = reinterpret_cast<const float*>(points.data);
    data += WIDTH * (START);
    for (int l = 0; l < W; ++l) {
        x[l] = data[WIDTH * l];
        y[l] = data[WIDTH * l + 1];
        z[l] = data[WIDTH * l + 2];
        radius[l] = WIDTH == 4 ? data[WIDTH * l + WIDTH - 1] : 0.0f;
    }
"""
_TOGETHER = """
    wp::vec_t<8, wp::float32> found;
#if !defined(__CUDA_ARCH__)
    LANES
    READ
    BODY
    for (int l = 0; l < W; ++l) found[l] = distance[l];
#endif
    return found;
""".replace('READ', _READ.replace('START', 'first'))
_ONE = """
#if defined(__CUDA_ARCH__)
    LANES
    READ
    BODY
    return distance[0];
#else
    return together[i];
#endif
""".replace('READ', _READ.replace('START', 'first + i'))

_GRID = """
    const float* phi = grid.phi.data;
    const int row = grid.phi.shape[2];
    const int plane = grid.phi.shape[1] * row;
    const float* origin = grid.origin.c;
    const float* last = grid.last.c;
    const int i_most = (int)last[0] - 1, j_most = (int)last[1] - 1, k_most = (int)last[2] - 1;
    const float h = grid.spacing;
    const auto& r = turn.data;
    const float* s = shift.c;
"""

# kernels.distance.signed_distance at turn * x + shift
_LOOK_UP = """
    float a[W], b[W], w[W], outside[W];
    int node[W];
    for (int l = 0; l < W; ++l) {
        const float px = r[0][0] * x[l] + r[0][1] * y[l] + r[0][2] * z[l] + s[0];
        const float py = r[1][0] * x[l] + r[1][1] * y[l] + r[1][2] * z[l] + s[1];
        const float pz = r[2][0] * x[l] + r[2][1] * y[l] + r[2][2] * z[l] + s[2];
        const float fx = (px - origin[0]) / h;
        const float fy = (py - origin[1]) / h;
        const float fz = (pz - origin[2]) / h;
        float ux = fx > 0.0f ? fx : 0.0f, uy = fy > 0.0f ? fy : 0.0f, uz = fz > 0.0f ? fz : 0.0f;
        ux = ux < last[0] ? ux : last[0];
        uy = uy < last[1] ? uy : last[1];
        uz = uz < last[2] ? uz : last[2];
        int i = (int)ux, j = (int)uy, k = (int)uz;
        i = i < i_most ? i : i_most;
        j = j < j_most ? j : j_most;
        k = k < k_most ? k : k_most;
        a[l] = ux - (float)i;
        b[l] = uy - (float)j;
        w[l] = uz - (float)k;
        node[l] = i * plane + j * row + k;
        const float ox = fx - ux, oy = fy - uy, oz = fz - uz;
        outside[l] = ::sqrtf(ox * ox + oy * oy + oz * oz) * h;
    }
    // Neighbours along z lie side by side: one load fetches two, where a gather would take both
    // one by one.
    float corner[4][2 * W];
#if defined(__clang__)
#pragma clang loop vectorize(disable) unroll(full)
#endif
    for (int l = 0; l < W; ++l) {
        const float* low = phi + node[l];
        const float* high = low + plane;
        corner[0][2 * l] = low[0];
        corner[0][2 * l + 1] = low[1];
        corner[1][2 * l] = low[row];
        corner[1][2 * l + 1] = low[row + 1];
        corner[2][2 * l] = high[0];
        corner[2][2 * l + 1] = high[1];
        corner[3][2 * l] = high[row];
        corner[3][2 * l + 1] = high[row + 1];
    }
    for (int l = 0; l < W; ++l) {
        const float a1 = 1.0f - a[l], b1 = 1.0f - b[l], w1 = 1.0f - w[l];
        const float p00 = corner[0][2 * l] * w1 + corner[0][2 * l + 1] * w[l];
        const float p01 = corner[1][2 * l] * w1 + corner[1][2 * l + 1] * w[l];
        const float p10 = corner[2][2 * l] * w1 + corner[2][2 * l + 1] * w[l];
        const float p11 = corner[3][2 * l] * w1 + corner[3][2 * l + 1] * w[l];
        const float inner = (p00 * b1 + p01 * b[l]) * a1 + (p10 * b1 + p11 * b[l]) * a[l];
        distance[l] = inner + outside[l] - radius[l];
    }
"""

# kernels.primitives.geometry_distance, without the gradient, at to_geometry * x
_MEASURE = """
    const int kind = hand.geometry_types.data[g];
    const float* size = hand.geometry_sizes.data[g].c;
    for (int l = 0; l < W; ++l) {
        const wp::vec_t<3, wp::float32> point(x[l], y[l], z[l]);
        const auto at = wp::transform_point(to_geometry, point);
        x[l] = at.c[0];
        y[l] = at.c[1];
        z[l] = at.c[2];
    }
    if (kind == BOX) {
        for (int l = 0; l < W; ++l) {
            const float qx = ::fabsf(x[l]) - size[0];
            const float qy = ::fabsf(y[l]) - size[1];
            const float qz = ::fabsf(z[l]) - size[2];
            const float most = wp::max(qx, wp::max(qy, qz));
            const float ox = wp::max(qx, 0.0f), oy = wp::max(qy, 0.0f), oz = wp::max(qz, 0.0f);
            const float out = ::sqrtf(ox * ox + oy * oy + oz * oz);
            distance[l] = most > 0.0f ? out : most;
        }
    } else if (kind == CYLINDER) {
        for (int l = 0; l < W; ++l) {
            const float dr = ::sqrtf(x[l] * x[l] + y[l] * y[l]) - size[0];
            const float dz = ::fabsf(z[l]) - size[1];
            const float edge = ::sqrtf(dr * dr + dz * dz);
            distance[l] = dr > 0.0f && dz > 0.0f ? edge : wp::max(dr, dz);
        }
    } else if (kind == CONVEX) {
        for (int l = 0; l < W; ++l) distance[l] = -1.0e9f;
        for (int p = hand.geometry_planes.data[g]; p < hand.geometry_planes.data[g + 1]; ++p) {
            const float* n = hand.planes.data[p].c;
            for (int l = 0; l < W; ++l) {
                const float d = n[0] * x[l] + n[1] * y[l] + n[2] * z[l] - n[3];
                distance[l] = d > distance[l] ? d : distance[l];
            }
        }
    } else {
        const float half = kind == CAPSULE ? size[1] : 0.0f;
        for (int l = 0; l < W; ++l) {
            const float dz = z[l] - wp::clamp(z[l], -half, half);
            distance[l] = ::sqrtf(x[l] * x[l] + y[l] * y[l] + dz * dz) - size[0];
        }
    }
    for (int l = 0; l < W; ++l) distance[l] -= radius[l];
"""

# Bounds of clusters that fell below the limit are renewed, eight at a time.
_RENEW = """
    float* bound = bounds.data + n * bounds.shape[1];
    int stale[W];
    int count = 0;
    for (int c = first; c < end; ++c) {
        bound[c] -= drift;
        stale[count] = c;
        count += bound[c] < limit ? 1 : 0;
        if (count == 0 || (count < W && c + 1 < end)) continue;
        for (int l = 0; l < W; ++l) {
            const float* p = balls.data[stale[l < count ? l : 0]].c;
            x[l] = p[0];
            y[l] = p[1];
            z[l] = p[2];
            radius[l] = p[3];
        }
        LOOK_UP
        for (int l = 0; l < count; ++l) bound[stale[l]] = distance[l];
        count = 0;
    }
""".replace('LOOK_UP', _LOOK_UP)


def _native(form: str, body: str, *, width: int) -> str:
    """Complete a snippet for points of so many numbers."""
    names = {'BOX': BOX, 'CYLINDER': CYLINDER, 'CAPSULE': CAPSULE, 'CONVEX': CONVEX}
    snippet = form.replace('LANES', _LANES).replace('BODY', body).replace('WIDTH', str(width))
    for name, value in names.items():
        snippet = snippet.replace(f'kind == {name}', f'kind == {value}')
    return snippet


@wp.func_native(_native(_TOGETHER, _GRID + _LOOK_UP, width=4))
def ball_distances(
    grid: Grid,
    turn: wp.mat33,
    shift: wp.vec3,
    points: wp.array(dtype=wp.vec4),
    first: int,
) -> Lanes:
    """No point of ball i is nearer than lane i: φ at its centre, less its radius."""
    ...


@wp.func_native(_native(_ONE, _GRID + _LOOK_UP, width=4))
def ball_distance(
    together: Lanes,
    grid: Grid,
    turn: wp.mat33,
    shift: wp.vec3,
    points: wp.array(dtype=wp.vec4),
    first: int,
    i: int,
) -> float:
    """Lane i of `ball_distances`."""
    ...


@wp.func_native(_native(_TOGETHER, _GRID + _LOOK_UP, width=3))
def point_distances(
    grid: Grid,
    turn: wp.mat33,
    shift: wp.vec3,
    points: wp.array(dtype=wp.vec3),
    first: int,
) -> Lanes:
    """φ of points that are turned and shifted."""
    ...


@wp.func_native(_native(_ONE, _GRID + _LOOK_UP, width=3))
def point_distance(
    together: Lanes,
    grid: Grid,
    turn: wp.mat33,
    shift: wp.vec3,
    points: wp.array(dtype=wp.vec3),
    first: int,
    i: int,
) -> float:
    """Lane i of `point_distances`."""
    ...


@wp.func_native(_native(_TOGETHER, _MEASURE, width=4))
def ball_gaps(
    hand: Hand,
    g: int,
    to_geometry: wp.transform,
    points: wp.array(dtype=wp.vec4),
    first: int,
) -> Lanes:
    """No point of ball i is nearer to geometry g than lane i."""
    ...


@wp.func_native(_native(_ONE, _MEASURE, width=4))
def ball_gap(
    together: Lanes,
    hand: Hand,
    g: int,
    to_geometry: wp.transform,
    points: wp.array(dtype=wp.vec4),
    first: int,
    i: int,
) -> float:
    """Lane i of `ball_gaps`."""
    ...


@wp.func_native(_native(_TOGETHER, _MEASURE, width=3))
def point_gaps(
    hand: Hand,
    g: int,
    to_geometry: wp.transform,
    points: wp.array(dtype=wp.vec3),
    first: int,
) -> Lanes:
    """Distance of points to geometry g."""
    ...


@wp.func_native(_native(_ONE, _MEASURE, width=3))
def point_gap(
    together: Lanes,
    hand: Hand,
    g: int,
    to_geometry: wp.transform,
    points: wp.array(dtype=wp.vec3),
    first: int,
    i: int,
) -> float:
    """Lane i of `point_gaps`."""
    ...


@wp.func_native(_LANES + _GRID + _RENEW)
def renew_bounds(
    grid: Grid,
    turn: wp.mat33,
    shift: wp.vec3,
    balls: wp.array(dtype=wp.vec4),
    bounds: wp.array2d(dtype=float),
    n: int,
    first: int,
    end: int,
    drift: float,
    limit: float,
):
    """Lower bounds of balls first … end - 1 by the drift; look up what falls below the limit."""
    ...


@wp.func_native("""
#if !defined(__CUDA_ARCH__)
    const float* last = grid.last.c;
    const float* o = grid.origin.c;
    const float h = grid.spacing;
    const int i = (int)wp::clamp((x.c[0] - o[0]) / h, 0.0f, last[0] - 1.0f);
    const int j = (int)wp::clamp((x.c[1] - o[1]) / h, 0.0f, last[1] - 1.0f);
    const int k = (int)wp::clamp((x.c[2] - o[2]) / h, 0.0f, last[2] - 1.0f);
    const int row = grid.field.shape[2], plane = grid.field.shape[1] * row;
    const auto* node = grid.field.data + (i * plane + j * row + k);
    __builtin_prefetch(node);
    __builtin_prefetch(node + row);
    __builtin_prefetch(node + plane);
    __builtin_prefetch(node + plane + row);
#endif
""")
def prefetch_field(grid: Grid, x: wp.vec3):
    """Have the nodes about x fetched, on a CPU: they come from far, and much is done meanwhile."""
    ...
