"""From what camera rays met to normals, colours and the bytes of image channels."""

import warp as wp

from dexgrasp_ros.kernels.rays import TILE, direction, start

wp.set_module_options({'enable_backward': False})

LIGHTS = wp.constant(4)  # places for lights; the first one is the sky


@wp.struct
class Surface:
    """How a body looks. Its texture lies in its own frame, on all three axis planes."""

    label: int
    rotation: wp.mat33  # from the world to the frame of the texture
    shift: wp.vec3
    texture: int
    tile: float  # m, side of one repetition of the texture
    gloss: float  # exponent of the highlight
    highlight: float  # its strength


@wp.func
def _wrapped(textures: wp.array3d(dtype=wp.vec3), index: int, x: float, y: float):
    """Bilinear look-up; x and y count repetitions."""
    size = textures.shape[1]
    u = (x - wp.floor(x)) * float(size)
    v = (y - wp.floor(y)) * float(size)
    c = int(u) % size
    r = int(v) % size
    c1 = (c + 1) % size
    r1 = (r + 1) % size
    a = u - wp.floor(u)
    b = v - wp.floor(v)
    top = textures[index, r, c] * (1.0 - a) + textures[index, r, c1] * a
    low = textures[index, r1, c] * (1.0 - a) + textures[index, r1, c1] * a
    return top * (1.0 - b) + low * b


@wp.func
def _albedo(surface: Surface, textures: wp.array3d(dtype=wp.vec3), point: wp.vec3, n: wp.vec3):
    """Colour of a point: three projections, weighted by how squarely the surface meets them."""
    p = (surface.rotation * point + surface.shift) / surface.tile
    m = surface.rotation * n
    total = float(0.0)
    color = wp.vec3(0.0)
    for k in range(3):
        weight = m[k] * m[k] * m[k] * m[k]
        weight = weight * weight
        if weight > 0.002:
            x = p[(k + 1) % 3]
            y = p[(k + 2) % 3]
            color += weight * _wrapped(textures, surface.texture, x, y)
            total += weight
    return color / total


@wp.kernel
def resolve(
    rays: wp.array2d(dtype=float),
    face: wp.array(dtype=int),
    uv: wp.array(dtype=wp.vec2),
    face_body: wp.array(dtype=int),
    face_normals: wp.array(dtype=wp.vec3),
    corner_normals: wp.array2d(dtype=wp.vec3),
    body: wp.array(dtype=int),
    normal: wp.array(dtype=wp.vec3),
):
    """Body and unit normal of each hit, on the side that is seen; -1 and zero where none."""
    i = wp.tid()
    f = face[i]
    body[i] = -1
    normal[i] = wp.vec3(0.0)
    if f >= 0:
        body[i] = face_body[f]
        u = uv[i][0]
        v = uv[i][1]
        n = (1.0 - u - v) * corner_normals[f, 0]
        n += u * corner_normals[f, 1] + v * corner_normals[f, 2]
        # The face says which side is seen: near a silhouette a rounded normal may lean away.
        side = wp.where(wp.dot(face_normals[f], direction(rays, i)) > 0.0, -1.0, 1.0)
        normal[i] = side * wp.normalize(n)


@wp.kernel
def note_blocked(blocked: wp.array(dtype=wp.uint8), light: int, hidden: wp.array(dtype=wp.uint8)):
    """Set bit `light` of each pixel for which that light is blocked."""
    i = wp.tid()
    if blocked[i] != wp.uint8(0):
        hidden[i] = hidden[i] | wp.uint8(1 << light)


@wp.func
def _shares(bits: wp.uint8):
    """1 for each light that is seen, else 0."""
    share = wp.vec4(0.0)
    for k in range(LIGHTS):
        share[k] = wp.where((int(bits) >> k) & 1 == 0, 1.0, 0.0)
    return share


@wp.func
def _open_shares(
    i: int,
    width: int,
    height: int,
    depth: wp.array(dtype=float),
    body: wp.array(dtype=int),
    normal: wp.array(dtype=wp.vec3),
    hidden: wp.array(dtype=wp.uint8),
):
    """Share of each light that a pixel sees: mean over the tile around it, on its surface."""
    top = wp.max(i / width - TILE / 2, 0)
    left = wp.max(i % width - TILE / 2, 0)
    bottom = wp.min(i / width + TILE / 2, height)
    right = wp.min(i % width + TILE / 2, width)
    # Most pixels have neighbours that see the same: no need to ask whose surface theirs is.
    differ = int(0)
    for r in range(top, bottom):
        for c in range(left, right):
            differ = differ | int(hidden[r * width + c] ^ hidden[i])
    if differ == 0:
        return _shares(hidden[i])
    share = wp.vec4(0.0)
    count = float(0.0)
    for r in range(top, bottom):
        for c in range(left, right):
            j = r * width + c
            if (
                body[j] == body[i]
                and wp.abs(depth[j] - depth[i]) < 0.02 * depth[i]
                and wp.dot(normal[i], normal[j]) > 0.8
            ):
                count += 1.0
                share += _shares(hidden[j])
    return share / count


@wp.kernel
def shade(
    rays: wp.array2d(dtype=float),
    width: int,
    height: int,
    depth: wp.array(dtype=float),
    body: wp.array(dtype=int),
    normal: wp.array(dtype=wp.vec3),
    surfaces: wp.array(dtype=Surface),
    textures: wp.array3d(dtype=wp.vec3),
    toward: wp.array(dtype=wp.vec3),
    colors: wp.array(dtype=wp.vec3),
    bounce: wp.vec3,
    hidden: wp.array(dtype=wp.uint8),
    image: wp.array(dtype=wp.vec3),
):
    """Linear RGB of each pixel, black where nothing was met.

    Lambert's law and Blinn-Phong highlights of the lights 1 to 3, the sky (light 0) from all
    around with more from above, and `bounce`, light that the table throws up.
    """
    i = wp.tid()
    image[i] = wp.vec3(0.0)
    if body[i] >= 0:
        n = normal[i]
        view = direction(rays, i)
        surface = surfaces[body[i]]
        albedo = _albedo(surface, textures, start(rays, i) + depth[i] * view, n)
        view = -wp.normalize(view)
        share = _open_shares(i, width, height, depth, body, normal, hidden)
        light = share[0] * (0.75 + 0.25 * n[2]) * colors[0]
        light += share[0] * 0.5 * (1.0 - n[2]) * bounce
        shine = wp.vec3(0.0)
        for k in range(1, LIGHTS):
            cosine = wp.dot(n, toward[k])
            if cosine > 0.0:
                light += share[k] * cosine * colors[k]
                if surface.highlight > 0.0:
                    half = wp.normalize(view + toward[k])
                    peak = wp.pow(wp.max(wp.dot(n, half), 0.0), surface.gloss)
                    shine += share[k] * surface.highlight * peak * colors[k]
        image[i] = wp.cw_mul(albedo, light) + shine


@wp.func
def _display(x: float):
    """Byte of sRGB (IEC 61966-2-1) for a linear value."""
    x = wp.clamp(x, 0.0, 1.0)
    code = wp.where(x <= 0.0031308, 12.92 * x, 1.055 * wp.pow(x, 1.0 / 2.4) - 0.055)
    return wp.uint8(255.0 * code + 0.5)


@wp.kernel
def develop(
    image: wp.array(dtype=wp.vec3), width: int, height: int, rgb: wp.array2d(dtype=wp.uint8)
):
    """Bytes of RGB; a binomial blur of 3 x 3 px, such as lenses have, softens the edges."""
    i = wp.tid()
    row = i / width
    column = i % width
    total = wp.vec3(0.0)
    for dy in range(-1, 2):
        for dx in range(-1, 2):
            r = wp.clamp(row + dy, 0, height - 1)
            c = wp.clamp(column + dx, 0, width - 1)
            weight = float((2 - wp.abs(dy)) * (2 - wp.abs(dx))) / 16.0
            total += weight * image[r * width + c]
    for k in range(3):
        rgb[i, k] = _display(total[k])


@wp.kernel
def encode(
    body: wp.array(dtype=int),
    normal: wp.array(dtype=wp.vec3),
    surfaces: wp.array(dtype=Surface),
    rotation: wp.mat33,
    labels: wp.array(dtype=wp.uint8),
    normals: wp.array2d(dtype=wp.uint8),
):
    """Labels, and normals in the frame of the camera: 128 + 127 n; 0 and 128 where nothing."""
    i = wp.tid()
    labels[i] = wp.uint8(0)
    if body[i] >= 0:
        labels[i] = wp.uint8(surfaces[body[i]].label)
    local = wp.transpose(rotation) * normal[i]
    for k in range(3):
        normals[i, k] = wp.uint8(128.5 + 127.0 * local[k])
