import pytest

pytest.importorskip('rclpy')

from dexgrasp_msgs.msg import ErrorCode as Message
from dexgrasp_ros.bridge.errors import error_fields
from dexgrasp_ros.core.errors import DexGraspError, ErrorCode, HandError


def test_the_message_has_the_same_names_and_values_as_the_core():
    names = [n for n in dir(type(Message)) if n.isupper() and not n.startswith('_')]
    constants = {name: getattr(Message, name) for name in names}
    assert constants == {code.name: code.value for code in ErrorCode}


@pytest.mark.parametrize(
    ('error', 'code', 'words'),
    [
        (HandError('No hand.', ErrorCode.UNKNOWN_HAND), ErrorCode.UNKNOWN_HAND, 'No hand.'),
        (DexGraspError('Broken.'), ErrorCode.INTERNAL, 'Broken.'),
        (MemoryError('1 TB'), ErrorCode.OUT_OF_MEMORY, '1 TB'),
        (ZeroDivisionError('division by zero'), ErrorCode.INTERNAL, 'ZeroDivisionError'),
    ],
)
def test_every_exception_gives_a_code_and_a_sentence(error, code, words):
    found, sentence = error_fields(error)
    assert found == code
    assert words in sentence
