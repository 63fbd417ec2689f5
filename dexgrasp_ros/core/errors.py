"""The one exception tree of the package, with the codes that its messages carry."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from enum import IntEnum


class ErrorCode(IntEnum):
    """What went wrong, by stage; `dexgrasp_msgs/ErrorCode.msg` has the same names and values."""

    SUCCESS = 0
    # The request or a file it names.
    INVALID_INPUT = 100
    FILE_NOT_FOUND = 101
    MISSING_KEY = 102
    WRONG_TYPE = 103
    WRONG_SHAPE = 104
    UNKNOWN_ENCODING = 105
    OUT_OF_RANGE = 106
    # The hand and its description.
    INVALID_URDF = 200
    UNKNOWN_HAND = 201
    UNKNOWN_LINK = 202
    UNSUPPORTED_HAND = 203
    # The object's mesh.
    INVALID_MESH = 300
    # From depth and labels to an object.
    NO_VALID_DEPTH = 400
    UNKNOWN_LABEL = 401
    TOO_FEW_POINTS = 402
    RECONSTRUCTION_FAILED = 403
    NO_IMAGES = 404
    TRANSFORM_UNAVAILABLE = 405
    STALE_DATA = 406
    # The search for grasps.
    NO_GRASP_FOUND = 500
    CANCELLED = 501
    PREEMPTED = 502
    TIME_LIMIT = 503
    # The device that runs the kernels.
    DEVICE_UNAVAILABLE = 600
    OUT_OF_MEMORY = 601
    # Sending commands to a hand.
    COMMAND_DISABLED = 700
    INVALID_COMMAND = 701
    TRACKING_FAILED = 702
    EFFORT_LIMIT = 703
    # A defect of this package.
    INTERNAL = 900


class DexGraspError(Exception):
    """Root of every error that this package raises on purpose.

    Parameters
    ----------
    message
        One or two sentences: what came, what was expected, and the valid choices.
    code
        Which failure it is; each subclass has its usual one as default.
    """

    default_code = ErrorCode.INTERNAL

    def __init__(self, message: str, code: ErrorCode | None = None) -> None:
        super().__init__(message)
        self.code = self.default_code if code is None else code


class InputError(DexGraspError):
    """A file, an array or an argument is not what was asked for."""

    default_code = ErrorCode.INVALID_INPUT


class HandError(DexGraspError):
    """The hand's description cannot be used."""

    default_code = ErrorCode.INVALID_URDF


class ObjectError(DexGraspError):
    """The object's mesh cannot be used."""

    default_code = ErrorCode.INVALID_MESH


class PerceptionError(DexGraspError):
    """Depth and labels do not give an object."""

    default_code = ErrorCode.RECONSTRUCTION_FAILED


class SynthesisError(DexGraspError):
    """The search was stopped or found nothing."""

    default_code = ErrorCode.NO_GRASP_FOUND


class DeviceError(DexGraspError):
    """The compute device is missing or failed."""

    default_code = ErrorCode.DEVICE_UNAVAILABLE


class CommandError(DexGraspError):
    """A command to a hand was refused or did not do what it should."""

    default_code = ErrorCode.INVALID_COMMAND


_MOST_REPEATED = 200  # letters of what came that a message repeats
_MOST_LISTED = 2000  # letters of valid choices that it lists


def cut(value: object, most: int = _MOST_REPEATED) -> str:
    """Text of what came, for a message that repeats it: all, or its first letters and a count."""
    text = str(value)
    return text if len(text) <= most else f'{text[:most]}… ({len(text)} letters)'


def choices(names: Iterable[object]) -> str:
    """List valid names for the end of a message: ``'a', 'b'`` (sorted), or ``none``.

    Long names are cut, and long lists say how many more there are.
    """
    words = [cut(repr(n)) for n in sorted(names, key=str)]
    ends = itertools.accumulate(len(word) + 2 for word in words)
    shown = max(1, sum(end <= _MOST_LISTED for end in ends))
    more = f' and {len(words) - shown} more' if shown < len(words) else ''
    return (', '.join(words[:shown]) or 'none') + more
