"""Hands of two fingers: pinches between faces, and on what is round."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from grippers import parallel_gripper, swinging_gripper
from in_process import shaken_here

from dexgrasp_ros.core.config import SynthesisConfig
from dexgrasp_ros.evaluation import evaluate
from dexgrasp_ros.hand import load_hand_text
from dexgrasp_ros.object import load_object
from dexgrasp_ros.synthesis import synthesize

CONFIG = SynthesisConfig(seed_count=32, max_grasps=4, random_seed=2, device='cpu')
SIZE = (0.03, 0.05, 0.1)  # m, of the box


@pytest.fixture(scope='module', params=[parallel_gripper, swinging_gripper])
def gripper(request):
    return load_hand_text(request.param())


@pytest.fixture(scope='module')
def box():
    mesh = trimesh.creation.box(SIZE)
    return load_object((mesh.vertices, mesh.faces), name='box')


@pytest.fixture(scope='module')
def pinches(gripper, box):
    return synthesize(gripper, box, CONFIG)


def test_a_box_is_pinched_between_two_faces_and_held(gripper, box, pinches):
    assert len(pinches) == 4
    of_link = dict(zip(gripper.geometry_links, gripper.group_fingers, strict=True))
    for links in pinches.contact_links:
        assert {0, 1} <= {int(of_link[link]) for link in links if link >= 0}
    with shaken_here():
        assert evaluate(pinches, object=box, hand=gripper).held.all()


def test_what_is_round_is_held_at_a_point_of_each_jaw(gripper):
    ball = trimesh.creation.icosphere(subdivisions=3, radius=0.02)
    found = synthesize(gripper, load_object((ball.vertices, ball.faces)), CONFIG)
    assert len(found) >= 1
    assert (found.contact_count >= 2).all()


@pytest.mark.parametrize('gripper', [parallel_gripper], indirect=True)
def test_parallel_jaws_are_open_as_wide_as_what_is_between_them(pinches):
    for width, points in zip(pinches.opening_width, pinches.contact_points, strict=True):
        points = points[np.isfinite(points[:, 0])]
        farthest = np.linalg.norm(points[:, None] - points, axis=-1).max()
        assert SIZE[0] - 1e-3 < width < farthest + 2e-3
