"""Edges of thin and wide things are found, and those of others are not."""

import numpy as np
import trimesh

from dexgrasp_ros.object import ObjectConfig, load_object
from dexgrasp_ros.synthesis.edges import find_edges

COARSE = ObjectConfig(usual_nodes=100_000, max_nodes=100_000)


def edges_of(mesh: trimesh.Trimesh):
    obj = load_object((mesh.vertices, mesh.faces), config=COARSE)
    edges = find_edges(obj)
    return obj.surface_points[edges.points], edges.outward


def test_a_disc_is_reached_past_its_rim():
    points, outward = edges_of(trimesh.creation.cylinder(0.08, 0.006))
    radius = np.linalg.norm(points[:, :2], axis=1)
    assert len(points) > 100
    assert radius.min() > 0.08 - 0.015
    radial = points * [1.0, 1.0, 0.0] / radius[:, None]
    assert np.median((radial * outward).sum(axis=1)) > 0.95
    # All around, as sectors of 30°.
    angle = np.arctan2(points[:, 1], points[:, 0])
    assert (np.histogram(angle, 12, (-np.pi, np.pi))[0] > 0).all()


def test_blocks_balls_and_small_things_have_none():
    block, ball = trimesh.creation.box([0.05, 0.08, 0.1]), trimesh.creation.icosphere(3, 0.04)
    for mesh in (block, ball, trimesh.creation.box([0.05, 0.025, 0.008])):
        points, _ = edges_of(mesh)
        assert len(points) == 0
