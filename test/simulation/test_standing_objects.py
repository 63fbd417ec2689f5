"""Objects drawn from a list by seed, and let go as a heap."""

import numpy as np
import pytest
import trimesh

from dexgrasp_ros.core.poses import transform_points
from dexgrasp_ros.simulation import stand_objects


@pytest.fixture(scope='module')
def meshes(tmp_path_factory):
    folder = tmp_path_factory.mktemp('meshes')
    sizes = {'cube': (0.05, 0.05, 0.05), 'bar': (0.12, 0.04, 0.03)}
    for name, size in sizes.items():
        trimesh.creation.box(size).export(folder / f'{name}.ply')
    return [folder / f'{name}.ply' for name in sizes]


def test_a_heap_is_that_of_its_seed_close_together_and_above_the_table(meshes):
    heap, again, other = (
        stand_objects(meshes, random_seed=seed, count=3, heaped=True) for seed in (1, 1, 2)
    )
    poses = [np.array([thing.pose for thing in things]) for things in (heap, again, other)]
    np.testing.assert_array_equal(poses[0], poses[1])
    assert not np.allclose(poses[0], poses[2])
    assert [thing.label for thing in heap] == [1, 2, 3]
    # Each mesh once before any comes twice.
    assert {thing.name for thing in heap[:2]} == {path.stem for path in meshes}
    for thing in heap:
        corners = transform_points(thing.pose, thing.obj.vertices)
        assert corners[:, 2].min() > -0.001
        assert np.linalg.norm(corners[:, :2], axis=1).max() < 0.25


def test_a_count_without_a_heap_makes_a_longer_row(meshes):
    row = stand_objects(meshes, count=4, spacing=0.2)
    np.testing.assert_allclose(np.diff([t.pose[1] for t in row]).mean(), 0.2, atol=0.02)
