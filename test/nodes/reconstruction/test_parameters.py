"""Parameters that do not go together are refused with what was expected."""

import pytest

pytest.importorskip('rclpy')

from dexgrasp_ros.bridge.parameters import parameter_fields
from dexgrasp_ros.core.errors import InputError
from dexgrasp_ros.nodes.reconstruction.parameters import ReconstructionParameters


@pytest.mark.parametrize(
    ('values', 'words'),
    [
        ({'input': 'cloud'}, "'depth', 'points'"),
        ({'fuse': True}, "'fixed_frame' is empty"),
        ({'rate': -1.0}, "'rate' is -1.0"),
        ({'tf_timeout': 1e9}, "'tf_timeout'"),
    ],
)
def test_a_bad_parameter_says_what_was_expected(values, words):
    with pytest.raises(InputError) as caught:
        ReconstructionParameters(**values)
    assert words in str(caught.value)


def test_fusion_with_a_fixed_frame_is_accepted():
    assert ReconstructionParameters(fuse=True, fixed_frame='world').fuse


def test_parameters_of_what_is_made_on_activation_say_so():
    told = {name: about['text'] for name, about, _ in parameter_fields(ReconstructionParameters())}
    made = {name for name in told if name.startswith(('fusion.', 'tracking.'))}
    assert len(made) > 8
    assert all(told[name].endswith('; read on activation') for name in made)
    assert 'activation' not in told['perception.spacing']
