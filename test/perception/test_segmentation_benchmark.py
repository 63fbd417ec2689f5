"""`benchmark/segmentation.py`: its scores against counts by hand, its scenes against the truth."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from segmentation import score_labels
from tabletop_scenes import ARRANGEMENTS, make_scene

VALID = np.ones((10, 10), bool)


def image(*places):
    """Label image with rectangles (label, rows, columns)."""
    labels = np.zeros((10, 10), int)
    for label, rows, columns in places:
        labels[rows, columns] = label
    return labels


def test_overlap_precision_and_recall_are_counts_of_pixels():
    truth = image((3, slice(0, 4), slice(0, 4)))  # 16 pixels
    found = image((1, slice(0, 4), slice(2, 5)))  # 12, of which 8 are common
    score = score_labels(truth, found, VALID, 1)
    assert (score.overlap, score.precision, score.recall) == (8 / 20, 8 / 12, 8 / 16)
    assert (score.split, score.merged, score.extra) == (0, 0, 0)


def test_only_valid_pixels_and_large_objects_count():
    truth = image((1, slice(0, 4), slice(0, 4)), (2, 9, 9))
    valid = VALID.copy()
    valid[:2] = False
    score = score_labels(truth, truth * (np.arange(10) < 9), valid, 2)
    assert score.overlap.tolist() == [1.0]


def test_split_merged_and_extra_labels_are_told_apart():
    truth = image((1, slice(0, 4), slice(0, 8)), (2, slice(5, 7), slice(0, 8)))
    split = image(
        (1, slice(0, 4), slice(0, 4)), (2, slice(0, 4), slice(4, 8)), (3, slice(5, 7), slice(0, 8))
    )
    score = score_labels(truth, split, VALID, 1)
    assert (score.split, score.merged, score.extra) == (1, 0, 0)
    assert score.overlap.tolist() == [0.5, 1.0]
    merged = image((1, slice(0, 7), slice(0, 8)), (2, slice(8, 10), slice(0, 9)))
    score = score_labels(truth, merged, VALID, 1)
    assert (score.split, score.merged, score.extra) == (0, 1, 1)
    # An object that no label is left for has overlap 0, though label 2 is matched to it.
    assert sorted(score.overlap.tolist()) == [0.0, 32 / 56]


def test_without_labels_every_overlap_is_zero():
    score = score_labels(image((1, 2, 2)), image(), VALID, 1)
    assert (score.overlap.tolist(), score.split, score.merged, score.extra) == ([0.0], 0, 0, 0)


@pytest.fixture(scope='module')
def boxes(tmp_path_factory):
    folder = tmp_path_factory.mktemp('objects')
    names = ('003_cracker_box', '061_foam_brick', 'a', 'b', 'c')
    for name in names:
        trimesh.creation.box((0.06, 0.08, 0.1)).export(folder / f'{name}.obj')
    return folder, names


@pytest.mark.parametrize('arrangement', ARRANGEMENTS)
def test_scenes_have_five_objects_where_they_should_be(boxes, arrangement):
    frame = make_scene(*boxes, arrangement, 0)
    assert set(np.unique(frame.labels)) == set(range(6))
    v, u = np.nonzero((frame.labels > 0) & (frame.depth > 0))
    K, z = frame.intrinsics, frame.depth[v, u].astype(float)
    points = np.column_stack([(u - K[0, 2]) / K[0, 0] * z, (v - K[1, 2]) / K[1, 1] * z, z])
    world = points @ frame.T_world_cam[:3, :3].T + frame.T_world_cam[:3, 3]
    heights = [np.percentile(world[frame.labels[v, u] == n, 2], 98) for n in range(1, 6)]
    expected = [0.1, 0.1, 0.2, 0.2, 0.1] if arrangement == 'stacked' else [0.1] * 5
    np.testing.assert_allclose(heights, expected, atol=0.01)
