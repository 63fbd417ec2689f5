"""Rays from a pinhole camera and toward lights, and what they meet in a triangle mesh.

A ray is a row [origin, direction] of six floats; distances are in lengths of its direction. Rays
of a camera have a direction whose part along the optical axis is 1, so that distances are depths.
"""

import warp as wp

wp.set_module_options({'enable_backward': False})

NO_FACE = wp.constant(-1)
TILE = wp.constant(4)  # px: neighbours in a tile of 4 x 4 look at different parts of a light
_OFFSET = wp.constant(1e-3)  # of the depth, off the surface: clear of facets that shading rounds


@wp.func
def start(rays: wp.array2d(dtype=float), i: int):
    """Where ray i begins."""
    return wp.vec3(rays[i, 0], rays[i, 1], rays[i, 2])


@wp.func
def direction(rays: wp.array2d(dtype=float), i: int):
    """Where ray i leads."""
    return wp.vec3(rays[i, 3], rays[i, 4], rays[i, 5])


@wp.func
def _store(rays: wp.array2d(dtype=float), i: int, origin: wp.vec3, toward: wp.vec3):
    for k in range(3):
        rays[i, k] = origin[k]
        rays[i, k + 3] = toward[k]


@wp.kernel
def camera_rays(
    eye: wp.vec3,
    rotation: wp.mat33,
    lens: wp.vec4,
    width: int,
    rays: wp.array2d(dtype=float),
):
    """Ray of every pixel, row by row; `lens` is (fx, fy, cx, cy)."""
    i = wp.tid()
    u = float(i % width)
    v = float(i / width)
    local = wp.vec3((u - lens[2]) / lens[0], (v - lens[3]) / lens[1], 1.0)
    _store(rays, i, eye, rotation * local)


@wp.kernel
def nearest(
    mesh: wp.uint64,
    rays: wp.array2d(dtype=float),
    depth: wp.array(dtype=float),
    face: wp.array(dtype=int),
    uv: wp.array(dtype=wp.vec2),
):
    """First face that each ray meets; `uv` are the weights of its second and third corner."""
    i = wp.tid()
    toward = direction(rays, i)
    length = wp.length(toward)
    query = wp.mesh_query_ray(mesh, start(rays, i), toward / length, wp.inf)
    if query.result:
        depth[i] = query.t / length
        face[i] = query.face
        uv[i] = wp.vec2(query.v, 1.0 - query.u - query.v)
    else:
        depth[i] = wp.inf
        face[i] = NO_FACE
        uv[i] = wp.vec2(0.0, 0.0)


@wp.kernel
def occluded(
    mesh: wp.uint64,
    rays: wp.array2d(dtype=float),
    reach: float,
    blocked: wp.array(dtype=wp.uint8),
):
    """1 where anything lies within `reach` of a ray's start, else 0."""
    i = wp.tid()
    toward = direction(rays, i)
    length = wp.length(toward)
    hit = wp.mesh_query_ray_anyhit(mesh, start(rays, i), toward / length, reach * length)
    blocked[i] = wp.where(hit, wp.uint8(1), wp.uint8(0))


@wp.func
def _cell(i: int, width: int):
    return TILE * ((i / width) % TILE) + (i % width) % TILE


@wp.func
def _surface_point(
    rays: wp.array2d(dtype=float), i: int, depth: wp.array(dtype=float), normal: wp.vec3
):
    """Point a little off what ray i met; of no meaning where it met nothing."""
    z = wp.where(wp.isfinite(depth[i]), depth[i], 0.0)
    return start(rays, i) + z * direction(rays, i) + _OFFSET * z * normal


@wp.kernel
def sky_rays(
    rays: wp.array2d(dtype=float),
    depth: wp.array(dtype=float),
    normal: wp.array(dtype=wp.vec3),
    hemisphere: wp.array(dtype=wp.vec3),
    width: int,
    out: wp.array2d(dtype=float),
):
    """From each hit into the hemisphere about its normal; pixels of a tile differ."""
    i = wp.tid()
    n = normal[i]
    # Duff et al. 2017, Building an Orthonormal Basis, Revisited.
    sign = wp.where(n[2] < 0.0, -1.0, 1.0)
    a = -1.0 / (sign + n[2])
    b = n[0] * n[1] * a
    tangent = wp.vec3(1.0 + sign * n[0] * n[0] * a, sign * b, -sign * n[0])
    bitangent = wp.vec3(b, sign + n[1] * n[1] * a, -n[1])
    d = hemisphere[_cell(i, width)]
    toward = d[0] * tangent + d[1] * bitangent + d[2] * n
    _store(out, i, _surface_point(rays, i, depth, n), toward)


@wp.kernel
def light_rays(
    rays: wp.array2d(dtype=float),
    depth: wp.array(dtype=float),
    normal: wp.array(dtype=wp.vec3),
    disc: wp.array(dtype=wp.vec2),
    light: wp.mat33,
    width: int,
    out: wp.array2d(dtype=float),
):
    """From each hit to a point of a far disc of light.

    Columns of `light`: to its centre, unit, and two across, as long as its radius seen [rad].
    """
    i = wp.tid()
    d = disc[_cell(i, width)]
    toward = light * wp.vec3(1.0, d[0], d[1])
    _store(out, i, _surface_point(rays, i, depth, normal[i]), toward)
