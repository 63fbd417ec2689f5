"""Each kind of bad input ends in a coded error or a warning, and spares the other labels."""

import dataclasses

import numpy as np
import pytest
import trimesh

from dexgrasp_ros.core.errors import ErrorCode, InputError, PerceptionError
from dexgrasp_ros.perception import ReconstructionConfig, reconstruct, reconstruct_frame

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
