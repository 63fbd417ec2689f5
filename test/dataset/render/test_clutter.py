"""Cluttered tables: what is settled, which grasps are free, what images and files say."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import trimesh
from inline_work import run_command

from dexgrasp_ros.core.errors import InputError, ObjectError
from dexgrasp_ros.core.poses import compose, pose_to_matrix, transform_points
from dexgrasp_ros.dataset import open_dataset
from dexgrasp_ros.dataset.layout import DatasetLayout
from dexgrasp_ros.dataset.reading.clutter import free_keys
from dexgrasp_ros.dataset.render import CameraSettings, clutter
from dexgrasp_ros.dataset.render.clearance import Surroundings
from dexgrasp_ros.dataset.render.clutter import plan_clutter
from dexgrasp_ros.dataset.render.run import plan_scenes
from dexgrasp_ros.dataset.schema import CLUTTER_COLUMNS
from dexgrasp_ros.hand import link_poses, load_hand
from dexgrasp_ros.hand.groups import point_groups
from dexgrasp_ros.object import ObjectConfig, load_object
from dexgrasp_ros.simulation import Body
from dexgrasp_ros.simulation.heap import Heap, Thing, settle_together

UP = [0, 0, 0, 0, 0, 0, 1.0]
TABLES = 6  # so many, since of few grasps hardly any is free


def box_thing(extents):
    mesh = trimesh.creation.box(extents)
    pieces = (np.asarray(mesh.vertices),)
    pose = np.array([0, 0, extents[2] / 2, 0, 0, 0, 1.0])
    obj = load_object((mesh.vertices, mesh.faces), config=ObjectConfig(max_nodes=20_000))
    return Thing(obj=obj, pieces=pieces, pose=pose)


def test_boxes_rest_on_the_table_or_each_other_and_do_not_overlap():
    things = [box_thing(e) for e in ((0.06, 0.06, 0.06), (0.1, 0.05, 0.04), (0.05, 0.12, 0.03))]
    heap = settle_together(things, seed=1)
    assert heap.at_rest
    meshes = []
    for thing, pose in zip(things, heap.poses, strict=True):
        corners = transform_points(pose, thing.pieces[0])
        assert -0.0005 < corners[:, 2].min()
        meshes.append(trimesh.Trimesh(corners, trimesh.creation.box().faces, process=False))
    assert min(mesh.bounds[0, 2] for mesh in meshes) < 0.0005
    for n, mesh in enumerate(meshes):
        for other in meshes[:n]:
            inside = mesh.contains(trimesh.sample.sample_surface(other, 500, seed=0)[0])
            depth = trimesh.proximity.closest_point(mesh, other.vertices)[1]
            assert not inside.any() or depth.min() < 0.002
    again = settle_together(things, seed=1)
    np.testing.assert_array_equal(again.poses, heap.poses)
    assert np.abs(settle_together(things, seed=2).poses - heap.poses).max() > 0.01


def test_a_hand_is_clear_where_it_keeps_three_millimetres_off_on_all_its_way():
    """A wall at x = 0.3 and a hand that comes near it, goes through it, or starts in the table."""
    hand = load_hand('barrett')
    wall = trimesh.creation.box(bounds=[[0.3, -1, 0], [0.31, 1, 1]])
    around = Surroundings([Body(vertices=np.asarray(wall.vertices), faces=wall.faces)])
    q = np.tile(hand.preshape, (4, 1))
    links = pose_to_matrix(link_poses(hand, hand.preshape))[hand.geometry_links]
    links = links[point_groups(hand)]
    points = np.einsum('pij,pj->pi', links[:, :3, :3], hand.points) + links[:, :3, 3]
    far, low = points[:, 0].max(), points[:, 2].min()
    end = np.tile(UP, (4, 1))
    end[:, 0] = [0.3 - far - 0.0032, 0.3 - far - 0.0028, 0.31 - points[:, 0].min() + 0.01, 0.0]
    end[:, 2] = [0.01 - low, 0.01 - low, 0.01 - low, 0.0028 - low]
    start = end.copy()
    start[:, 0] -= [0.05, 0.05, 0.5, 0.0]
    assert around.are_clear(hand, (start, q), (end, q)).tolist() == [True, False, False, False]


@pytest.fixture(scope='module')
def cluttered(small_dataset, tmp_path_factory):
    root = tmp_path_factory.mktemp('clutter') / 'set'
    shutil.copytree(small_dataset.root, root)
    cameras = root.parent / 'cameras.yaml'
    cameras.write_text('{width: 96, height: 72, views: 1, rig: stereo, clutter_objects: [2, 2]}')
    for tar in (*root.glob('images/*'), *root.glob('frames/*/*')):
        tar.unlink()
    words = ('dataset', 'render', '--out', str(root), '--cameras', str(cameras))
    code, report, said = run_command(*words, '--clutter', str(TABLES))
    assert code == 0, said
    return DatasetLayout(root), words, report


def test_a_cluttered_table_is_what_its_files_say(cluttered):
    layout, words, report = cluttered
    opened = open_dataset(layout.root, 'barrett')
    assert opened.cluttered == list(range(TABLES))
    scene, rows = opened.clutter(0), opened.clutter_frames(0)
    assert set(rows) == {c.name for c in CLUTTER_COLUMNS}
    assert len(rows['key']) == 2 * len(scene['objects']) == 4
    for thing in scene['objects']:
        own = np.flatnonzero(
            (rows['object'] == thing['object']) & (rows['label'] == thing['label'])
        )
        assert rows['eye'][own].tolist() == ['left', 'right']
        for n in own:
            row = {name: values[n] for name, values in rows.items()}
            np.testing.assert_allclose(row['T_world_object'], pose_to_matrix(thing['pose']))
            seen = opened.clutter_images(row)['seg'] == thing['label']
            ys, xs = np.nonzero(seen)
            assert row['box_2d'].tolist() == [xs.min(), ys.min(), xs.max(), ys.max()]
            assert 0 < row['visible_share'] <= 1
    code, again, said = run_command(*words, '--clutter', str(TABLES))
    assert code == 0 and again['frames'] == 0 and again['skipped'] == report['made'], said


def test_free_grasps_touch_no_neighbour_and_no_table(cluttered):
    layout, _, _ = cluttered
    count = 0
    for name in ('barrett', 'allegro'):
        opened = open_dataset(layout.root, name)
        for table in range(TABLES):
            scene = opened.clutter(table)
            count += sum(
                check_free(opened, scene, n, scene['grasps'][name][n])
                for n in range(len(scene['objects']))
            )
            keys = {key for own in scene['grasps'][name] for key in own}
            chosen = open_dataset(layout.root, name, clutter=table, columns=['key'])
            assert {key for batch in chosen.batches(50) for key in batch['key']} == keys
    assert count


def check_free(opened, scene, n, free):
    """Count the free grasps of an object; each holds, and touches nothing else."""
    thing, hand = scene['objects'][n], opened.hand_model
    rows, group = opened.rows(thing['object']), point_groups(hand)
    others = [o for k, o in enumerate(scene['objects']) if k != n]
    found = np.flatnonzero(np.isin(rows['key'], free))
    for row in found:
        assert rows['held'][row]
        for q, base in (('pregrasp', 'pregrasp_base_pose'), ('grasp', 'base_pose')):
            pose = compose(thing['pose'], rows[base][row].astype(float))
            links = pose_to_matrix(link_poses(hand, rows[q][row].astype(float), pose))
            links = links[hand.geometry_links[group]]
            points = np.einsum('pij,pj->pi', links[:, :3, :3], hand.points) + links[:, :3, 3]
            assert points[:, 2].min() > 0.0029
            for other in others:
                vertices, faces = opened.mesh(other['object'])
                posed = transform_points(np.array(other['pose']), vertices)
                mesh = trimesh.Trimesh(posed, faces, process=False)
                near = points[trimesh.bounds.contains(mesh.bounds, points)]
                assert not len(near) or not mesh.contains(near).any()
    return len(found)


def test_a_table_of_other_grasps_than_the_set_has_is_told_and_made_anew(cluttered, tmp_path):
    shared, words, _ = cluttered
    layout = DatasetLayout(tmp_path / 'set')
    shutil.copytree(shared.root, layout.root)
    words = [str(layout.root) if word == str(shared.root) else word for word in words]
    key = open_dataset(layout.root, 'barrett').clutter(0)['objects'][0]['object']
    shutil.copy(layout.grasps('barrett', key, 0), layout.grasps('barrett', key, 7))
    code, _, said = run_command(*words, '--clutter', '1')
    assert code and 'grasps_hash' in said
    code, again, said = run_command(*words, '--clutter', '1', '--overwrite')
    assert code == 0 and again['frames'], said


def test_a_hand_that_a_table_does_not_tell_of_is_refused():
    with pytest.raises(InputError, match="tells of 'barrett', not of 'allegro'"):
        free_keys({'objects': [], 'grasps': {'barrett': [['a']]}}, 'allegro')
    assert free_keys({'objects': [], 'grasps': {'barrett': [['a'], []]}}, 'barrett') == {'a'}


def test_a_heap_that_goes_on_moving_is_no_table(cluttered, monkeypatch):
    layout, _, _ = cluttered
    tasks, _ = plan_scenes(layout, CameraSettings(), 'cpu')
    seeds = []

    def settle(things, *, seed):
        seeds.append(seed)
        return Heap(poses=np.tile(UP, (len(things), 1)), at_rest=False)

    monkeypatch.setattr(clutter, 'settle_together', settle)
    with pytest.raises(ObjectError, match=r'clutter/00000.* do not come to rest'):
        clutter._settle(plan_clutter(tasks, 1)[0])
    assert len(set(seeds)) == 3


def test_a_table_that_is_not_there_is_told(cluttered):
    layout, _, _ = cluttered
    with pytest.raises(InputError, match='no cluttered table 7'):
        open_dataset(layout.root, 'barrett', clutter=7)
    code, _, said = run_command('dataset', 'render', '--out', str(layout.root), '--clutter', '-1')
    assert code and "'clutter' is -1; expected 0 or more" in said
