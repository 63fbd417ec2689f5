"""Farthest-point thinning: points that are spread evenly, out of many that are not."""

import warp as wp

wp.set_module_options({'enable_backward': False})

BLOCK = wp.constant(16)  # points in the lanes of vector registers

# The first of those that are farthest from all that are kept is kept next. Each lane remembers its
# own first farthest point; where lanes agree, the lower index is the first.
_THIN = """
    const int blocks = x.shape[0] / 16;
    float most[16];
    int where[16];
    int last = 0;
    keep.data[0] = 0;
    for (int k = 1; k < keep.shape[0]; ++k) {
        const float lx = x.data[last], ly = y.data[last], lz = z.data[last];
        for (int l = 0; l < 16; ++l) {
            most[l] = -1.0f;
            where[l] = 0;
        }
        for (int b = 0; b < blocks; ++b) {
            const float* bx = x.data + 16 * b;
            const float* by = y.data + 16 * b;
            const float* bz = z.data + 16 * b;
            float* near = nearest.data + 16 * b;
            for (int l = 0; l < 16; ++l) {
                const float dx = bx[l] - lx, dy = by[l] - ly, dz = bz[l] - lz;
                const float square = dx * dx + dy * dy + dz * dz;
                const float least = square < near[l] ? square : near[l];
                near[l] = least;
                where[l] = least > most[l] ? b : where[l];
                most[l] = least > most[l] ? least : most[l];
            }
        }
        float farthest = -1.0f;
        for (int l = 0; l < 16; ++l) {
            const int i = 16 * where[l] + l;
            if (most[l] > farthest || (most[l] == farthest && i < last)) {
                farthest = most[l];
                last = i;
            }
        }
        keep.data[k] = last;
    }
"""


@wp.func_native(_THIN)
def _thin(
    x: wp.array(dtype=float),
    y: wp.array(dtype=float),
    z: wp.array(dtype=float),
    nearest: wp.array(dtype=float),
    keep: wp.array(dtype=int),
):
    """See `keep_farthest`."""
    ...


@wp.kernel
def keep_farthest(
    x: wp.array(dtype=float),  # [M] a multiple of `BLOCK`
    y: wp.array(dtype=float),
    z: wp.array(dtype=float),
    nearest: wp.array(dtype=float),  # [M] in: infinite, or 0 for what is never kept; scratch
    keep: wp.array(dtype=int),  # [K] out: indices, the first is 0
):
    """Keep points so that each next one is the farthest from all before it; one thread."""
    _thin(x, y, z, nearest, keep)
