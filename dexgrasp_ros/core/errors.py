"""The one exception tree of the package, with the codes that its messages carry."""

from __future__ import annotations

import reprlib
from collections.abc import Iterable
from enum import IntEnum

LONGEST_MESSAGE = 1000  # letters; what came may be of any length
LONGEST_QUOTE = 200  # letters of what came that a message repeats; names have no more bytes
_LONGEST_LIST = 500  # letters of names that are listed as choices
_SHORT = reprlib.Repr()
_SHORT.maxlevel = 3
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = LONGEST_QUOTE
_SHORT.maxlist = _SHORT.maxtuple = _SHORT.maxdict = _SHORT.maxset = 10


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
    WAY_BLOCKED = 704
    # A defect of this package.
    INTERNAL = 900


class DexGraspError(Exception):
    """Root of every error that this package raises on purpose.

    Parameters
    ----------
    message
        One or two sentences: what came, what was expected, and the valid choices. Of a longer
        one than `LONGEST_MESSAGE` the middle is left out.
    code
        Which failure it is; each subclass has its usual one as default.
    """

    default_code = ErrorCode.INTERNAL

    def __init__(self, message: str, code: ErrorCode | None = None) -> None:
        super().__init__(_without_middle(message, LONGEST_MESSAGE))
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


class DexGraspWarning(UserWarning):
    """What this package has to say; its commands print no warnings of others."""


def choices(names: Iterable[object]) -> str:
    """List valid names for the end of a message: ``'a', 'b'`` (sorted), or ``none``."""
    listed = ', '.join(quoted(name) for name in sorted(names, key=str)) or 'none'
    return _without_middle(listed, _LONGEST_LIST)


def quoted(value: object, limit: int = LONGEST_QUOTE) -> str:
    """Repeat what came in a message, as `repr` does and in at most `limit` letters."""
    try:
        text = _SHORT.repr(value)
    except Exception:  # a number of more digits than Python prints, an object that has no `repr`
        text = f'a value of type {type(value).__name__}'
    return _without_middle(text, limit)


def reason(error: BaseException, limit: int = LONGEST_QUOTE) -> str:
    """Say in one line of at most `limit` letters why a library refused something."""
    try:
        text = ' '.join(str(error).split())
    except Exception:
        text = ''
    name = type(error).__name__
    # What Python and libraries call their own is only worth its name where it says little.
    text = text if ' ' in text else f'{name}: {text}' if text else name
    return _without_middle(text, limit)


def _without_middle(text: str, limit: int) -> str:
    """Return a text of at most `limit` letters; its end says what would be right."""
    if len(text) <= limit:
        return text
    tail = limit // 3
    return f'{text[: limit - tail - 3]} … {text[len(text) - tail :]}'
