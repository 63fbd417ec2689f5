"""Which objects of one frame are those of the frame before, and what counts as a change."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from dexgrasp_ros.core.errors import InputError
from dexgrasp_ros.core.object_model import ObservedObject
from dexgrasp_ros.perception.tracking import (
    ObjectTracker,
    Sighting,
    TrackingConfig,
    cell_overlap,
    mesh_change,
    sighting,
)

SIZE = (0.06, 0.06, 0.1)


def seen(label, x=0.0, *, y=0.0, turn=0.0, size=SIZE, noise=0.0, seed=0, half=False) -> Sighting:
    """A box at (x, y), of which the camera sees the faces towards -y and +z, or half of them."""
    rng = np.random.default_rng(seed)
    mesh = trimesh.creation.box(size)
    turned = trimesh.transformations.rotation_matrix(turn, (0, 0, 1))
    mesh.apply_transform(turned).apply_translation([x, y, size[2] / 2])
    fine = mesh.subdivide_to_size(0.01)
    points, face = trimesh.sample.sample_surface(mesh, 4000, seed=seed)
    normal = mesh.face_normals[face]
    keep = (normal[:, 1] < -0.5) | (normal[:, 2] > 0.5)
    if half:
        keep &= points[:, 0] < x
    return Sighting(
        label=label,
        points=points[keep] + rng.normal(scale=noise, size=(keep.sum(), 3)),
        vertices=np.array(fine.vertices) + rng.normal(scale=noise, size=fine.vertices.shape),
        faces=np.array(fine.faces),
    )


def ids_of(tracker, *frames):
    return [tracker.update(frame).ids for frame in frames]


def test_a_still_scene_keeps_its_identifiers_and_is_no_news():
    tracker = ObjectTracker()
    first = tracker.update([seen(1), seen(2, 0.15)])
    assert first.is_news and first.changes == (np.inf, np.inf)
    tracker.mark_published(first.ids)
    assert len(set(first.ids)) == 2
    for seed in range(1, 5):
        again = tracker.update(
            [seen(1, noise=0.001, seed=seed), seen(2, 0.15, noise=0.001, seed=seed)]
        )
        assert again.ids == first.ids
        assert not again.is_news
        assert max(again.changes) < 0.003


def test_labels_that_flip_do_not_carry_the_identifier_away():
    tracker = ObjectTracker()
    left, right = tracker.update([seen(1), seen(2, 0.15)]).ids
    assert tracker.update([seen(1, 0.15), seen(2)]).ids == (right, left)
    assert tracker.update([seen(7, 0.15), seen(1)]).ids == (right, left)


def test_a_label_that_flips_is_news():
    tracker = ObjectTracker()
    tracker.mark_published(tracker.update([seen(1)]).ids)
    assert tracker.update([seen(3)]).is_news


def test_one_label_in_two_places_is_two_objects():
    tracker = ObjectTracker()
    (here,), (there,), (back,) = ids_of(tracker, [seen(1)], [seen(1, 0.4)], [seen(1)])
    assert there != here
    assert back == here


def test_touching_objects_do_not_change_places():
    tracker = ObjectTracker()
    ids = tracker.update([seen(1), seen(2, 0.06), seen(3, 0.12)]).ids
    moved = [seen(2, 0.07), seen(3, 0.13), seen(1, 0.01)]
    assert tracker.update(moved).ids == (ids[1], ids[2], ids[0])


def test_an_object_that_was_pushed_is_found_by_its_label():
    tracker = ObjectTracker()
    ids = tracker.update([seen(1), seen(2, 0.3)]).ids
    assert tracker.update([seen(1, -0.09), seen(2, 0.3)]).ids == ids
    # Another label at the same distance is another object.
    assert tracker.update([seen(5, -0.18), seen(2, 0.3)]).ids[0] not in ids


def test_half_an_object_is_the_same_object():
    tracker = ObjectTracker()
    first, second = ids_of(tracker, [seen(1)], [seen(2, half=True)])
    assert first == second


def test_a_hidden_object_is_remembered_for_a_while():
    tracker = ObjectTracker(TrackingConfig(memory=3))
    first = tracker.update([seen(1), seen(2, 0.3)]).ids
    for _ in range(3):
        tracker.update([seen(2, 0.3)])
    assert tracker.update([seen(1), seen(2, 0.3)]).ids == first
    for _ in range(4):
        tracker.update([seen(2, 0.3)])
    new, old = tracker.update([seen(1), seen(2, 0.3)]).ids
    assert old == first[1]
    assert new not in first


@pytest.mark.parametrize(
    ('change', 'is_news'),
    [
        ({}, False),
        ({'x': 0.003}, False),
        ({'x': 0.008}, True),
        ({'turn': 0.03}, False),  # 1.3 mm at the corners
        ({'turn': 0.3}, True),
        ({'size': (0.06, 0.06, 0.12)}, True),
        ({'size': (0.06, 0.08, 0.1)}, True),
    ],
)
def test_only_a_change_by_more_than_was_said_is_news(change, is_news):
    tracker = ObjectTracker(TrackingConfig(republish_distance=0.005))
    tracker.mark_published(tracker.update([seen(1)]).ids)
    assert tracker.update([seen(1, **change)]).is_news == is_news


def test_small_changes_add_up():
    tracker = ObjectTracker(TrackingConfig(republish_distance=0.005))
    tracker.mark_published(tracker.update([seen(1)]).ids)
    news = [tracker.update([seen(1, 0.002 * step)]).is_news for step in range(1, 5)]
    assert news == [False, False, True, True]


def test_coming_and_going_is_news_but_not_in_a_part_of_a_frame():
    tracker = ObjectTracker()
    both = tracker.update([seen(1), seen(2, 0.3)])
    tracker.mark_published(both.ids)
    assert not tracker.update([seen(1)], is_whole=False).is_news
    gone = tracker.update([seen(1)])
    assert gone.is_news
    tracker.mark_published(gone.ids)
    assert not tracker.update([seen(1)]).is_news
    assert tracker.update([seen(1), seen(2, 0.3)]).is_news


def test_an_empty_frame_is_news_once():
    tracker = ObjectTracker()
    assert not tracker.update([]).is_news
    tracker.mark_published(tracker.update([seen(1)]).ids)
    nothing = tracker.update([])
    assert nothing.is_news
    tracker.mark_published(nothing.ids)
    assert not tracker.update([]).is_news


def test_after_clearing_identifiers_are_new():
    tracker = ObjectTracker()
    before = tracker.update([seen(1)]).ids
    tracker.clear()
    after = tracker.update([seen(1)])
    assert after.is_news
    assert set(before).isdisjoint(after.ids)


def test_overlap_of_sets_of_points():
    a = seen(1).points
    assert cell_overlap(a, a) == 1.0
    assert cell_overlap(a, a + np.array([0.5, 0, 0])) == 0.0
    assert cell_overlap(a, a[:0]) == 0.0
    # A third of the front faces is shared; the cells beside count too.
    assert 0.3 < cell_overlap(a, a + np.array([0.04, 0, 0])) < 0.6


def test_change_of_a_box_is_how_far_its_faces_moved():
    a = seen(1)
    assert mesh_change(a, a) == pytest.approx(0.0, abs=1e-6)
    assert mesh_change(a, seen(1, 0.01)) == pytest.approx(0.01, abs=1e-4)
    taller = seen(1, size=(0.06, 0.06, 0.12))
    assert mesh_change(a, taller) == mesh_change(taller, a) > 0.01


def test_a_moving_camera_does_not_move_what_stands():
    """The same box from two poses of the camera, in the frame that stays."""
    box = seen(1, 0.2)
    tracker = ObjectTracker()
    half = np.sqrt(0.5)
    for pose in ([0, 0, 0, 0, 0, 0, 1], [0.3, -0.2, 0.1, 0, 0, half, half]):
        x, y, z = pose[:3]
        turn = np.eye(3) if pose[6] == 1 else np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1]])
        found = ObservedObject(
            label=1,
            name='',
            frame_id='camera',
            stamp=0,
            vertices=(box.vertices - [x, y, z]) @ turn,
            faces=box.faces,
            points=(box.points - [x, y, z]) @ turn,
        )
        frame = tracker.update([sighting(found, np.array(pose))])
        assert frame.ids == ('track_1',)
        tracker.mark_published(frame.ids)
    assert frame.changes[0] < 1e-6


def test_settings_out_of_range_are_refused():
    with pytest.raises(InputError, match='overlap'):
        TrackingConfig(overlap=0.0)
