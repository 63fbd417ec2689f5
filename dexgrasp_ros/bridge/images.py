"""Image messages ↔ arrays, for every encoding of depth and of labels that the package reads."""

from __future__ import annotations

import array

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from dexgrasp_ros.core.depth_frame import whole_labels
from dexgrasp_ros.core.errors import ErrorCode, InputError, choices, quoted

_MILLIMETRE = 0.001  # m; the unit of integer depth images (REP-118)

# Encoding → NumPy type without byte order.
_DEPTH_TYPES = {'32FC1': 'f4', '16UC1': 'u2', 'mono16': 'u2'}
_LABEL_TYPES = {'mono8': 'u1', '8UC1': 'u1', '16UC1': 'u2', 'mono16': 'u2', '32SC1': 'i4'}

DEPTH_ENCODINGS = tuple(_DEPTH_TYPES)
LABEL_ENCODINGS = tuple(_LABEL_TYPES)


def depth_array(
    message: Image, *, min_depth: float = 0.0, max_depth: float = np.inf
) -> NDArray[np.float32]:
    """Depth [H, W] m of an image in 32FC1 (m), 16UC1 or mono16 (mm).

    What is not finite, not positive or outside `min_depth` … `max_depth` [m] becomes 0, that is
    invalid.

    Raises
    ------
    InputError
        UNKNOWN_ENCODING or WRONG_SHAPE.
    """
    pixels = _view(message, _DEPTH_TYPES, 'depth image')
    depth = pixels.astype(np.float32)
    if pixels.dtype.kind == 'u':
        depth *= np.float32(_MILLIMETRE)
    with np.errstate(invalid='ignore'):
        valid = np.isfinite(depth) & (depth > 0) & (depth >= min_depth) & (depth <= max_depth)
    depth[~valid] = 0
    return depth


def label_array(message: Image, shape: tuple[int, int] | None = None) -> NDArray[np.int32]:
    """Labels [H, W] of an image in mono8, 8UC1, 16UC1, mono16 or 32SC1; 0 is background.

    So is what `core.depth_frame.whole_labels` takes for it.

    Parameters
    ----------
    message
        The segmentation image.
    shape
        (H, W) of the depth image. An image that is larger or smaller by an integer factor is
        brought to it by nearest neighbours.

    Raises
    ------
    InputError
        UNKNOWN_ENCODING or WRONG_SHAPE.
    """
    labels = whole_labels(_view(message, _LABEL_TYPES, 'segmentation image'))
    return labels if shape is None or labels.shape == shape else _resize(labels, shape)


def depth_message(depth: NDArray[np.float32], header: Header, encoding: str = '32FC1') -> Image:
    """Depth [H, W] m as an image message; invalid pixels are NaN in 32FC1, else 0.

    Raises
    ------
    InputError
        UNKNOWN_ENCODING.
    """
    _check_encoding(encoding, _DEPTH_TYPES, 'depth image')
    valid = np.isfinite(depth) & (depth > 0)
    if encoding == '32FC1':
        pixels = np.where(valid, depth, np.nan)
    else:
        pixels = np.where(valid, np.rint(np.nan_to_num(depth) / _MILLIMETRE), 0)
        pixels = np.clip(pixels, 0, np.iinfo(np.uint16).max)
    return image_message(pixels, header, encoding)


def label_message(labels: NDArray[np.integer], header: Header, encoding: str = '16UC1') -> Image:
    """Labels [H, W] as an image message.

    Raises
    ------
    InputError
        UNKNOWN_ENCODING, or OUT_OF_RANGE where a label does not fit the encoding.
    """
    _check_encoding(encoding, _LABEL_TYPES, 'segmentation image')
    limits = np.iinfo(_LABEL_TYPES[encoding])
    if labels.min() < limits.min or labels.max() > limits.max:
        raise InputError(
            f'Labels go from {labels.min()} to {labels.max()}; {encoding} holds {limits.min} to'
            f' {limits.max}.',
            ErrorCode.OUT_OF_RANGE,
        )
    return image_message(labels, header, encoding)


def image_message(pixels: NDArray, header: Header, encoding: str) -> Image:
    """Pixels [H, W] as an image message in an encoding of depth or labels, with its numbers."""
    pixels = np.ascontiguousarray(pixels, dtype='<' + (_DEPTH_TYPES | _LABEL_TYPES)[encoding])
    height, width = pixels.shape
    message = Image(
        header=header,
        height=height,
        width=width,
        encoding=encoding,
        is_bigendian=0,
        step=width * pixels.itemsize,
    )
    # rclpy takes array.array as it is, but checks a list or bytes element by element.
    data = array.array('B')
    data.frombytes(memoryview(pixels).cast('B'))
    message.data = data
    return message


def _check_encoding(encoding: str, types: dict[str, str], what: str) -> None:
    if encoding not in types:
        raise InputError(
            f'The {what} has encoding {quoted(encoding)}; expected one of {choices(types)}.',
            ErrorCode.UNKNOWN_ENCODING,
        )


def _view(message: Image, types: dict[str, str], what: str) -> NDArray:
    """View of the message's buffer as [H, W], honouring `step` and `is_bigendian`."""
    _check_encoding(message.encoding, types, what)
    dtype = np.dtype(types[message.encoding]).newbyteorder('>' if message.is_bigendian else '<')
    height, width, step = message.height, message.width, message.step
    if not height or not width:
        raise InputError(f'The {what} is {width} × {height} pixels.', ErrorCode.WRONG_SHAPE)
    needed = step * (height - 1) + width * dtype.itemsize
    if step < width * dtype.itemsize or len(message.data) < needed:
        raise InputError(
            f'The {what} says {width} × {height} {message.encoding} with step {step} and has'
            f' {len(message.data)} bytes; expected a step of at least {width * dtype.itemsize}'
            f' and {step * height} bytes.',
            ErrorCode.WRONG_SHAPE,
        )
    buffer = np.frombuffer(message.data, np.uint8)
    return np.ndarray((height, width), dtype, buffer, strides=(step, dtype.itemsize))


def _resize(labels: NDArray[np.int32], shape: tuple[int, int]) -> NDArray[np.int32]:
    (h, w), (height, width) = labels.shape, shape
    if h % height == 0 and w % width == 0 and h // height == w // width:
        factor = h // height
        # The pixel nearest to the centre of each block.
        return np.ascontiguousarray(labels[factor // 2 :: factor, factor // 2 :: factor])
    if height % h == 0 and width % w == 0 and height // h == width // w:
        factor = height // h
        return labels.repeat(factor, axis=0).repeat(factor, axis=1)
    raise InputError(
        f'The segmentation image is {w} × {h}, the depth image {width} × {height}; expected the'
        ' same size or one integer factor between them. Labels of a colour image need depth that'
        ' is aligned to it.',
        ErrorCode.WRONG_SHAPE,
    )
