"""Parameters that do not go together are refused with what was expected."""

import dataclasses
from unittest.mock import Mock

import numpy as np
import pytest

pytest.importorskip('rclpy')

from dexgrasp_ros.bridge.parameters import parameter_fields
from dexgrasp_ros.core.errors import InputError
from dexgrasp_ros.nodes.reconstruction.parameters import ReconstructionParameters
from dexgrasp_ros.nodes.reconstruction.task import ReconstructionTask
from dexgrasp_ros.perception.config import ReconstructionConfig


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
    told = {name: about for name, about, _ in parameter_fields(ReconstructionParameters())}
    made = {name for name in told if name.startswith('fusion.')}
    assert len(made) > 4
    assert all(told[name]['text'].endswith('; read on activation') for name in made)
    later = [n for n in told if n.startswith(('perception.', 'tracking.'))]
    for name in (*later, 'assume_rectified', 'tf_timeout', 'max_age', 'fuse'):
        assert not told[name]['read_on'], name


def test_parameters_of_perception_and_tracking_count_at_once_for_fused_views_too(frame):
    source, transforms = Mock(), Mock()
    source.wait.return_value = frame
    transforms.lookup.return_value = np.array([0.0, 0, 0, 0, 0, 0, 1])
    coarse = ReconstructionConfig(spacing=0.006, completion='extrusion')
    parameters = ReconstructionParameters(fixed_frame='world', perception=coarse)
    task = ReconstructionTask(
        source, transforms, lambda: parameters, lambda: True, lambda _label: ''
    )
    task.fuse()
    (fine,) = task.answer(None, 0.0).made.objects
    parameters = dataclasses.replace(
        parameters,
        perception=dataclasses.replace(parameters.perception, max_faces=200),
        tracking=dataclasses.replace(parameters.tracking, republish_distance=0.0),
    )
    assert task.follow().is_news  # the mesh is another one, if by little
    (simple,) = task.answer(None, 0.0).made.objects
    assert len(simple.faces) <= 200 < len(fine.faces)
