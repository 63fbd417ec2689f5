"""Meshes of a folder: their names and licenses, the stored file, and how they rest."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
import trimesh

from dexgrasp_ros.core.errors import InputError, ObjectError
from dexgrasp_ros.core.poses import transform_points
from dexgrasp_ros.dataset.config import DatasetConfig
from dexgrasp_ros.dataset.generation.objects import SourceMesh, find_meshes, prepare_object
from dexgrasp_ros.object import load_object

SIZE = np.array([0.04, 0.06, 0.09])


def test_a_folder_that_grows_renames_nothing(tmp_path):
    box = trimesh.creation.box(SIZE)
    for name in ('box one.obj', '杯子.ply', 'cup.stl'):
        box.export(tmp_path / name)
    before = {m.file: m.name for m in find_meshes(tmp_path)}
    assert before == {'box one.obj': 'box_one', '杯子.ply': 'unnamed', 'cup.stl': 'cup'}
    for name in ('box_one.obj', '盒子.ply', 'cup.obj', 'a.obj'):
        box.export(tmp_path / name)
    after = {m.file: m.name for m in find_meshes(tmp_path, known=before)}
    assert before.items() <= after.items()
    assert len(set(after.values())) == 7 and after['a.obj'] == 'a'
    assert after == {m.file: m.name for m in find_meshes(tmp_path, known=after)}


def test_a_table_may_begin_with_a_byte_order_mark(tmp_path):
    trimesh.creation.box(SIZE).export(tmp_path / 'box.obj')
    (tmp_path / 'objects.csv').write_text('file,license\nbox.obj,CC0\n', encoding='utf-8-sig')
    assert find_meshes(tmp_path)[0].license == 'CC0'


def test_meshes_are_found_with_what_the_table_tells(tmp_path):
    box = trimesh.creation.box(SIZE)
    (tmp_path / 'more').mkdir()
    for name in ('box.obj', 'more/a b.stl', 'cup.ply', 'cup.stl'):
        box.export(tmp_path / name)
    (tmp_path / 'notes.txt').write_text('no mesh')
    (tmp_path / 'objects.csv').write_text(
        'file,name,license,source\nbox.obj,b,CC0,"here, there"\ncup.ply,c,,web\n'
    )
    found = {m.name: m for m in find_meshes(tmp_path, 'MIT')}
    assert list(found) == ['box', 'cup.ply', 'cup.stl', 'more_a_b']
    assert (found['box'].license, found['box'].source) == ('CC0', 'here, there')
    assert (found['cup.ply'].license, found['cup.ply'].source) == ('MIT', 'web')
    assert found['more_a_b'].file == 'more/a b.stl'


def test_no_mesh_is_lost_whose_name_is_hard_to_keep(tmp_path):
    names = ['a b.obj', 'a_b.obj', 'ä.obj', 'ö.obj', 'ä.stl', '-.ply']
    for name in names:
        trimesh.creation.box(SIZE).export(tmp_path / name)
    found = find_meshes(tmp_path)
    assert {m.file for m in found} == set(names)
    assert len({m.name for m in found}) == len(names)


def test_a_dataset_within_the_folder_is_no_source_of_meshes(tmp_path):
    (tmp_path / 'set' / 'meshes').mkdir(parents=True)
    for name in ('box.obj', 'set/meshes/123.ply'):
        trimesh.creation.box(SIZE).export(tmp_path / name)
    (found,) = find_meshes(tmp_path, leave_out=tmp_path / 'set')
    assert found.file == 'box.obj'


def test_a_folder_without_meshes_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"no mesh in .*'\.obj'"):
        find_meshes(tmp_path)
    with pytest.raises(InputError, match='no folder'):
        find_meshes(tmp_path / 'nowhere')


def test_a_table_without_files_is_refused(tmp_path):
    trimesh.creation.box(SIZE).export(tmp_path / 'box.obj')
    (tmp_path / 'objects.csv').write_text('license\nCC0\n')
    with pytest.raises(InputError, match="columns 'file', 'license' and 'source'"):
        find_meshes(tmp_path)


@pytest.fixture(scope='module')
def prepared(tmp_path_factory):
    folder = tmp_path_factory.mktemp('meshes')
    mesh = trimesh.creation.box(1000 * SIZE)
    mesh.apply_translation([20.0, -30.0, 500.0])
    mesh.export(folder / 'box.stl')
    return prepare_object(find_meshes(folder)[0], DatasetConfig(scale=0.001, max_scenes=6))


def test_the_stored_mesh_has_the_name_of_its_content(prepared, tmp_path):
    assert prepared.record['mesh'] == hashlib.sha256(prepared.mesh).hexdigest()
    assert prepared.record['key'] == f'box-{prepared.record["mesh"][:8]}'
    (tmp_path / 'box.ply').write_bytes(prepared.mesh)
    obj = load_object(tmp_path / 'box.ply')
    np.testing.assert_allclose(np.ptp(obj.vertices, axis=0), SIZE, atol=1e-6)
    assert obj.warnings == ()


def test_a_box_rests_on_its_faces(prepared, tmp_path):
    """A brick has six places to rest, of three heights; the largest faces catch most of it."""
    (tmp_path / 'box.ply').write_bytes(prepared.mesh)
    vertices = load_object(tmp_path / 'box.ply').vertices
    scenes = prepared.scenes['scenes']
    assert [s['scene'] for s in scenes] == list(range(len(scenes)))
    shares = [s['share'] for s in scenes]
    assert shares == sorted(shares, reverse=True) and sum(shares) == pytest.approx(1.0)
    assert 2 <= len(scenes) <= 6
    for scene in scenes:
        standing = transform_points(np.array(scene['pose']), vertices)
        plane = np.array(scene['support_plane'])
        np.testing.assert_allclose(standing[:, 2], vertices @ plane[:3] + plane[3], atol=1e-9)
        assert standing[:, 2].min() == pytest.approx(0.0, abs=1e-4)
        height = np.ptp(standing[:, 2])
        assert np.abs(SIZE - height).min() < 5e-4, 'it does not lie on a face'
        np.testing.assert_allclose(standing.mean(axis=0)[:2], 0.0, atol=1e-6)
    assert np.ptp(transform_points(np.array(scenes[0]['pose']), vertices)[:, 2]) < 0.05
    normals = np.array([s['support_plane'][:3] for s in scenes])
    assert (normals @ normals.T - np.eye(len(scenes)) < 0.5).all(), 'two of them are one'


def test_preparing_again_gives_the_same(prepared, tmp_path):
    mesh = trimesh.creation.box(1000 * SIZE)
    mesh.apply_translation([20.0, -30.0, 500.0])
    mesh.export(tmp_path / 'box.stl')
    again = prepare_object(find_meshes(tmp_path)[0], DatasetConfig(scale=0.001, max_scenes=6))
    assert again.mesh == prepared.mesh and again.scenes == prepared.scenes


def test_a_mesh_that_cannot_be_read_is_an_error(tmp_path):
    (tmp_path / 'bad.obj').write_text('v 1 2\nf 1 2 3\n')
    with pytest.raises(ObjectError, match=r'bad\.obj'):
        prepare_object(find_meshes(tmp_path)[0], DatasetConfig())
    gone = SourceMesh(name='x', path=tmp_path / 'x.obj', file='x.obj', license='', source='')
    with pytest.raises(InputError, match='no mesh file'):
        prepare_object(gone, DatasetConfig())
