"""The benchmark of hands in clutter measures what is there."""

from __future__ import annotations

import clutter
import numpy as np
import pytest
import trimesh

from dexgrasp_ros import load_hand, load_object, synthesize
from dexgrasp_ros.core.config import SynthesisConfig


@pytest.mark.parametrize('number', range(12))
def test_a_scene_is_the_same_again_and_nothing_in_it_overlaps(number):
    meshes = clutter.draw_scene(number)
    for one, other in zip(meshes, clutter.draw_scene(number), strict=True):
        assert np.array_equal(one.vertices, other.vertices)
    own = np.linalg.norm(meshes[0].vertices[:, :2], axis=1).max()
    for mesh in meshes:
        assert abs(mesh.vertices[:, 2].min()) < 1e-9
    for other in meshes[1:]:
        nearest = np.linalg.norm(other.sample(5000, seed=0)[:, :2], axis=1).min()
        assert nearest > own


def test_depths_are_those_below_a_known_surface():
    hand = load_hand('barrett')
    mesh = trimesh.creation.box((0.05, 0.05, 0.1))
    obj = load_object((np.array(mesh.vertices), np.array(mesh.faces)))
    grasps = synthesize(hand, obj, SynthesisConfig(seed_count=8, max_grasps=1, device='cpu'))
    # Its top is the table, and it has no other side near the hand.
    block = trimesh.creation.box((20, 20, 20)).apply_translation((0, 0, -10))
    pose = np.eye(4)
    found = []
    for height in (1.0, -1.0, -2.0):
        pose[2, 3] = height
        found.append(clutter.depths(hand, grasps, [block], pose)[0])
    assert found[0].tolist() == [0.0, 0.0]
    assert found[1][0] == pytest.approx(found[1][1], abs=1e-4)
    assert found[2] - found[1] == pytest.approx(1.0, abs=1e-4)
