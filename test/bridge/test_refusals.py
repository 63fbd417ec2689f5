import pytest

pytest.importorskip('rclpy')

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus

from dexgrasp_ros.bridge.geometry import header
from dexgrasp_ros.bridge.refusals import refusal_error, refusal_message
from dexgrasp_ros.core.errors import ErrorCode, InputError


def test_a_refusal_keeps_code_sentence_and_stamp():
    head = header('camera', 1_000_000_002)
    message = refusal_message('/a/node', head, InputError('Too large.', ErrorCode.OUT_OF_RANGE))
    assert message.header == head
    error = refusal_error(message)
    assert error.code == ErrorCode.OUT_OF_RANGE
    assert str(error) == "No labels from '/a/node': Too large."


@pytest.mark.parametrize(
    'message',
    [DiagnosticArray(), DiagnosticArray(status=[DiagnosticStatus(message='Too dark.')])],
    ids=['nothing', 'no code'],
)
def test_a_refusal_of_somebody_else_is_one_as_well(message):
    error = refusal_error(message)
    assert error.code == ErrorCode.INVALID_INPUT
    assert all(status.message in str(error) for status in message.status)
