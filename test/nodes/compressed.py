"""Writers of what image_transport's plugins send, made after their format."""

from __future__ import annotations

import io
import struct

import numpy as np
from PIL import Image as Picture
from sensor_msgs.msg import CompressedImage
from std_msgs.msg import Header

_QUANTISATION, _MAX_DEPTH = 100.0, 10.0  # parameters of the plugin, their defaults


def compressed_depth(
    depth: np.ndarray, head: Header, encoding: str, form: str = 'png'
) -> CompressedImage:
    """Depth [H, W] m as `compressedDepth`: millimetres, or inverse depth in 16 bits."""
    a = b = 0.0
    if encoding == '32FC1':
        a = _QUANTISATION * (_QUANTISATION + 1)
        b = 1 - a / _MAX_DEPTH
        with np.errstate(divide='ignore', invalid='ignore'):
            pixels = np.where((depth > 0) & (depth < _MAX_DEPTH), a / depth + b, 0)
    else:
        pixels = np.where(depth > 0, np.rint(depth * 1000), 0)
    pixels = pixels.astype(np.uint16)
    data = rvl_bytes(pixels) if form == 'rvl' else file_bytes(pixels, 'png')
    return CompressedImage(
        header=head,
        format=f'{encoding}; compressedDepth {form}',
        data=struct.pack('<iff', 0, a, b) + data,
    )


def compressed_file(
    pixels: np.ndarray, head: Header, encoding: str, form: str = 'png'
) -> CompressedImage:
    """Pixels as `compressed`; colours are red, green and blue."""
    told = 'bgr8' if pixels.ndim == 3 else ''
    return CompressedImage(
        header=head, format=f'{encoding}; {form} compressed {told}', data=file_bytes(pixels, form)
    )


def file_bytes(pixels: np.ndarray, form: str) -> bytes:
    file = io.BytesIO()
    Picture.fromarray(pixels).save(
        file, form.upper(), **({'quality': 95} if form == 'jpeg' else {})
    )
    return file.getvalue()


def rvl_bytes(pixels: np.ndarray) -> bytes:
    """Pixels of 16 bits in RVL, one after the other."""
    nibbles: list[int] = []

    def write(number: int) -> None:
        while True:
            number, low = number >> 3, number & 7
            nibbles.append(low | (8 if number else 0))
            if not number:
                return

    values, at, before = [int(p) for p in pixels.ravel()], 0, 0
    while at < len(values):
        for is_run in (lambda p: p == 0, lambda p: p != 0):
            end = at
            while end < len(values) and is_run(values[end]):
                end += 1
            write(end - at)
            if values[at:end] and values[at]:
                for value in values[at:end]:
                    step = value - before
                    write(2 * step if step >= 0 else -2 * step - 1)
                    before = value
            at = end
    nibbles += [0] * (-len(nibbles) % 8)
    words = np.array(nibbles, np.uint32).reshape(-1, 8) << np.arange(28, -1, -4, dtype=np.uint32)
    height, width = pixels.shape
    packed = words.sum(axis=1, dtype=np.uint32).astype('<u4').tobytes()
    return struct.pack('<II', width, height) + packed
