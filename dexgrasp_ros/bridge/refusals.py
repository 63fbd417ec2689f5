"""Why there are no labels for an image: a coded error as a message of its own, and back.

A label image cannot say it, and who waits for labels would only see that none come.
"""

from __future__ import annotations

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from std_msgs.msg import Header

from dexgrasp_ros.bridge.errors import error_fields
from dexgrasp_ros.core.errors import DexGraspError, ErrorCode, PerceptionError

_CODE = 'error_code'


def refusal_message(node: str, header: Header, error: DexGraspError) -> DiagnosticArray:
    """Message that `node` refuses the image of `header`, with code and sentence."""
    code, sentence = error_fields(error)
    status = DiagnosticStatus(
        level=DiagnosticStatus.ERROR,
        name=node,
        message=sentence,
        values=[KeyValue(key=_CODE, value=ErrorCode(code).name)],
    )
    return DiagnosticArray(header=header, status=[status])


def refusal_error(message: DiagnosticArray) -> PerceptionError:
    """Error that such a message tells of; INVALID_INPUT where it does not say which."""
    told = {pair.key: pair.value for status in message.status for pair in status.values}
    sentences = ' '.join(status.message for status in message.status)
    names = ' '.join(status.name for status in message.status)
    code = ErrorCode.__members__.get(told.get(_CODE, ''), ErrorCode.INVALID_INPUT)
    return PerceptionError(f"No labels from '{names}': {sentences}", code)
