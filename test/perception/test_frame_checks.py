"""A frame whose numbers are of another kind: wrong unit, along the rays, poses of another way."""

import dataclasses

import numpy as np
import pytest
import trimesh

from dexgrasp_ros.core.errors import ErrorCode, InputError, PerceptionError
from dexgrasp_ros.perception import (
    ReconstructionConfig,
    reconstruct_frame,
    reconstruct_views,
    segment_tabletop,
)
from dexgrasp_ros.perception.frame_checks import frame_warnings
from dexgrasp_ros.perception.fusion.agreement import disagreements
from dexgrasp_ros.perception.fusion.fused_view import make_view
from dexgrasp_ros.perception.view import whole_frame

CONFIG = ReconstructionConfig()
COARSE = ReconstructionConfig(max_voxels=30000)
EYES = ((0.45, -0.1, 0.4), (-0.1, 0.45, 0.4), (-0.4, -0.25, 0.35))
OPENGL = np.diag([1.0, -1.0, -1.0, 1.0])
FORWARD = np.array([[0.0, -1, 0, 0], [0, 0, -1, 0], [1, 0, 0, 0], [0, 0, 0, 1]])


@pytest.fixture(scope='module')
def views(render_scene):
    crate = trimesh.creation.box((0.04, 0.06, 0.1)).apply_translation((0.0, 0.0, 0.05))
    scenes = [render_scene(crate, eye=eye, noise=0.001) for eye in EYES]
    return [dataclasses.replace(s.frame, T_world_cam=np.linalg.inv(s.T_cam_world)) for s in scenes]


def warnings_of(frame):
    return frame_warnings(frame, whole_frame(frame, CONFIG), CONFIG)


@pytest.mark.parametrize(
    ('factor', 'words'),
    [
        (1000.0, 'in millimetres? Multiply by 0.001'),
        (10000.0, 'tenths of a millimetre'),
        (100.0, 'in centimetres? Multiply by 0.01'),
        (10.0, 'is their scale right'),
        (0.0, 'all 0, negative, NaN or Inf'),
    ],
)
def test_depth_in_another_unit_is_told(views, factor, words):
    frame = dataclasses.replace(views[0], depth=factor * views[0].depth)
    for use in (reconstruct_frame, segment_tabletop):
        with pytest.raises(PerceptionError) as e:
            use(frame)
        assert e.value.code == ErrorCode.NO_VALID_DEPTH and words in str(e.value)


def test_depth_along_the_rays_is_warned_of(views):
    frame = views[0]
    K = frame.intrinsics
    v, u = np.indices(frame.depth.shape)
    ray = np.sqrt(((u - K[0, 2]) / K[0, 0]) ** 2 + ((v - K[1, 2]) / K[1, 1]) ** 2 + 1.0)
    assert warnings_of(frame) == []
    (warning,) = warnings_of(dataclasses.replace(frame, depth=frame.depth * ray))
    assert 'along the rays' in warning


@pytest.mark.parametrize('make', [lambda z: 0.3 / z, lambda z: 1.25 * (1.0 - 0.2 / z)])
def test_inverse_depth_is_warned_of(views, make):
    """Disparities, and the depth buffer of a renderer whose planes are at 0.2 and 1 m."""
    (warning,) = warnings_of(dataclasses.replace(views[0], depth=make(views[0].depth)))
    assert 'inverse depths, such as disparities' in warning


def test_depth_of_pictures_is_warned_of(views):
    near, far = views[0].depth.min(), views[0].depth.max()
    stretched = (views[0].depth - near) / (far - near)
    assert 'normalised' in ' '.join(warnings_of(dataclasses.replace(views[0], depth=stretched)))


def test_depth_in_whole_metres_is_warned_of(views):
    rounded = dataclasses.replace(views[0], depth=np.rint(views[0].depth))
    assert 'whole metres' in ' '.join(warnings_of(rounded))


SQUEEZED = {
    '8 bits as millimetres': (lambda share: np.rint(255 * share) / 1000, 'as in 8-bit pictures'),
    '8 bits stretched again': (
        lambda share: 0.5 + 0.6 * np.rint(255 * share) / 255,
        '2.35 mm apart',
    ),
    'centimetres': (lambda share: np.rint(100 * (0.4 + share)) / 100, '10 mm apart'),
    'five millimetres': (lambda share: 0.5 + 0.005 * share, 'between 0.5 and 0.505 m'),
    'in whole millimetres': (lambda share: 0.5 + np.rint(5 * share) / 1000, 'a narrow range'),
}


@pytest.mark.parametrize('way', SQUEEZED)
def test_depth_that_was_squeezed_is_warned_of(views, way):
    squeeze, words = SQUEEZED[way]
    depth = views[0].depth
    frame = dataclasses.replace(
        views[0], depth=squeeze((depth - depth.min()) / np.ptp(depth)).astype(np.float32)
    )
    assert words in warnings_of(frame)[0]


@pytest.mark.parametrize(
    'sense',
    [
        lambda z: np.rint(1000 * z) / 1000,  # of 16 bits
        lambda z: np.where(z > 0, 375.0 / np.maximum(np.rint(375.0 / z), 1), 0),  # disparities
        lambda z: np.where(z < np.median(z), 0.5, 0.6),  # a box on its table, without noise
    ],
)
def test_levels_that_sensors_have_are_none_of_pictures(views, sense):
    depth = sense(views[0].depth.astype(np.float64)).astype(np.float32)
    assert warnings_of(dataclasses.replace(views[0], depth=depth)) == []


@pytest.mark.parametrize('pose', [None, np.eye(4)])
def test_what_is_doubtful_of_a_frame_is_told_with_each_object(views, pose):
    """Also where views are fused, and where nothing comes of a label."""
    labels = views[0].labels.copy()
    labels[2:4, 2:4] = 9
    K = np.diag([2.0, 2.0, 1.0]) @ views[0].intrinsics
    frame = dataclasses.replace(views[0], labels=labels, intrinsics=K, T_world_cam=pose)
    if pose is None:
        made = reconstruct_frame(frame, config=COARSE)
    else:
        made = reconstruct_views([frame, frame], config=COARSE)
    (found,) = made.objects
    assert '1280 × 960' in found.warnings[0]
    assert '1280 × 960' in str(made.failures[9]) or pose is not None


WAYS = {
    'right': (lambda T: T, None),
    'inverted': (np.linalg.inv, 'of the world in the camera (invert them)'),
    'OpenGL': (lambda T: T @ OPENGL, 'y up and z back'),
    'OpenGL inverted': (
        lambda T: np.linalg.inv(T @ OPENGL),
        '(invert them) and of a camera with y',
    ),
    'forward': (lambda T: T @ FORWARD, 'x forward and z up'),
    'mm': (lambda T: np.block([[T[:3, :3], 1e3 * T[:3, 3:]], [T[3:]]]), 'in millimetres'),
    'apart': (lambda T: T, "Is 'T_world_cam' right"),
}


@pytest.mark.parametrize('way', WAYS)
def test_poses_of_another_way_are_told(views, way):
    change, words = WAYS[way]
    frames = [dataclasses.replace(f, T_world_cam=change(f.T_world_cam)) for f in views]
    if way == 'apart':
        frames[1].T_world_cam[:3, 3] += 30.0
        frames = frames[:2]
    told = disagreements([make_view(f, CONFIG) for f in frames])
    if words is None:
        assert told == []
    else:
        assert len(told) == 1 and words in told[0]
        assert ('nothing in common' if way in ('mm', 'apart') else 'expected poses') in told[0]


def test_one_view_in_a_wrong_place_is_told(views):
    """With each object; the others agree."""
    lost = views[1].T_world_cam.copy()
    lost[:3, 3] += [0.1, 0.0, 0.15]
    frames = [views[0], dataclasses.replace(views[1], T_world_cam=lost), views[2]]
    made = reconstruct_views(frames, config=COARSE)
    assert all('contradict each other' in o.warnings[0] for o in made.objects)


def test_a_single_pose_that_has_the_table_upright_is_told(views):
    upright = dataclasses.replace(views[0], T_world_cam=np.linalg.inv(views[0].T_world_cam))
    (found,) = reconstruct_frame(upright, config=COARSE).objects
    assert any('from level' in w and 'inverse' in w for w in found.warnings)
    (right,) = reconstruct_frame(views[0], config=COARSE).objects
    assert right.warnings == ()


@pytest.mark.parametrize(
    ('change', 'words'),
    [
        (lambda T: T * np.nan, 'NaN'),
        (lambda T: T.T, 'transposed'),
        (lambda T: T @ np.diag([0.01, 0.01, 0.01, 1.0]), 'no rigid motion'),
    ],
)
@pytest.mark.parametrize('use', [reconstruct_frame, segment_tabletop])
def test_a_pose_that_is_none_is_refused_for_a_single_view_too(views, use, change, words):
    frame = dataclasses.replace(views[0], T_world_cam=change(views[0].T_world_cam))
    with pytest.raises(InputError, match=words) as e:
        use(frame)
    assert e.value.code == ErrorCode.INVALID_INPUT
