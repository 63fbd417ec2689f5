"""Cleaning: flying pixels, islands, parts, and labels that cover something else too."""

import dataclasses

import numpy as np
import pytest
import trimesh
from scipy import ndimage

from dexgrasp_ros.core.errors import ErrorCode, PerceptionError
from dexgrasp_ros.perception import ReconstructionConfig, reconstruct_frame
from dexgrasp_ros.perception.points import clean_label, cluster
from dexgrasp_ros.perception.view import DepthWindow, whole_frame

CONFIG = ReconstructionConfig()


def crate():
    return trimesh.creation.box((0.1, 0.1, 0.1)).apply_translation((0.0, 0.0, 0.05))


def test_clean_pixels_stay(render_scene):
    frame = render_scene(crate(), noise=0.001).frame
    mask = clean_label(whole_frame(frame, CONFIG), 1, CONFIG).mask
    own = frame.labels == 1
    assert not (mask & ~own).any()
    assert mask.sum() > 0.99 * own.sum()


def test_flying_pixels_go(render_scene):
    """A veil, two pixels wide, hangs at random depths between the object and what is behind."""
    frame = render_scene(crate()).frame
    own = frame.labels == 1
    veil = ndimage.binary_dilation(own, iterations=2) & ~own
    behind = frame.depth[veil]
    nearest = ndimage.distance_transform_edt(~own, return_distances=False, return_indices=True)
    front = frame.depth[tuple(nearest)][veil]
    wide = behind - front > 0.04  # at the object's foot there is no gap to fly in
    depth, labels = frame.depth.copy(), frame.labels.copy()
    share = np.random.default_rng(0).uniform(0.3, 0.9, size=len(behind))
    depth[veil] = np.where(wide, front + share * (behind - front), behind)
    labels[veil] = np.where(wide, 1, 0)
    frame = dataclasses.replace(frame, depth=depth, labels=labels)
    mask = clean_label(whole_frame(frame, CONFIG), 1, CONFIG).mask
    flying = veil & (labels == 1)
    assert flying.sum() > 300
    assert mask[flying].mean() < 0.05
    assert mask[own].mean() > 0.99


def test_what_the_label_covers_behind_the_object_goes_with_a_warning(render_scene, check_mesh):
    wall = trimesh.creation.box((1.2, 0.02, 1.0)).apply_translation((0.0, 0.5, 0.5))
    frame = render_scene(crate(), backdrop=wall, eye=(0.0, -0.5, 0.2), target=(0, 0, 0.1)).frame
    labels = frame.labels.copy()
    labels[40:120, 240:440] = 1  # on the wall
    assert (labels == 1).sum() > 1.1 * (frame.labels == 1).sum()
    (found,) = reconstruct_frame(dataclasses.replace(frame, labels=labels)).objects
    assert 'left out' in ' '.join(found.warnings)
    assert found.points[:, 2].max() < 0.75
    check_mesh(frame, found)


def test_small_island_goes_silently(render_scene):
    frame = render_scene(crate()).frame
    labels = frame.labels.copy()
    labels[460:470, 5:15] = 1  # far away on the table
    pixels = clean_label(whole_frame(dataclasses.replace(frame, labels=labels), CONFIG), 1, CONFIG)
    assert not pixels.mask[460:470, 5:15].any()
    assert pixels.warnings == ()


def test_parts_that_an_occluder_divides_both_stay(render_scene):
    long = trimesh.creation.box((0.3, 0.04, 0.06)).apply_translation((0.0, 0.1, 0.03))
    post = trimesh.creation.box((0.12, 0.03, 0.25)).apply_translation((0.0, -0.05, 0.125))
    frame = render_scene(long, post, eye=(0.0, -0.6, 0.4)).frame
    pixels = clean_label(whole_frame(frame, CONFIG), 1, CONFIG)
    u = np.nonzero(pixels.mask)[1]
    assert u.min() < 240 and u.max() > 400
    assert not ((u > 300) & (u < 340)).any()


@pytest.mark.parametrize('count', [1, 20, 199])
def test_few_points_are_refused_with_their_number(render_scene, count):
    frame = render_scene(crate()).frame
    labels = np.zeros_like(frame.labels)
    v, u = np.nonzero(frame.labels == 1)
    labels[v[:count], u[:count]] = 7
    frame = dataclasses.replace(frame, labels=labels)
    message = f'Label 7 has {count} valid points; at least 200'
    with pytest.raises(PerceptionError, match=message) as e:
        clean_label(whole_frame(frame, CONFIG), 7, CONFIG)
    assert e.value.code == ErrorCode.TOO_FEW_POINTS


def test_nothing_but_noise_is_refused(render_scene):
    frame = render_scene(crate()).frame
    depth = np.random.default_rng(0).uniform(0.3, 2.0, size=frame.depth.shape).astype(np.float32)
    with pytest.raises(PerceptionError, match='smooth points') as e:
        clean_label(whole_frame(dataclasses.replace(frame, depth=depth), CONFIG), 1, CONFIG)
    assert e.value.code == ErrorCode.TOO_FEW_POINTS


def window_of(depth, focal):
    shape = depth.shape
    return DepthWindow(
        depth=depth.astype(np.float32),
        labels=np.ones(shape, np.int32),
        focal=np.array([focal, focal]),
        center=np.array([shape[1], shape[0]]) / 2,
    )


@pytest.mark.parametrize('gap', [0.01, 0.03, 0.1])
def test_clusters_are_those_of_all_cells(gap):
    """The box of cells about a small scene can be labelled whole."""
    rng = np.random.default_rng(0)
    window = window_of(0.5 + 0.3 * rng.random((30, 40)), focal=40.0)
    mask = rng.random((30, 40)) < 0.3
    points = window.back_project(mask)
    edge = max(gap, 3.0 * window.pixel_size(float(np.median(points[:, 2]))))
    cells = np.floor((points - points.min(axis=0)) / edge).astype(int)
    occupied = np.zeros(cells.max(axis=0) + 1, bool)
    occupied[tuple(cells.T)] = True
    numbers, _ = ndimage.label(occupied, structure=np.ones((3, 3, 3)))
    np.testing.assert_array_equal(cluster(window, mask, gap), numbers[tuple(cells.T)])


def test_clusters_of_far_things_cost_what_they_have():
    """A box about them would have 5 · 10^9 cells."""
    depth = np.full((20, 20), 0.5)
    depth[12:] = 100.0
    window = window_of(depth, focal=2000.0)
    numbers = cluster(window, np.ones(depth.shape, bool), 0.002).reshape(depth.shape)
    assert len(np.unique(numbers[:12])) == 1
    assert len(np.unique(numbers)) == 1 + 8 * 20  # those pixels are 5 cm apart
