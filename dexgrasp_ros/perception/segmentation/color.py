"""Colours as the eye compares them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# sRGB to XYZ over the white point D65 (IEC 61966-2-1).
_TO_XYZ = np.array(
    [
        [0.4124, 0.3576, 0.1805],
        [0.2126, 0.7152, 0.0722],
        [0.0193, 0.1192, 0.9505],
    ]
) / np.array([[0.9505], [1.0], [1.089]])


def lab_colors(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    """CIELAB [..., 3] of sRGB [..., 3]: L 0 to 100, a and b about -100 to 100."""
    levels = np.arange(256) / 255.0
    linear = np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)
    xyz = linear.astype(np.float32)[rgb] @ _TO_XYZ.T.astype(np.float32)
    small = xyz * (841.0 / 108.0) + 4.0 / 29.0
    f = np.where(xyz > (6.0 / 29.0) ** 3, np.cbrt(xyz), small)
    x, y, z = f[..., 0], f[..., 1], f[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1).astype(np.float32)
