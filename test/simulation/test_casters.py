"""Embree and Warp answer alike what rays meet."""

import numpy as np
import pytest
import trimesh

from dexgrasp_ros.simulation.casters import NO_FACE, Open3dCaster, WarpCaster

MESH = trimesh.creation.icosphere(subdivisions=3, radius=0.1)
BUMPS = 1 + 0.2 * np.sin(40 * MESH.vertices).prod(axis=1)[:, None]
VERTICES, FACES = MESH.vertices * BUMPS, np.asarray(MESH.faces)


def rays_from(eye, count=20_000):
    rng = np.random.default_rng(0)
    rays = np.empty((count, 6), dtype=np.float32)
    rays[:, :3] = eye
    rays[:, 3:] = rng.uniform(-0.12, 0.12, (count, 3)) - eye
    return rays


@pytest.fixture(scope='module')
def casters():
    return Open3dCaster(VERTICES, FACES), WarpCaster(VERTICES, FACES, 'cpu')


def test_they_meet_the_same_faces_at_the_same_depth(casters):
    rays = rays_from([0.5, -0.3, 0.2])
    embree, warp = (caster.nearest(rays) for caster in casters)
    face, depth, uv = (np.asarray(a) for a in (warp.face, warp.depth, warp.uv))
    hit = embree.face != NO_FACE
    assert 0.2 < hit.mean() < 0.9
    # A ray through an edge may be given to either side of it.
    assert (embree.face != face).mean() < 1e-3
    same = hit & (embree.face == face)
    np.testing.assert_allclose(depth[same], embree.depth[same], rtol=1e-5)
    np.testing.assert_allclose(uv[same], embree.uv[same], atol=2e-3)
    assert np.isinf(depth[face == NO_FACE]).all()


def test_the_weights_of_the_corners_give_the_point(casters):
    rays = rays_from([0.0, 0.6, 0.0])
    for caster in casters:
        found = caster.nearest(rays)
        face, depth, uv = (np.asarray(a) for a in (found.face, found.depth, found.uv))
        hit = face != NO_FACE
        weights = np.column_stack([1 - uv.sum(axis=1), uv])[hit]
        corners = VERTICES[FACES[face[hit]]]
        points = rays[hit, :3] + depth[hit, None] * rays[hit, 3:]
        np.testing.assert_allclose(np.einsum('ij,ijk->ik', weights, corners), points, atol=1e-5)


@pytest.mark.parametrize('reach', [0.8, np.inf])
def test_they_agree_on_what_is_hidden(casters, reach):
    rays = rays_from([0.5, 0.1, 0.0])
    embree, warp = (np.asarray(c.occluded(rays, reach)).astype(bool) for c in casters)
    assert embree.any() and not embree.all()
    assert (embree != warp).mean() < 1e-3


def test_nothing_meets_nothing():
    none = Open3dCaster(np.empty((0, 3)), np.empty((0, 3), dtype=np.int64))
    rays = rays_from([0.5, 0.1, 0.0], count=10)
    assert (none.nearest(rays).face == NO_FACE).all()
    assert not none.occluded(rays).any()
