"""Solids that meshes stand for, be they open, hollow or thin."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from manifold3d import Manifold

from dexgrasp_ros.hand.solid import enclosed_solid, solids_of


def corners(solid: Manifold) -> np.ndarray:
    return np.array(solid.to_mesh64().vert_properties)[:, :3]


def test_hollow_and_open_meshes_are_filled():
    ball = trimesh.creation.icosphere(subdivisions=4, radius=0.02)
    hollow = trimesh.util.concatenate([ball, ball.copy().apply_scale(0.9)])
    solid = enclosed_solid(hollow)
    assert solid.volume() == pytest.approx(ball.volume, rel=0.01)
    np.testing.assert_allclose(np.linalg.norm(corners(solid), axis=1), 0.02, atol=2e-4)
    # A missing triangle narrower than two cells does not let the flood in.
    pierced = trimesh.Trimesh(hollow.vertices, hollow.faces[1:], process=False)
    assert enclosed_solid(pierced).volume() == pytest.approx(ball.volume, rel=0.01)


def test_a_closed_body_is_taken_as_it_is_unless_it_is_hollow():
    cross = trimesh.boolean.union(
        [trimesh.creation.box([0.06, 0.02, 0.02]), trimesh.creation.box([0.02, 0.06, 0.02])]
    )
    (solid,) = solids_of(cross)
    assert solid.volume() == pytest.approx(cross.volume, rel=1e-9)
    # A box with a wall of 3 mm and a hole of 1 mm, where a screw was: nothing gets in.
    wall = trimesh.boolean.difference(
        [
            cross,
            trimesh.creation.box([0.054, 0.014, 0.014]),
            trimesh.creation.cylinder(radius=0.0005, height=0.1, sections=8),
        ]
    )
    assert wall.is_watertight and wall.body_count == 1
    (solid,) = solids_of(wall)
    assert solid.volume() == pytest.approx(cross.volume, rel=0.03)


def test_bodies_that_overlap_are_one_solid():
    """Closed, as drawings are, and not convex: their volume counts once."""
    angle = trimesh.boolean.union(
        [
            trimesh.creation.box(bounds=[[0, 0, 0], [0.06, 0.02, 0.02]]),
            trimesh.creation.box(bounds=[[0, 0, 0], [0.02, 0.02, 0.05]]),
        ]
    )
    other = angle.copy().apply_translation([0.01, 0.005, 0.0])
    together = trimesh.boolean.union([angle, other])
    (solid,) = solids_of(trimesh.util.concatenate([angle, other]))
    assert solid.volume() == pytest.approx(together.volume, rel=1e-6)


def test_sheets_that_are_open_to_both_sides_stay():
    """A block with a fin of no thickness, as drawings have them: the fin gets one."""
    block = trimesh.creation.box([0.03, 0.03, 0.03])
    fin = trimesh.Trimesh(
        [[0.0, -0.01, 0.014], [0.0, 0.01, 0.014], [0.0, 0.01, 0.05], [0.0, -0.01, 0.05]],
        [[0, 1, 2], [0, 2, 3]],
    )
    solid = enclosed_solid(trimesh.util.concatenate([block, fin]))
    high = corners(solid)
    high = high[high[:, 2] > 0.02]
    assert high[:, 2].max() == pytest.approx(0.05, abs=1.5e-3)
    assert np.ptp(high[:, 1]) == pytest.approx(0.02, abs=3e-3)
    assert 1e-3 < np.ptp(high[:, 0]) < 3e-3


def test_meshes_that_enclose_nothing_are_their_hull():
    box = trimesh.creation.box([0.04, 0.04, 0.04])
    cup = trimesh.Trimesh(box.vertices, box.faces[box.face_normals[:, 2] > -0.5], process=False)
    assert enclosed_solid(cup) is None
    (solid,) = solids_of(cup)
    assert solid.volume() == pytest.approx(box.volume)
