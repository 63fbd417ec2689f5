"""What may be wished for, and regions against numbers that are known."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from dexgrasp_ros.core.errors import ErrorCode, InputError
from dexgrasp_ros.core.poses import invert, transform_points
from dexgrasp_ros.core.wishes import Region, Wishes

POSE = (0.1, -0.2, 0.3, *Rotation.from_euler('xyz', [0.5, 0.3, -1.1]).as_quat())
# Shape, then points in its frame and their distance, worked out on paper.
KNOWN = [
    ('box', (0.2, 0.4, 0.6), [(0, 0, 0), (0.1, 0, 0), (0.13, 0.24, 0)], [-0.1, 0.0, 0.05]),
    ('sphere', (0.1,), [(0, 0, 0), (0, 0.3, 0.4)], [-0.1, 0.4]),
    ('cylinder', (0.4, 0.1), [(0, 0, 0), (0.13, 0, 0.24), (0, 0, 0.19)], [-0.1, 0.05, -0.01]),
    # Sides of 3, 4 and 5: the tip is at z = 0.2, the rim at 0.3 and z = -0.2.
    ('cone', (0.4, 0.3), [(0, 0, 0.3), (0, 0, -0.25), (0.3, 0, 0.2)], [0.1, 0.05, 0.24]),
    ('cone', (0.4, 0.3), [(0, 0, -0.19), (0.14, 0, 0), (0.36, 0, -0.28)], [-0.01, -0.008, 0.1]),
]


@pytest.mark.parametrize(('shape', 'size', 'points', 'distances'), KNOWN)
def test_distances_to_regions(shape, size, points, distances):
    region = Region(shape=shape, size=size, pose=POSE)
    at = transform_points(POSE, np.array(points, dtype=float))
    np.testing.assert_allclose(region.distance(at), distances, atol=1e-12)


@pytest.mark.parametrize(('shape', 'size'), [(s, z) for s, z, *_ in KNOWN[:4]])
def test_distances_have_slope_one_and_change_sign_at_the_border(shape, size):
    region = Region(shape=shape, size=size, pose=POSE)
    rng = np.random.default_rng(0)
    a, b = rng.uniform(-0.5, 0.5, (2, 20000, 3))
    x, y = (transform_points(POSE, v) for v in (a, b))
    d, e = region.distance(x), region.distance(y)
    assert (np.abs(d - e) <= np.linalg.norm(x - y, axis=1) + 1e-12).all()
    local = transform_points(invert(np.array(POSE)), x)
    around, z = np.hypot(local[:, 0], local[:, 1]), local[:, 2]
    inside = {
        'box': (np.abs(local) < 0.5 * np.resize(size, 3)).all(axis=1),
        'sphere': np.linalg.norm(local, axis=1) < size[0],
        'cylinder': (around < size[-1]) & (np.abs(z) < 0.5 * size[0]),
        'cone': (z > -0.5 * size[0]) & (around < size[-1] * (0.5 - z / size[0])),
    }[shape]
    np.testing.assert_array_equal(d < 0.0, inside)


BALL = Region(shape='sphere', size=(0.1,))
BAD = {
    'type': (lambda: Wishes(grasp_type='strong'), ErrorCode.INVALID_INPUT, "'precision'"),
    'zero axis': (lambda: Wishes(approach_axis=(0, 0, 0)), ErrorCode.OUT_OF_RANGE, 'unit vector'),
    'long axis': (lambda: Wishes(approach_axis=(0, 3, 4)), ErrorCode.OUT_OF_RANGE, '0 0.6 0.8'),
    'nan axis': (
        lambda: Wishes(approach_axis=(0, np.nan, 1)),
        ErrorCode.OUT_OF_RANGE,
        'finite numbers',
    ),
    'short axis': (lambda: Wishes(approach_axis=(0, 1)), ErrorCode.WRONG_SHAPE, 'expected 3'),
    'no angle': (
        lambda: Wishes(approach_axis=(0, 0, 1), approach_half_angle=0.0),
        ErrorCode.OUT_OF_RANGE,
        'more than 0',
    ),
    'wide angle': (
        lambda: Wishes(approach_axis=(0, 0, 1), approach_half_angle=3.2),
        ErrorCode.OUT_OF_RANGE,
        '3.1416',
    ),
    'nan angle': (
        lambda: Wishes(approach_axis=(0, 0, 1), approach_half_angle=np.nan),
        ErrorCode.OUT_OF_RANGE,
        'finite numbers',
    ),
    'angle alone': (lambda: Wishes(approach_half_angle=1.0), ErrorCode.INVALID_INPUT, 'without'),
    'shape': (lambda: Region(shape='prism', size=(1.0,)), ErrorCode.INVALID_INPUT, "'cylinder'"),
    'sizes': (lambda: Region(shape='box', size=(1, 1)), ErrorCode.WRONG_SHAPE, 'length z'),
    'no size': (lambda: Region(shape='sphere', size=(0,)), ErrorCode.OUT_OF_RANGE, 'above 0'),
    'nan size': (lambda: Region(shape='sphere', size=(np.nan,)), ErrorCode.OUT_OF_RANGE, 'finite'),
    'no numbers': (lambda: Region(shape='box', size=None), ErrorCode.WRONG_TYPE, '3 numbers'),
    'text': (lambda: Region(shape='box', size='abc'), ErrorCode.WRONG_TYPE, '3 numbers'),
    'far': (
        lambda: Region(shape='sphere', size=(1,), pose=(0, 1e3, 0, 0, 0, 0, 1)),
        ErrorCode.OUT_OF_RANGE,
        '100 m',
    ),
    'huge': (lambda: Region(shape='sphere', size=(1e5,)), ErrorCode.OUT_OF_RANGE, '100 m'),
    'one region': (lambda: Wishes(hold_regions=BALL), ErrorCode.WRONG_TYPE, 'of Region'),
    'many regions': (lambda: Wishes(avoid_regions=(BALL,) * 65), ErrorCode.OUT_OF_RANGE, '64'),
    'letters': (lambda: Wishes(fingers='thumb'), ErrorCode.WRONG_TYPE, 'of str'),
    'no angle at all': (
        lambda: Wishes(approach_axis=(0, 0, 1), approach_half_angle=None),
        ErrorCode.WRONG_TYPE,
        'numbers',
    ),
    'quaternion': (
        lambda: Region(shape='sphere', size=(1,), pose=(0, 0, 0, 0, 0, 0, 2)),
        ErrorCode.OUT_OF_RANGE,
        'expected 1',
    ),
}


@pytest.mark.parametrize(('make', 'code', 'part'), BAD.values(), ids=BAD.keys())
def test_what_cannot_be_wished_for_is_refused_with_its_code(make, code, part):
    with pytest.raises(InputError, match=part) as caught:
        make()
    assert caught.value.code == code


def test_wishes_come_back_from_json():
    wishes = Wishes(
        grasp_type='precision',
        fingers=('a', 'b'),
        approach_axis=(0.0, 0.6, -0.8),
        approach_half_angle=0.5,
        hold_regions=[BALL],
        avoid_regions=(Region(shape='cone', size=(0.4, 0.1), pose=POSE),),
    )
    text = json.dumps(wishes.as_dict())
    assert Wishes.from_dict(json.loads(text)) == wishes
    assert json.loads(text) == wishes.as_dict()
