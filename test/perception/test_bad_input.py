"""Each kind of bad input ends in a coded error or a warning, and spares the other labels."""

import dataclasses

import numpy as np
import pytest
import trimesh
from scipy import ndimage

from dexgrasp_ros.core.errors import ErrorCode, InputError, PerceptionError
from dexgrasp_ros.perception import ReconstructionConfig, reconstruct, reconstruct_frame
from dexgrasp_ros.perception.label_checks import check_extent

COARSE = ReconstructionConfig(max_voxels=50000)  # where nothing is asked of the mesh


@pytest.fixture(scope='module')
def frame(render_scene):
    return render_scene(
        trimesh.creation.box((0.08, 0.08, 0.1)).apply_translation((0.0, 0.0, 0.05))
    ).frame


@pytest.mark.parametrize('value', [np.nan, 0.0, np.inf, -1.0, 50.0])
def test_no_valid_depth(frame, value):
    with pytest.raises(PerceptionError, match='None of the 307200 depth values') as e:
        reconstruct_frame(dataclasses.replace(frame, depth=np.full_like(frame.depth, value)))
    assert e.value.code == ErrorCode.NO_VALID_DEPTH


def test_no_label_image(frame):
    with pytest.raises(InputError, match='no label image') as e:
        reconstruct_frame(dataclasses.replace(frame, labels=None))
    assert e.value.code == ErrorCode.INVALID_INPUT


def test_all_labels_are_background(frame):
    with pytest.raises(PerceptionError, match='background') as e:
        reconstruct_frame(dataclasses.replace(frame, labels=np.zeros_like(frame.labels)))
    assert e.value.code == ErrorCode.UNKNOWN_LABEL


def test_empty_list_of_labels(frame):
    with pytest.raises(InputError, match='at least one'):
        reconstruct_frame(frame, labels=[])


@pytest.mark.parametrize('label', [0, 5, -3])
def test_unknown_label_names_those_present(frame, label):
    with pytest.raises(PerceptionError, match=f'no label {label} in the frame; it has 1') as e:
        reconstruct_frame(frame, labels=[1, label])
    assert e.value.code == ErrorCode.UNKNOWN_LABEL


def test_small_label_fails_alone(frame):
    labels = frame.labels.copy()
    labels[2:6, 2:7] = 9
    result = reconstruct_frame(dataclasses.replace(frame, labels=labels), config=COARSE)
    assert [o.label for o in result.objects] == [1]
    assert set(result.failures) == {9}
    assert result.failures[9].code == ErrorCode.TOO_FEW_POINTS
    assert '20' in str(result.failures[9]) and '200' in str(result.failures[9])


def test_label_without_depth_fails_alone(frame):
    depth, labels = frame.depth.copy(), frame.labels.copy()
    depth[:60, :60] = np.nan
    labels[:60, :60] = 2
    result = reconstruct_frame(
        dataclasses.replace(frame, depth=depth, labels=labels), config=COARSE
    )
    assert [o.label for o in result.objects] == [1]
    assert result.failures[2].code == ErrorCode.TOO_FEW_POINTS


def test_label_over_the_whole_image_does_not_crash(frame):
    result = reconstruct_frame(
        dataclasses.replace(frame, labels=np.ones_like(frame.labels)), config=COARSE
    )
    assert len(result.objects) + len(result.failures) == 1


def test_object_at_the_border_is_reported(render_scene, check_mesh):
    crate = trimesh.creation.box((0.08, 0.08, 0.1)).apply_translation((0.0, 0.0, 0.05))
    scene = render_scene(crate, target=(0.3, 0.0, 0.05))
    (found,) = reconstruct_frame(scene.frame).objects
    assert any('border' in w for w in found.warnings)
    check_mesh(scene.frame, found)


def test_depth_with_holes(frame, check_mesh):
    """A tenth of the pixels, and a glossy spot in the middle of the object, have no depth."""
    depth = frame.depth.copy()
    depth[np.random.default_rng(0).random(depth.shape) < 0.1] = 0.0
    v, u = np.nonzero(frame.labels == 1)
    row, column = int(v.mean()), int(u.mean())
    depth[row - 4 : row + 5, column - 4 : column + 5] = np.nan
    holed = dataclasses.replace(frame, depth=depth)
    (found,) = reconstruct_frame(holed).objects
    mesh = check_mesh(holed, found)
    whole = check_mesh(frame, reconstruct_frame(frame).objects[0])
    assert mesh.volume == pytest.approx(whole.volume, rel=0.08)


def reconstruct_masked(frame, mask):
    changed = dataclasses.replace(frame, labels=mask.astype(np.int32))
    return reconstruct_frame(changed, config=COARSE)


@pytest.mark.parametrize('pixels', [15, 40])
def test_a_mask_that_covers_the_table_too_gives_the_object_and_a_warning(
    frame, check_mesh, pixels
):
    wide = ndimage.binary_dilation(frame.labels == 1, iterations=pixels)
    (found,) = reconstruct_masked(frame, wide).objects
    assert any('lie on the support plane' in w for w in found.warnings)
    mesh = trimesh.Trimesh(found.vertices, found.faces)
    (exact,) = reconstruct_masked(frame, frame.labels == 1).objects
    assert exact.warnings == ()
    assert mesh.volume == pytest.approx(check_mesh(frame, exact).volume, rel=0.15)


@pytest.mark.parametrize(('axis', 'pixels'), [(1, 40), (0, 60)])
def test_a_mask_beside_the_object_is_warned_of(frame, axis, pixels):
    (found,) = reconstruct_masked(frame, np.roll(frame.labels == 1, pixels, axis)).objects
    assert any('lie on the support plane' in w for w in found.warnings)


def test_a_mask_of_nothing_but_table_is_a_coded_error(frame):
    mask = np.zeros(frame.depth.shape, bool)
    mask[380:440, 100:200] = True
    result = reconstruct_masked(frame, mask)
    assert result.failures[1].code == ErrorCode.RECONSTRUCTION_FAILED


def test_a_mask_over_two_things_keeps_one_and_says_so(render_scene):
    crates = [
        trimesh.creation.box((0.06, 0.06, height)).apply_translation((x, 0.0, height / 2))
        for x, height in ((-0.1, 0.1), (0.1, 0.06))
    ]
    scene = render_scene(*crates)
    (found,) = reconstruct_masked(scene.frame, scene.frame.labels > 0).objects
    assert any('clusters away from the object' in w for w in found.warnings)
    center = found.vertices.mean(axis=0)
    distances = [np.linalg.norm(center - o.centroid) for o in scene.objects]
    assert min(distances) < 0.02 and max(distances) > 0.15


def test_a_glass_without_depth_but_at_its_rim_is_warned_of(frame, check_mesh):
    """Depth is lost inside; what is left is the outline of the object."""
    inner = ndimage.binary_erosion(frame.labels == 1, iterations=6)
    glass = dataclasses.replace(frame, depth=np.where(inner, 0, frame.depth))
    (found,) = reconstruct_frame(glass, config=COARSE).objects
    assert any('have no depth (glass' in w for w in found.warnings)
    check_mesh(glass, found)


def test_a_glass_that_the_camera_sees_through_is_warned_of(frame, render_scene):
    bare = render_scene(trimesh.creation.box((0.001,) * 3)).frame
    inner = ndimage.binary_erosion(frame.labels == 1, iterations=6)
    glass = dataclasses.replace(frame, depth=np.where(inner, bare.depth, frame.depth))
    (found,) = reconstruct_frame(glass, config=COARSE).objects
    assert any('the camera saw through it' in w for w in found.warnings)


@pytest.mark.parametrize(('share', 'code'), [(0.7, None), (0.9, ErrorCode.TOO_FEW_POINTS)])
def test_depth_that_is_all_holes_is_a_warning_or_a_coded_error(frame, check_mesh, share, code):
    own = frame.labels == 1
    lost = own & (np.random.default_rng(0).random(own.shape) < share)
    holed = dataclasses.replace(frame, depth=np.where(lost, 0, frame.depth))
    result = reconstruct_frame(holed, config=COARSE)
    if code is not None:
        assert result.failures[1].code == code
        return
    (found,) = result.objects
    assert any('have no depth' in w for w in found.warnings)
    # Pieces of it are missing, but it has the size that was seen.
    (whole,) = reconstruct_frame(frame, config=COARSE).objects
    ratio = np.ptp(found.vertices, axis=0) / np.ptp(whole.vertices, axis=0)
    assert ratio.min() > 0.9


def test_a_splinter_of_what_was_seen_is_refused():
    points = np.random.default_rng(0).uniform(-0.05, 0.05, (1000, 3))
    config = ReconstructionConfig()
    check_extent(0.6 * points, points, None, config)
    with pytest.raises(PerceptionError, match='side by side') as e:
        check_extent(0.4 * points, points, None, config)
    assert e.value.code == ErrorCode.RECONSTRUCTION_FAILED
    # Points on the plane are the table's, and what stands on it is small.
    plane = np.array([0.0, 0.0, 1.0, 0.05 - config.plane_distance])
    check_extent(0.4 * points, np.where([True, True, False], points, -0.05), plane, config)


def test_objects_that_touch_name_each_other(render_scene, check_mesh):
    crates = [
        trimesh.creation.box((0.08, 0.08, height)).apply_translation((x, 0.0, height / 2))
        for x, height in ((-0.04, 0.1), (0.04, 0.06))
    ]
    scene = render_scene(*crates)
    first, second = reconstruct_frame(scene.frame, config=COARSE).objects
    assert any('touches what has label 2' in w for w in first.warnings)
    assert any('touches what has label 1' in w for w in second.warnings)
    for found, truth in zip((first, second), scene.objects, strict=True):
        mesh = check_mesh(scene.frame, found)
        assert mesh.volume == pytest.approx(truth.volume, rel=0.25)


@pytest.mark.parametrize(
    ('name', 'value'), [('min_points', 3), ('spacing', -0.1), ('max_depth', np.nan)]
)
def test_setting_out_of_range(frame, name, value):
    config = dataclasses.replace(ReconstructionConfig(), **{name: value})
    with pytest.raises(InputError, match=name) as e:
        reconstruct_frame(frame, config=config)
    assert e.value.code == ErrorCode.OUT_OF_RANGE


def test_depth_range_that_is_empty(frame):
    config = ReconstructionConfig(min_depth=2.0, max_depth=1.0)
    with pytest.raises(PerceptionError) as e:
        reconstruct_frame(frame, config=config)
    assert e.value.code == ErrorCode.NO_VALID_DEPTH


def test_every_setting_says_what_it_is():
    for field in dataclasses.fields(ReconstructionConfig):
        assert field.metadata['text'] and field.metadata['unit'], field.name
        if not isinstance(field.default, str):
            assert field.metadata['low'] <= field.default <= field.metadata['high'], field.name


def test_arrays_give_a_list_and_a_warning_for_what_fails(frame):
    labels = frame.labels.copy()
    labels[:3, :5] = 9
    with pytest.warns(UserWarning, match='label 9'):
        found = reconstruct(frame.depth, labels, frame.intrinsics, config=COARSE)
    assert [o.label for o in found] == [1]
    with pytest.raises(PerceptionError) as caught:
        reconstruct(frame.depth, np.where(labels == 9, 9, 0), frame.intrinsics, config=COARSE)
    assert caught.value.code == ErrorCode.TOO_FEW_POINTS
