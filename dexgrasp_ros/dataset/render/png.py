"""Lossless images as bytes: PNG, written for speed.

Half of the time that Pillow takes at its fastest, for files as large (`benchmark/render.md`),
and images of 16 bits, which Pillow has in grey only. Any reader of PNG reads them.
"""

from __future__ import annotations

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

_SIGNATURE = b'\x89PNG\r\n\x1a\n'
_GREY, _RGB = 0, 2  # colour types
_SUB = 1  # filter: each byte less the one a pixel before it
# Level 1 takes a sixth of the time of Pillow's usual 6 and leaves a quarter more.
_LEVEL = 1


def encode_png(image: NDArray[np.uint8] | NDArray[np.uint16]) -> bytes:
    """Encode an image [H, W] or [H, W, 3] of 8 or 16 bits; the same bytes for the same image."""
    height, width = image.shape[:2]
    data = image.astype('>u2') if image.dtype == np.uint16 else image
    rows = np.ascontiguousarray(data).view(np.uint8).reshape(height, -1)
    pixel = rows.shape[1] // width  # bytes
    lines = np.empty((height, 1 + rows.shape[1]), dtype=np.uint8)
    lines[:, 0] = _SUB
    lines[:, 1 : 1 + pixel] = rows[:, :pixel]
    np.subtract(rows[:, pixel:], rows[:, :-pixel], out=lines[:, 1 + pixel :])
    color = _GREY if image.ndim == 2 else _RGB
    header = struct.pack('>IIBBBBB', width, height, 8 * data.dtype.itemsize, color, 0, 0, 0)
    return b''.join(
        [
            _SIGNATURE,
            _chunk(b'IHDR', header),
            _chunk(b'IDAT', zlib.compress(lines.tobytes(), _LEVEL)),
            _chunk(b'IEND', b''),
        ]
    )


def _chunk(kind: bytes, content: bytes) -> bytes:
    return (
        struct.pack('>I', len(content))
        + kind
        + content
        + struct.pack('>I', zlib.crc32(kind + content))
    )
