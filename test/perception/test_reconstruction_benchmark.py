"""The measures of `benchmark/reconstruction.py`, on a box whose errors are known."""

import json

import numpy as np
import pytest
import reconstruction
import trimesh
import views
from shape_errors import shape_errors

from dexgrasp_ros.core.object_model import ObservedObject

SIZE = np.array([0.06, 0.08, 0.1])


@pytest.fixture(scope='module')
def view():
    """A box on the table, turned askew so that no sample lies on a face."""
    mesh = trimesh.creation.box(SIZE).apply_translation((0.0, 0.0, 0.5 * SIZE[2]))
    thing = views.Resting(obj=mesh, T_world_mesh=np.eye(4), support_plane=np.zeros(4))
    return views.take_view(thing, 1, 0.3, None, 0)


def observed(view, change):
    """Reconstruction of the true mesh, changed in its own frame."""
    T = view.T_mesh_cam
    vertices = change(trimesh.transform_points(view.vertices, T))
    vertices = trimesh.transform_points(vertices, np.linalg.inv(T))
    return ObservedObject(
        label=1,
        name='box',
        frame_id='',
        stamp=0,
        vertices=vertices,
        faces=view.faces,
        points=view.vertices,
    )


def test_the_truth_has_no_error(view):
    errors = shape_errors(view, observed(view, lambda v: v))
    assert errors['chamfer'] < 1e-6
    assert errors['iou'] == pytest.approx(1.0, abs=1e-3)
    assert errors['seen'] < 1e-5
    assert errors['missed'] < 0.01
    assert errors['invented'] == 0.0
    assert errors['true_volume'] == pytest.approx(SIZE.prod(), rel=0.03)


def test_a_moved_box_overlaps_as_computed(view):
    shift = 0.012
    errors = shape_errors(view, observed(view, lambda v: np.add(v, [0.0, shift, 0.0])))
    both = SIZE[1] - shift
    assert errors['iou'] == pytest.approx(both / (SIZE[1] + shift), abs=0.02)


def test_a_higher_box_invents_what_stands_above(view):
    higher = 0.03
    stretch = [1.0, 1.0, (SIZE[2] + higher) / SIZE[2]]
    errors = shape_errors(view, observed(view, lambda v: v * stretch))
    # All of it is above the true top, where the camera sees the table or the top behind it.
    margin = 0.003 / np.sin(np.radians(50.0))  # as seen from this view
    expected = SIZE[0] * SIZE[1] * (higher - margin)
    assert errors['invented'] == pytest.approx(expected, rel=0.15)


def test_views_of_few_are_spread():
    assert views.choose_views(8) == list(range(8))
    assert views.choose_views(2) == [0, 5]
    assert views.choose_views(4) == [0, 3, 4, 7]


def test_what_is_in_the_file_is_not_made_again(tmp_path, monkeypatch, capsys):
    trimesh.creation.box(SIZE).export(tmp_path / 'can.obj')
    out = tmp_path / 'old.jsonl'
    measures = dict.fromkeys(('chamfer', 'seen', 'points', 'invented', 'cpu_seconds'), 0.002)
    head = {'kind': 'shape', 'variant': 'symmetry', 'object': 'can', 'view': 0, 'noise_scale': 1.0}
    text = json.dumps(head | measures | {'iou': 0.9}) + '\n'
    out.write_text(text)
    monkeypatch.setattr(reconstruction, 'rest', lambda *_: pytest.fail('it was made again'))
    reconstruction.main(tmp_path, views=1, out=out)
    assert '2.00 (2.00 to 2.00)' in capsys.readouterr().out
    assert out.read_text() == text


def test_success_is_a_ratio_of_what_held():
    records = [
        {'object': 'can', 'variant': v, 'held': held, 'asked': 8}
        for v, held in (('symmetry', 6), ('truth', 8))
    ]
    table = '\n'.join(reconstruction._shake_table(records, ('symmetry', 'truth')))
    assert '6/8 = 75 %' in table and '| 75 % |' in table
