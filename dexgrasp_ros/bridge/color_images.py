"""Colour image messages ↔ arrays."""

from __future__ import annotations

import array

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from dexgrasp_ros.core.errors import ErrorCode, InputError, choices, quoted

# Encoding → channels of a pixel, and which of them are red, green and blue.
_LAYOUTS = {
    'rgb8': (3, (0, 1, 2)),
    'bgr8': (3, (2, 1, 0)),
    'rgba8': (4, (0, 1, 2)),
    'bgra8': (4, (2, 1, 0)),
    'mono8': (1, (0, 0, 0)),
}

COLOR_ENCODINGS = tuple(_LAYOUTS)


def color_array(message: Image) -> NDArray[np.uint8]:
    """Colours [H, W, 3], sRGB, of an image in rgb8, bgr8, rgba8, bgra8 or mono8.

    Raises
    ------
    InputError
        UNKNOWN_ENCODING or WRONG_SHAPE.
    """
    if message.encoding not in _LAYOUTS:
        raise InputError(
            f'The colour image has encoding {quoted(message.encoding)}; expected one of'
            f' {choices(_LAYOUTS)}.',
            ErrorCode.UNKNOWN_ENCODING,
        )
    channels, order = _LAYOUTS[message.encoding]
    height, width, step = message.height, message.width, message.step
    row = width * channels
    if not height or not width or step < row or len(message.data) < step * (height - 1) + row:
        raise InputError(
            f'The colour image says {width} × {height} {message.encoding} with step {step} and has'
            f' {len(message.data)} bytes; expected a step of at least {row} and {step * height}'
            ' bytes.',
            ErrorCode.WRONG_SHAPE,
        )
    buffer = np.frombuffer(message.data, np.uint8)
    pixels = np.ndarray((height, width, channels), np.uint8, buffer, strides=(step, channels, 1))
    return np.ascontiguousarray(pixels[..., list(order)])


def color_message(rgb: NDArray[np.uint8], header: Header) -> Image:
    """Colours [H, W, 3] as an image message in rgb8."""
    pixels = np.ascontiguousarray(rgb, np.uint8)
    height, width, _ = pixels.shape
    message = Image(header=header, height=height, width=width, encoding='rgb8', step=3 * width)
    # rclpy takes array.array as it is, but checks a list or bytes element by element.
    message.data = array.array('B', pixels.tobytes())
    return message
