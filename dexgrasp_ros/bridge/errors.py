"""From an exception to the two fields that every result of the package has."""

from __future__ import annotations

from dexgrasp_ros.core.errors import DexGraspError, ErrorCode, reason


def error_fields(error: BaseException) -> tuple[int, str]:
    """`error_code` and `error_message` of an exception, whatever it is."""
    if isinstance(error, DexGraspError):
        return int(error.code), str(error)
    if isinstance(error, MemoryError):
        return int(ErrorCode.OUT_OF_MEMORY), f'Memory ran out: {reason(error)}'
    return (
        int(ErrorCode.INTERNAL),
        f'A defect of this package, please report it: {type(error).__name__}: {reason(error)}',
    )
