"""Observed objects as messages and back."""

import numpy as np
import pytest

pytest.importorskip('rclpy')

import trimesh

from dexgrasp_ros.bridge.objects import object_array_message, observed_object
from dexgrasp_ros.core.object_model import ObservedObject


def observed(label: int) -> ObservedObject:
    mesh = trimesh.creation.box([0.1, 0.2, 0.3])
    return ObservedObject(
        label=label,
        name=f'object_{label}',
        frame_id='camera',
        stamp=1_000_000_002,
        vertices=np.array(mesh.vertices),
        faces=np.array(mesh.faces),
        points=np.ones((4, 3)),
        support_plane=np.array([0, 0, 1, 0.5]),
        obstacles=np.zeros((2, 3)),
        observed_fraction=0.5,
        phase_points={'points': 4, 'carve': 8},
        warnings=('It was guessed.',),
        timing={'points': 0.25, 'completion': 0.5, 'carve': 0.125},
        view_count=3,
    )


def test_an_object_survives_the_way_there_and_back():
    before = observed(4)
    message = object_array_message([before], 'camera', 1_000_000_002)
    after, pose = observed_object(message.objects[0])
    np.testing.assert_array_equal(pose, [0, 0, 0, 0, 0, 0, 1])
    for name, value in vars(before).items():
        if isinstance(value, np.ndarray):
            np.testing.assert_allclose(getattr(after, name), value)
        else:
            assert getattr(after, name) == value, name


def test_objects_are_in_the_order_of_labels_with_their_identifiers():
    objects = [observed(7), observed(2)]
    message = object_array_message(objects, 'camera', 0, ['track_1', 'track_5'])
    assert [(o.label, o.id) for o in message.objects] == [(2, 'track_5'), (7, 'track_1')]
    unnamed = object_array_message(objects, 'camera', 0)
    assert [o.id for o in unnamed.objects] == ['object_2', 'object_7']
