"""Closed bodies in one mesh: what is solid, what is a cavity, and what was mirrored."""

import numpy as np
import pytest
import trimesh

from dexgrasp_ros.object import read_mesh


def ball(radius, place=(0, 0, 0), *, inward=False):
    made = trimesh.creation.icosphere(subdivisions=3, radius=radius).apply_translation(place)
    if inward:
        made.invert()
    return made


def box(size, place=(0, 0, 0), *, inward=False):
    made = trimesh.creation.box(size).apply_translation(place)
    if inward:
        made.invert()
    return made


def read(*bodies):
    both = trimesh.util.concatenate(bodies)
    return read_mesh((both.vertices, both.faces))


def volume(radius):
    return abs(ball(radius).volume)


def turned(warnings):
    return [w for w in warnings if 'inward faces' in w]


@pytest.mark.parametrize('mirrored', [(0,), (1,), (2,), (0, 2), (1, 2)])
def test_a_mirrored_part_that_overlaps_others_is_solid(mirrored):
    sizes = [
        ((0.1, 0.04, 0.04), (0, 0, 0)),
        ((0.04, 0.1, 0.04), (0, 0, 0)),
        ((0.03,) * 3, (0.06, 0, 0)),
    ]
    mesh, warnings = read(*(box(*s, inward=n in mirrored) for n, s in enumerate(sizes)))
    plain, _ = read(*(box(*s) for s in sizes))
    np.testing.assert_allclose(mesh.volume, plain.volume, rtol=1e-6)
    np.testing.assert_allclose(mesh.center_mass, plain.center_mass, atol=1e-6)
    assert turned(warnings) or any('inside out' in w for w in warnings)


def test_a_mirrored_part_that_stands_apart_is_solid():
    mesh, warnings = read(ball(0.03), ball(0.02, (0.08, 0, 0), inward=True))
    np.testing.assert_allclose(mesh.volume, volume(0.03) + volume(0.02), rtol=1e-6)
    assert '1 of 2 parts' in turned(warnings)[0]


@pytest.mark.parametrize('inward', [False, True])
@pytest.mark.parametrize('place', [(0.04, 0, 0), (0.04, 0.06, 0)], ids=['a face', 'an edge'])
def test_parts_that_share_corners_stay_parts(place, inward):
    """Merged, they would have edges of four faces, as no closed mesh has."""
    mesh, warnings = read(box((0.04, 0.06, 0.09)), box((0.04, 0.06, 0.09), place, inward=inward))
    np.testing.assert_allclose(mesh.volume, 2 * 0.04 * 0.06 * 0.09, rtol=1e-6)
    assert not [w for w in warnings if 'not closed' in w]
    outward = mesh.triangles_center + 1e-4 * mesh.face_normals
    boxes = np.abs(outward[:, None] - [(0, 0, 0), place]) < np.array([0.02, 0.03, 0.045])
    assert not boxes.all(axis=2).any()


@pytest.mark.parametrize('mirrored', [(), (0,), (1,), (2,), (0, 1)])
def test_parts_of_a_file_without_connectivity_may_share_faces(mirrored):
    """As an STL has them: triangles in a row, each with corners of its own."""
    places = [(0, 0, 0), (0.04, 0, 0), (0.04, 0.06, 0)]
    boxes = [box((0.04, 0.06, 0.09), p, inward=n in mirrored) for n, p in enumerate(places)]
    corners = trimesh.util.concatenate(boxes).triangles.reshape(-1, 3)
    mesh, warnings = read_mesh((corners, np.arange(len(corners)).reshape(-1, 3)))
    np.testing.assert_allclose(mesh.volume, 3 * 0.04 * 0.06 * 0.09, rtol=1e-6)
    assert not [w for w in warnings if 'not closed' in w]


def test_a_mirrored_hollow_part_keeps_its_hollow():
    """Mirroring turns the wall of its hollow as well."""
    hollow = [ball(0.03, (0.1, 0, 0), inward=True), ball(0.02, (0.1, 0, 0))]
    mesh, warnings = read(ball(0.04), *hollow)
    np.testing.assert_allclose(mesh.volume, volume(0.04) + volume(0.03) - volume(0.02), rtol=1e-6)
    assert turned(warnings)


@pytest.mark.parametrize('inward', [False, True])
def test_shells_in_shells_are_solid_and_empty_in_turn(inward):
    """What is loose in a cavity is solid, mirrored or not."""
    loose = ball(0.02, inward=inward)
    mesh, warnings = read(ball(0.05), ball(0.03, inward=True), loose)
    np.testing.assert_allclose(mesh.volume, volume(0.05) - volume(0.03) + volume(0.02), rtol=1e-5)
    assert bool(turned(warnings)) == inward


def test_cavities_stay_where_solids_are_united():
    """A hollow ball with a handle: the handle ends in the wall."""
    handle = ((0.04, 0.01, 0.01), (0.06, 0, 0))
    hollow = [ball(0.05), ball(0.03, inward=True), box(*handle)]
    mesh, warnings = read(*hollow)
    solid, _ = read(ball(0.05), box(*handle))
    np.testing.assert_allclose(mesh.volume, solid.volume - volume(0.03), rtol=1e-5)
    assert not turned(warnings) and mesh.is_volume


def test_a_cavity_stays_where_the_mesh_had_to_be_closed():
    both = trimesh.util.concatenate([ball(0.05), ball(0.03, inward=True)])
    mesh, _ = read_mesh((both.vertices, both.faces[3:]))
    np.testing.assert_allclose(mesh.volume, volume(0.05) - volume(0.03), rtol=1e-3)


def test_a_cavity_stays_where_single_faces_had_to_be_turned():
    both = trimesh.util.concatenate([ball(0.05), ball(0.03, inward=True)])
    faces = both.faces.copy()
    faces[::7] = faces[::7, ::-1]
    mesh, _ = read_mesh((both.vertices, faces))
    np.testing.assert_allclose(mesh.volume, volume(0.05) - volume(0.03), rtol=1e-5)


def test_an_open_mesh_that_is_inside_out_is_turned():
    """A fin keeps it open: one of its edges belongs to three faces."""
    crate = box((0.1, 0.1, 0.1))
    vertices = np.vstack([crate.vertices, [0.1, 0.1, 0.1]])
    faces = np.vstack([crate.faces, [*crate.faces[0][:2], 8]])
    mesh, warnings = read_mesh((vertices, faces[:, ::-1]))
    middles = mesh.triangles_center[:12]
    assert (np.einsum('ij,ij->i', mesh.face_normals[:12], middles) > 0).all()
    assert any('inside out' in w for w in warnings)
