"""Where something partly hidden may reach is taken; where nothing is, is not."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from scipy.spatial import cKDTree

from dexgrasp_ros.perception import ReconstructionConfig, reconstruct_frame

BALL = 0.006  # m about each obstacle point, in the search


def box(size, at):
    """A box [m] that stands on z = 0."""
    return trimesh.creation.box(size).apply_translation((*at, size[2] / 2))


TARGET = box((0.05, 0.05, 0.14), (0.0, 0.0))
SCREEN = box((0.12, 0.04, 0.17), (0.1, -0.04))
HIDDEN = box((0.06, 0.1, 0.13), (0.08, 0.06))


def inside_of(mesh):
    """Places [K, 3] 8 mm apart in a box."""
    lower, upper = mesh.bounds
    axes = [np.arange(a + 0.004, b, 0.008) for a, b in zip(lower, upper, strict=True)]
    return np.stack(np.meshgrid(*axes, indexing='ij'), axis=-1).reshape(-1, 3)


def taken(scene, found, places):
    """Share of places of the world that an obstacle's ball covers."""
    distance, _ = cKDTree(found.obstacles).query(scene.to_camera(places))
    return float((distance < BALL).mean())


def target_of(scene, **settings):
    config = ReconstructionConfig(**settings)
    (found,) = reconstruct_frame(scene.frame, labels=[1], config=config).objects
    return found


@pytest.fixture(scope='module')
def labelled(render_scene):
    """Scene, and what is found with and without hidden space."""
    scene = render_scene(TARGET, SCREEN, HIDDEN)
    return scene, target_of(scene), target_of(scene, hidden_reach=0.0)


@pytest.fixture(scope='module')
def unlabelled(render_scene):
    scene = render_scene(TARGET, SCREEN, backdrop=HIDDEN)
    return scene, target_of(scene), target_of(scene, hidden_reach=0.0)


def check_taken(scene, found, bare):
    places = inside_of(HIDDEN)
    assert taken(scene, bare, places) < 0.5
    assert taken(scene, found, places) > 0.97


def test_a_neighbour_behind_a_screen_is_taken_to_be_there(labelled):
    check_taken(*labelled)


def test_so_it_is_where_depth_is_noisy(render_scene):
    scene = render_scene(TARGET, SCREEN, HIDDEN, noise=0.0015)
    check_taken(scene, target_of(scene), target_of(scene, hidden_reach=0.0))


def test_so_is_one_that_has_no_label(unlabelled):
    check_taken(*unlabelled)


def test_the_warning_names_what_is_barely_seen(render_scene, labelled, unlabelled):
    (warning,) = [w for w in labelled[1].warnings if 'barely seen' in w]
    assert 'label 3' in warning and '%' in warning
    found = unlabelled[1]
    assert sum('without a label is barely seen' in w for w in found.warnings) == 1
    found = target_of(render_scene(TARGET, box((0.06, 0.06, 0.1), (0.12, 0.0))))
    assert found.warnings == ()


def test_the_shadow_of_an_object_alone_is_free(render_scene):
    found = target_of(render_scene(TARGET))
    assert len(found.obstacles) == 0
    assert found.warnings == ()


@pytest.mark.parametrize('labelled', [True, False])
def test_the_shadow_before_a_wall_is_free(render_scene, labelled):
    """The wall is seen on both sides of the object, and so to be flat behind it."""
    wall = box((0.5, 0.04, 0.3), (0.0, 0.12))
    scene = render_scene(TARGET, wall) if labelled else render_scene(TARGET, backdrop=wall)
    found = target_of(scene)
    gap = inside_of(box((0.05, 0.04, 0.1), (0.0, 0.06)))
    assert taken(scene, found, gap) < 0.05
    assert taken(scene, found, inside_of(box((0.05, 0.01, 0.1), (0.0, 0.106)))) > 0.5


def test_space_that_was_seen_to_be_empty_is_never_taken(labelled):
    scene, found, bare = labelled
    more, points = cKDTree(bare.obstacles), found.obstacles
    points = points[more.query(points)[0] > 0.012]
    assert len(points) > 500
    K, depth = scene.frame.intrinsics, scene.frame.depth
    pixels = np.rint(points[:, :2] / points[:, 2:] * K[[0, 1], [0, 1]] + K[:2, 2]).astype(int)
    assert (depth[pixels[:, 1], pixels[:, 0]] < points[:, 2]).all()
    heights = points @ scene.plane[:3] + scene.plane[3]
    assert heights.min() > -0.002
    # The hidden box is no higher than what is seen of it.
    assert heights.max() < 0.14


def test_the_edge_of_an_object_that_its_label_misses_is_no_other_thing(render_scene):
    low = box((0.08, 0.03, 0.09), (0.0, -0.06))
    scene = render_scene(TARGET, low)
    near = np.roll(scene.frame.labels == 2, -12, axis=0) & (scene.frame.labels == 1)
    assert near.sum() > 500
    scene.frame.labels[near] = 0
    side = inside_of(box((0.03, 0.03, 0.08), (0.045, 0.0)))
    assert taken(scene, target_of(scene), side) < 0.05
