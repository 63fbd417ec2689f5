"""Reading and repairing meshes; every bad mesh is a coded error."""

import numpy as np
import pytest
import trimesh

from dexgrasp_ros.core.errors import ErrorCode, InputError, ObjectError
from dexgrasp_ros.object import read_mesh


@pytest.mark.parametrize('suffix', ['obj', 'stl', 'ply', 'glb'])
def test_each_format_gives_the_same_closed_box(tmp_path, suffix):
    box = trimesh.creation.box(extents=[0.04, 0.06, 0.1])
    box.export(tmp_path / f'box.{suffix}')
    mesh, warnings = read_mesh(tmp_path / f'box.{suffix}')
    assert mesh.is_watertight and warnings == []
    assert len(mesh.vertices) == 8
    np.testing.assert_allclose(mesh.volume, 0.04 * 0.06 * 0.1, rtol=1e-5)


def test_pose_of_a_body_in_a_scene_file_is_applied(tmp_path):
    scene = trimesh.Scene()
    lifted = trimesh.transformations.translation_matrix([0, 0, 0.2])
    scene.add_geometry(trimesh.creation.box(extents=[0.1, 0.1, 0.1]), transform=lifted)
    scene.export(tmp_path / 'scene.glb')
    mesh, _ = read_mesh(tmp_path / 'scene.glb')
    np.testing.assert_allclose(mesh.bounds[:, 2], [0.15, 0.25], atol=1e-6)


def test_inside_out_mesh_is_turned():
    box = trimesh.creation.box(extents=[0.1, 0.1, 0.1])
    mesh, warnings = read_mesh((box.vertices, box.faces[:, ::-1]))
    assert mesh.volume > 0
    assert any('inside out' in w for w in warnings)


def test_faces_with_mixed_orientation_are_turned():
    ball = trimesh.creation.icosphere(radius=0.05)
    faces = ball.faces.copy()
    faces[::3] = faces[::3, ::-1]
    mesh, warnings = read_mesh((ball.vertices, faces))
    np.testing.assert_allclose(mesh.volume, ball.volume, rtol=1e-6)
    assert warnings


def test_hole_is_closed_by_a_flat_patch():
    cylinder = trimesh.creation.cylinder(radius=0.03, height=0.1)
    open_top = cylinder.face_normals[:, 2] < 0.9
    mesh, warnings = read_mesh((cylinder.vertices, cylinder.faces[open_top]))
    assert mesh.is_volume
    np.testing.assert_allclose(mesh.volume, cylinder.volume, rtol=1e-6)
    assert any('open edges and was closed' in w for w in warnings)


def test_triangle_soup_is_welded():
    ball = trimesh.creation.icosphere(radius=0.05)
    soup = ball.triangles.reshape(-1, 3)
    mesh, _ = read_mesh((soup, np.arange(len(soup)).reshape(-1, 3)))
    assert mesh.is_watertight and len(mesh.vertices) == len(ball.vertices)


def test_overlapping_bodies_are_united():
    a = trimesh.creation.box(extents=[0.1, 0.04, 0.04])
    b = trimesh.creation.box(extents=[0.04, 0.1, 0.04])
    both = trimesh.util.concatenate([a, b])
    mesh, warnings = read_mesh((both.vertices, both.faces))
    expected = 2 * 0.1 * 0.04**2 - 0.04**3
    np.testing.assert_allclose(mesh.volume, expected, rtol=1e-5)
    assert any('united' in w for w in warnings)
    assert not any('separate' in w for w in warnings)


def test_separate_pieces_are_said_and_stay():
    boxes = [trimesh.creation.box(extents=[0.02, 0.02, 0.02]) for _ in range(3)]
    for k, box in enumerate(boxes):
        box.apply_translation([0.03 * k, 0, 0])
    both = trimesh.util.concatenate(boxes)
    mesh, warnings = read_mesh((both.vertices, both.faces))
    assert warnings == ['The mesh has 3 separate pieces; they count as one rigid body.']
    np.testing.assert_allclose(mesh.volume, 3 * 0.02**3)


def test_cavity_stays():
    outer = trimesh.creation.icosphere(radius=0.05)
    inner = trimesh.creation.icosphere(radius=0.03)
    inner.invert()
    hollow = trimesh.util.concatenate([outer, inner])
    mesh, warnings = read_mesh((hollow.vertices, hollow.faces))
    np.testing.assert_allclose(mesh.volume, outer.volume + inner.volume, rtol=1e-6)
    assert not warnings


def test_holes_that_meet_in_a_vertex_are_closed():
    ball = trimesh.creation.icosphere(subdivisions=3, radius=0.05)
    torn = np.ones(len(ball.faces), dtype=bool)
    torn[ball.vertex_faces[0][[0, 3]]] = False
    mesh, warnings = read_mesh((ball.vertices, ball.faces[torn]))
    assert mesh.is_volume
    np.testing.assert_allclose(mesh.volume, ball.volume, rtol=1e-3)
    assert any('6 open edges' in w for w in warnings)


def test_many_holes_are_closed():
    ball = trimesh.creation.icosphere(subdivisions=4, radius=0.05)
    torn = np.random.default_rng(0).random(len(ball.faces)) > 0.2
    mesh, _ = read_mesh((ball.vertices, ball.faces[torn]))
    assert mesh.is_watertight
    np.testing.assert_allclose(mesh.volume, ball.volume, rtol=0.05)


def test_the_faces_are_copied_once_for_all_holes(monkeypatch):
    """Holes of one face each in a fine ball; setting its faces is what costs time."""
    ball = trimesh.creation.icosphere(subdivisions=4, radius=0.05)
    torn = np.arange(len(ball.faces)) % 50 > 0
    copies, faces = [], trimesh.Trimesh.faces

    def counted(mesh, value):
        copies.append(mesh)
        faces.fset(mesh, value)

    monkeypatch.setattr(trimesh.Trimesh, 'faces', property(faces.fget, counted))
    mesh, _ = read_mesh((ball.vertices, ball.faces[torn]))
    assert mesh.is_watertight and len(copies) < 20


def test_a_long_ragged_rim_is_closed():
    """A zigzag of edges around the open end of a tube."""
    count = 2000
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    ring = 0.03 * np.column_stack([np.cos(angle), np.sin(angle)])
    top = np.column_stack([ring, 0.1 + 1e-3 * (np.arange(count) % 2)])
    vertices = np.vstack([np.column_stack([ring, np.zeros(count)]), top, [[0, 0, 0]]])
    i, j = np.arange(count), np.roll(np.arange(count), -1)
    wall = np.vstack(
        [np.column_stack([i, j, j + count]), np.column_stack([i, j + count, i + count])]
    )
    floor = np.column_stack([j, i, np.full(count, 2 * count)])
    mesh, _ = read_mesh((vertices, np.vstack([wall, floor])))
    assert mesh.is_volume
    np.testing.assert_allclose(mesh.volume, np.pi * 0.03**2 * 0.1005, rtol=1e-3)


def test_what_cannot_be_closed_is_said():
    box = trimesh.creation.box(extents=[0.1, 0.1, 0.1])
    # A fin: its inner edge belongs to three faces.
    vertices = np.vstack([box.vertices, [0.1, 0.1, 0.1]])
    mesh, warnings = read_mesh((vertices, np.vstack([box.faces, [*box.faces[0][:2], 8]])))
    assert not mesh.is_watertight
    assert any('could not be repaired' in w for w in warnings)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r'nothing\.obj') as info:
        read_mesh(tmp_path / 'nothing.obj')
    assert info.value.code == ErrorCode.FILE_NOT_FOUND


@pytest.mark.parametrize('suffix', ['obj', 'stl', 'ply', 'glb', 'xyzzy'])
def test_unreadable_file_is_a_coded_error(tmp_path, suffix):
    path = tmp_path / f'broken.{suffix}'
    path.write_bytes(b'this is no mesh \x00\x01\x02')
    with pytest.raises(ObjectError) as info:
        read_mesh(path)
    assert info.value.code == ErrorCode.INVALID_MESH


@pytest.mark.parametrize(
    ('vertices', 'faces', 'words'),
    [
        ([[0, 0, 0]], [], 'no faces'),
        ([[0, 0, 0], [np.nan, 0, 0], [0, 0.1, 0]], [[0, 1, 2]], 'NaN'),
        ([[0, 0, 0], [0.1, 0, 0], [0, 0.1, 0]], [[0, 1, 3]], 'from 0 to 2'),
        ([[0, 0, 0], [0.1, 0, 0], [0, 0.1, 0]], [[0.5, 1, 2]], 'integers'),
        ([[0, 0], [0.1, 0], [0, 0.1]], [[0, 1, 2]], 'shape'),
        ([[0, 0, 0], [0.1, 0, 0], [0.2, 0, 0]], [[0, 1, 2]], 'no faces of non-zero area'),
    ],
)
def test_bad_arrays_are_coded_errors(vertices, faces, words):
    with pytest.raises(ObjectError, match=words) as info:
        read_mesh((vertices, faces))
    assert info.value.code == ErrorCode.INVALID_MESH


def test_sheet_without_thickness_is_refused():
    plane = trimesh.creation.box(extents=[0.1, 0.1, 1e-9])
    with pytest.raises(ObjectError):
        read_mesh((plane.vertices, plane.faces))
