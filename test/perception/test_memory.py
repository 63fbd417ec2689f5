"""Meshes that are taken again, and what makes them anew."""

import dataclasses

import numpy as np
import pytest
import trimesh

from dexgrasp_ros.perception import ReconstructionConfig, reconstruct_frame
from dexgrasp_ros.perception.memory import ReconstructionMemory, _has_moved
from dexgrasp_ros.perception.view import DepthWindow, whole_frame

NOISE, LIMIT = 0.0015, 0.002  # m
CONFIG = ReconstructionConfig()
TILT = trimesh.transformations.rotation_matrix(0.05, (1, 0, 0))


def box(shift=(0.0, 0.0, 0.0), turn=0.5):
    matrix = trimesh.transformations.rotation_matrix(turn, (0, 0, 1))
    matrix[:3, 3] = np.array((0.0, 0.0, 0.06)) + shift
    return trimesh.creation.box((0.09, 0.06, 0.12), matrix)


def ball(at=(0.12, 0.0, 0.03)):
    return trimesh.creation.icosphere(3, 0.03).apply_translation(at)


@pytest.fixture(scope='module')
def see(render_scene):
    """Give frames with noise of their own; labels 1 and 2 are the box and the ball."""

    def see(seed, *objects, **scene):
        made = render_scene(*(objects or (box(), ball())), **scene)
        noise = np.random.default_rng(seed).normal(0.0, NOISE, made.frame.depth.shape)
        depth = (made.frame.depth + noise).astype(np.float32)
        T = np.linalg.inv(made.T_cam_world)
        return dataclasses.replace(made.frame, depth=depth, T_world_cam=T)

    return see


@pytest.fixture(scope='module')
def first(see):
    """Give what remembers the objects of a frame, and those."""
    memory, frame = ReconstructionMemory(LIMIT), see(0)
    return memory, reconstruct_frame(frame, memory=memory).objects


def find(memory, frame, label=1, config=CONFIG):
    return memory.find(frame, whole_frame(frame, config), label, config)


@pytest.mark.parametrize('seed', [1, 2])
def test_what_stands_still_keeps_its_mesh_through_noise(first, see, seed):
    memory, objects = first
    frame = dataclasses.replace(see(seed), stamp=77)
    for before in objects:
        kept = find(memory, frame, before.label)
        assert kept.vertices is before.vertices and kept.stamp == 77


@pytest.mark.parametrize(
    ('shift', 'turn'),
    [
        ((0.004, 0.0, 0.0), 0.0),
        ((0.0, 0.004, 0.0), 0.0),
        ((0.0, 0.0, 0.004), 0.0),
        ((0.0, 0.0, 0.0), np.radians(6)),
    ],
    ids=['aside', 'away', 'up', 'turned'],
)
def test_what_has_moved_is_not_kept_and_the_rest_is(first, see, shift, turn):
    frame = see(1, box(shift, 0.5 + turn), ball())
    assert find(first[0], frame, 1) is None
    assert find(first[0], frame, 2) is not None


def pen(along=0.0, across=0.0):
    """Give something slim that lies on the table, turned by 0.5 rad; see `box`."""
    matrix = trimesh.transformations.rotation_matrix(0.5, (0, 0, 1))
    matrix[:3, 3] = matrix[:3, :2] @ (along, across) + (0.0, 0.0, 0.005)
    return trimesh.creation.box((0.15, 0.01, 0.01), matrix)


@pytest.fixture(scope='module')
def with_pen(see):
    memory = ReconstructionMemory(LIMIT)
    reconstruct_frame(see(0, pen(), ball()), memory=memory)
    return memory


def test_something_slim_is_kept_while_it_lies_still(with_pen, see):
    assert find(with_pen, see(1, pen(), ball())) is not None


@pytest.mark.parametrize('shift', [(0.005, 0.0), (-0.005, 0.0), (0.0, 0.004)])
def test_something_slim_that_slides_is_seen_to(with_pen, see, shift):
    """Along itself, all but its ends looks as it was."""
    assert find(with_pen, see(1, pen(*shift), ball())) is None


def window(depth, edge):
    """Give what a camera sees of a square of so many pixels, label 1."""
    labels = np.zeros(depth.shape, np.int32)
    labels[10 : 10 + edge, 10 : 10 + edge] = 1
    depth = depth.astype(np.float32)
    return DepthWindow(
        depth=depth, labels=labels, focal=np.full(2, 500.0), center=np.full(2, 20.0)
    )


@pytest.mark.parametrize('edge', [3, 5, 8])
def test_something_small_that_comes_nearer_is_seen_to(edge):
    """No fifth of its image by a fifth has enough pixels to say so."""
    depth = np.full((40, 40), 0.6)
    assert _has_moved(window(depth, edge), window(depth - 0.006, edge), 1, LIMIT)
    assert _has_moved(window(depth, edge), window(depth, edge), 1, LIMIT) == (edge < 4)


def test_what_noise_would_hide_is_made_anew():
    noise = np.random.default_rng(0).normal(0.0, NOISE, (2, 40, 40))
    before, now = 0.6 + noise
    assert not _has_moved(window(before, 25), window(now, 25), 1, LIMIT)
    assert _has_moved(window(before, 5), window(now, 5), 1, LIMIT)


def test_what_creeps_is_noticed(first, see):
    """Each step is below the limit; all are held against where the mesh was made."""
    kept = [find(first[0], see(k, box((0.0007 * k, 0.0, 0.0)), ball())) for k in range(1, 6)]
    assert kept[0] is not None and kept[-1] is None


def test_it_is_made_anew_once_and_then_kept_there(first, see):
    memory = ReconstructionMemory(LIMIT)
    memory.keep(see(0), whole_frame(see(0), CONFIG), window_of(see(0)), first[1][0], CONFIG)
    moved = box((0.01, 0.0, 0.0))
    made = [
        reconstruct_frame(see(k, moved, ball()), labels=[1], memory=memory).objects[0]
        for k in (1, 2)
    ]
    assert made[0].vertices is made[1].vertices
    shift = made[0].vertices.mean(axis=0) - first[1][0].vertices.mean(axis=0)
    assert np.linalg.norm(shift) == pytest.approx(0.01, abs=0.003)


def test_a_neighbour_that_comes_is_an_obstacle_of_the_kept_mesh(first, see):
    memory, (before, _) = first
    frame = see(1, box(), ball(), ball((-0.09, 0.1, 0.03)))
    made = reconstruct_frame(frame, labels=[1], memory=memory).objects[0]
    assert made.vertices is before.vertices
    assert len(made.obstacles) > len(before.obstacles)


@pytest.mark.parametrize(
    'change',
    [
        lambda f: {'labels': np.where(f.labels > 0, 3 - f.labels, 0)},
        lambda f: {'labels': np.where(f.labels == 1, 1, 0) + np.eye(*f.depth.shape, dtype=int)},
        lambda f: {'depth': np.where(f.labels == 1, 0.0, f.depth)},
        lambda _: {'frame_id': 'another'},
        lambda f: {'intrinsics': f.intrinsics * np.array([[1.01], [1.01], [1.0]])},
        lambda f: {'depth': f.depth[:-2], 'labels': f.labels[:-2]},
        lambda f: {'T_world_cam': TILT @ f.T_world_cam},
        lambda _: {'T_world_cam': None},
    ],
    ids=['label', 'mask', 'nothing', 'frame', 'lens', 'image', 'tilt', 'no pose'],
)
def test_what_is_seen_otherwise_is_not_kept(first, see, change):
    frame = see(1)
    assert find(first[0], frame) is not None
    assert find(first[0], dataclasses.replace(frame, **change(frame))) is None


def test_settings_and_fineness(first, see):
    memory, frame = first[0], see(1)
    coarser = dataclasses.replace(CONFIG, max_voxels=CONFIG.max_voxels // 8)
    finer = dataclasses.replace(CONFIG, max_voxels=CONFIG.max_voxels * 2)
    assert find(memory, frame, config=coarser) is not None  # as a neighbour, it may be finer
    assert find(memory, frame, config=finer) is None
    assert find(memory, frame, config=dataclasses.replace(CONFIG, spacing=0.004)) is None


def test_nothing_is_kept_without_a_limit_or_once_it_is_forgotten(first, see):
    frame = see(0)
    for memory in (ReconstructionMemory(0.0), ReconstructionMemory(LIMIT)):
        memory.keep(frame, whole_frame(frame, CONFIG), window_of(frame), first[1][0], CONFIG)
        memory.limit, before = LIMIT, memory.limit
        assert (find(memory, frame) is None) == (before == 0.0)
        memory.limit = 0.0
        assert find(memory, frame) is None
        memory.limit = LIMIT
        memory.clear()
        assert find(memory, frame) is None


def window_of(frame):
    whole = whole_frame(frame, CONFIG)
    return whole.crop(whole.labels == 1, 0.3)
