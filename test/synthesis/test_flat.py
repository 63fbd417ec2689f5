"""What lies flat on a table is told to."""

from types import SimpleNamespace

import numpy as np

from dexgrasp_ros.core.poses import pose_to_matrix
from dexgrasp_ros.synthesis.flat import flat_warnings, reject_flat
from dexgrasp_ros.synthesis.ranking import count_rejects


def lying(height: float) -> SimpleNamespace:
    """Corners of a tile of this height on a plane that is tilted and away from the origin."""
    corners = np.array(np.meshgrid([-0.03, 0.03], [-0.02, 0.02], [0.0, height])).reshape(3, -1).T
    frame = pose_to_matrix([0.1, 0.2, 0.3, 0.5, 0.1, 0.3, 0.8])
    turn, place = frame[:3, :3], frame[:3, 3]
    plane = np.append(turn[:, 2], -turn[:, 2] @ place)
    return SimpleNamespace(vertices=corners @ turn.T + place, support_plane=plane)


def test_what_lies_flat_falls_to_that_and_says_so():
    bad = {
        'contacts': np.array([True, False, False, False]),
        'environment': np.array([False, True, False, False]),
        'self_collision': np.array([False, False, True, False]),
    }
    alive, counts = count_rejects(reject_flat(lying(0.006), bad))
    assert alive.tolist() == [False, False, False, True]
    assert counts == {'flat': 2, 'contacts': 0, 'environment': 0, 'self_collision': 1}
    (warning,) = flat_warnings(lying(0.006))
    assert 'rises 6.0 mm above its support plane' in warning


def test_what_stands_or_floats_does_not():
    bad = {'contacts': np.array([True])}
    for obj in (lying(0.03), SimpleNamespace(support_plane=None)):
        assert reject_flat(obj, bad) == bad
        assert flat_warnings(obj) == []
