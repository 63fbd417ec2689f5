"""RVL, a lossless compression of 16-bit depth images.

Wilson 2017, Fast lossless depth image compression, ISS: pixels go in runs, so many zeros and so
many others, and each of the others is its step from the one before it. Numbers are nibbles of
three bits and one that says whether more follow, the low ones first; eight nibbles are a word of
32 bits, the first in its highest bits.
"""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.errors import ErrorCode, InputError

_SIZE = struct.Struct('<II')  # width, height; image_transport writes them before the runs
_MOST_NIBBLES = 9  # of a number: a run of 2^27 pixels; steps of 16 bits have six


def decode_rvl(data: bytes, most_pixels: int) -> NDArray[np.uint16]:
    """Pixels [H, W] of an RVL image as image_transport sends it.

    Raises
    ------
    InputError
        OUT_OF_RANGE for more pixels than `most_pixels`; INVALID_INPUT where the data are damaged.
    """
    if len(data) < _SIZE.size:
        raise InputError(f'An RVL image has {len(data)} bytes; expected its size and its pixels.')
    width, height = _SIZE.unpack_from(data)
    if not 0 < width * height <= most_pixels:
        raise InputError(
            f'An RVL image is {width} × {height}; expected 1 to {most_pixels} pixels.',
            ErrorCode.OUT_OF_RANGE,
        )
    numbers = _numbers(data[_SIZE.size :])
    pixels = np.zeros(width * height, np.uint16)
    steps, places = [numbers[:0]], [numbers[:0]]
    at = place = 0
    while place < len(pixels):
        zeros, count = map(int, numbers[at : at + 2]) if at + 2 <= len(numbers) else (0, np.inf)
        begin, place = place + zeros, place + zeros + count
        if place > len(pixels) or at + 2 + count > len(numbers):
            raise InputError(
                f'The runs of an RVL image of {width} × {height} do not end with its last pixel.'
                ' Is it whole?'
            )
        steps.append(numbers[at + 2 : at + 2 + count])
        places.append(np.arange(begin, place))
        at += 2 + count
    step = np.concatenate(steps)
    # Signs are in the lowest bit, so that small steps of either sign are small numbers.
    pixels[np.concatenate(places)] = np.cumsum((step >> 1) ^ -(step & 1)).astype(np.uint16)
    return pixels.reshape(height, width)


def _numbers(data: bytes) -> NDArray[np.int64]:
    """All numbers of a stream; what follows the last one in its word comes as zeros."""
    words = np.frombuffer(data, '<u4', count=len(data) // 4)
    shifts = np.arange(28, -1, -4, dtype=np.uint32)
    nibbles = (words[:, None] >> shifts).ravel() & 0xF
    ends = np.flatnonzero(nibbles < 8)
    starts = np.concatenate([[0], ends[:-1] + 1])[: len(ends)]
    lengths = ends - starts + 1
    numbers = np.zeros(len(ends), np.int64)
    if len(ends) and lengths.max() > _MOST_NIBBLES:
        raise InputError(
            f'A number of an RVL image has {lengths.max()} nibbles; expected at most'
            f' {_MOST_NIBBLES}.'
        )
    for i in range(_MOST_NIBBLES):
        longer = lengths > i
        numbers[longer] |= (nibbles[starts[longer] + i] & 7).astype(np.int64) << (3 * i)
    return numbers
