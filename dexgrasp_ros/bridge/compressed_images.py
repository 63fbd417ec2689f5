"""Images that image_transport has compressed, as they were before.

`compressedDepth` has twelve bytes before its PNG or RVL: a number of the format and the two
parameters of the quantisation that turns metres into 16 bits. `compressed` is a file: PNG, JPEG or
TIFF.
"""

from __future__ import annotations

import io
import struct

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import CompressedImage, Image

from dexgrasp_ros.bridge.color_images import color_message
from dexgrasp_ros.bridge.images import image_message
from dexgrasp_ros.bridge.rvl import decode_rvl
from dexgrasp_ros.core.doors import reading
from dexgrasp_ros.core.errors import ErrorCode, InputError, choices

_DEPTH_HEADER = struct.Struct('<iff')  # format, and a, b of z = a / (q - b)
_EXACT = ('PNG', 'TIFF')  # files whose pixels are as they were
_ENCODINGS = {'u1': '8UC1', 'u2': '16UC1', 'i4': '32SC1', 'f4': '32FC1'}
_MOST_PIXELS = 2**26  # of a file; before memory is taken for them


def as_image(message: Image | CompressedImage) -> Image:
    """Depth or labels as an image message; one that is not compressed as it is.

    Raises
    ------
    InputError
        UNKNOWN_ENCODING: a format that does not keep numbers, such as JPEG, or one that is not
        known; OUT_OF_RANGE for more than 2^26 pixels; INVALID_INPUT where the data are damaged.
    """
    if isinstance(message, Image):
        return message
    encoding, _, transport = (part.strip() for part in message.format.partition(';'))
    if 'compressedDepth' in transport:
        pixels = _depth_pixels(message, encoding, transport)
    else:
        pixels = _file_pixels(bytes(message.data), message.format, _EXACT)
    kind = pixels.dtype.str[1:]
    if pixels.ndim != 2 or kind not in _ENCODINGS:
        raise InputError(
            f"The compressed image of format '{message.format}' has pixels of shape"
            f' {list(pixels.shape[2:])} and type {pixels.dtype}; expected one whole number or'
            ' metres for each.',
            ErrorCode.UNKNOWN_ENCODING,
        )
    return image_message(pixels, message.header, _ENCODINGS[kind])


def as_color_image(message: Image | CompressedImage) -> Image:
    """Colours as an image message, in rgb8 where they were compressed.

    Raises
    ------
    InputError
        As `as_image`, but for JPEG.
    """
    if isinstance(message, Image):
        return message
    pixels = _file_pixels(bytes(message.data), message.format, ('JPEG', *_EXACT), mode='RGB')
    return color_message(pixels, message.header)


def _depth_pixels(message: CompressedImage, encoding: str, transport: str) -> NDArray:
    """Pixels of `compressedDepth`: millimetres, or metres of a depth that was 32FC1."""
    data = bytes(message.data)
    if len(data) <= _DEPTH_HEADER.size:
        raise InputError(
            f"The compressed depth image of format '{message.format}' has {len(data)} bytes;"
            f' expected {_DEPTH_HEADER.size} and an image behind them.'
        )
    _, a, b = _DEPTH_HEADER.unpack_from(data)
    data = data[_DEPTH_HEADER.size :]
    if transport.endswith('rvl'):
        pixels = decode_rvl(data, _MOST_PIXELS)
    else:
        pixels = _file_pixels(data, message.format, ('PNG',))
    if encoding != '32FC1':
        return pixels
    with np.errstate(divide='ignore', invalid='ignore'):
        metres = a / (pixels.astype(np.float32) - np.float32(b))
    return np.where(pixels > 0, metres, np.nan).astype(np.float32)


def _file_pixels(data: bytes, told: str, kinds: tuple[str, ...], mode: str = '') -> NDArray:
    """Pixels [H, W] or [H, W, C] of a file of one of some kinds, perhaps in another mode."""
    from PIL import Image as Picture

    if 'JPEG' not in kinds and data[:2] == b'\xff\xd8':
        raise InputError(
            f"An image of depth or labels came as JPEG ('{told}'), which does not keep numbers;"
            f' expected {choices(kinds)}: let the publisher compress with PNG.',
            ErrorCode.UNKNOWN_ENCODING,
        )
    with (
        reading(f"The compressed image of format '{told}' cannot be read; expected a whole file"),
        Picture.open(io.BytesIO(data), formats=kinds) as picture,
    ):
        if picture.width * picture.height > _MOST_PIXELS:
            raise InputError(
                f'The compressed image is {picture.width} × {picture.height}; expected at most'
                f' {_MOST_PIXELS} pixels.',
                ErrorCode.OUT_OF_RANGE,
            )
        if picture.mode == '1':
            mode = 'L'
        return np.asarray(picture.convert(mode) if mode else picture)
