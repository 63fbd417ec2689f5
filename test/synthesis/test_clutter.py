"""From rendered clutter to grasps: no hand touches the true neighbours or the true table."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import pytest
import trimesh
from oracles import distance_to, object_depth, posed_points
from scipy.spatial import cKDTree

from dexgrasp_ros.core.config import SynthesisConfig
from dexgrasp_ros.object import load_object
from dexgrasp_ros.object.config import ObjectConfig
from dexgrasp_ros.perception import ReconstructionConfig, reconstruct_frame
from dexgrasp_ros.simulation import Body, PinholeCamera, render_depth_frame
from dexgrasp_ros.synthesis import synthesize


@dataclass(frozen=True)
class TrueBody:
    """A mesh in the camera's frame, for the oracles."""

    vertices: np.ndarray
    faces: np.ndarray


def box(size, at) -> trimesh.Trimesh:
    """A box [m] that stands on z = 0."""
    return trimesh.creation.box(size).apply_translation([*at, size[2] / 2])


def can(radius, height, at) -> trimesh.Trimesh:
    mesh = trimesh.creation.cylinder(radius, height, sections=48)
    return mesh.apply_translation([*at, height / 2])


# The first of each is grasped. The camera looks along +y, 45 degrees down.
SCENES = {
    'box between boxes': [
        box((0.05, 0.05, 0.14), (0, 0)),
        box((0.08, 0.1, 0.12), (-0.115, 0)),
        box((0.08, 0.1, 0.12), (0.115, 0)),
    ],
    'can near a wall': [can(0.03, 0.13, (0, 0)), box((0.3, 0.06, 0.2), (0, 0.09))],
    'can beside a tower': [
        can(0.03, 0.13, (0, 0)),
        box((0.1, 0.1, 0.2), (0.11, 0.02)),
        can(0.04, 0.06, (-0.09, -0.03)),
    ],
    # Of the last box a strip beside and above the middle one is seen: 1,690 pixels.
    'box before a hidden box': [
        box((0.05, 0.05, 0.14), (0, 0)),
        box((0.12, 0.04, 0.17), (0.1, -0.04)),
        box((0.06, 0.1, 0.13), (0.08, 0.06)),
    ],
    'flat box beside a box': [box((0.06, 0.06, 0.04), (0, 0)), box((0.1, 0.1, 0.1), (-0.1, 0.03))],
}


def render(meshes):
    floor = trimesh.creation.box((1.2, 1.2, 0.02)).apply_translation([0, 0, -0.01])
    bodies = [
        Body(vertices=np.array(m.vertices), faces=np.array(m.faces), label=label)
        for label, m in enumerate([floor, *meshes])
    ]
    camera = PinholeCamera.looking_at([0, -0.5, 0.45], [0, 0, 0.05], field_of_view=0.75)
    return render_depth_frame(bodies, camera)


@pytest.fixture(scope='module')
def seen():
    """Frame of a scene by its name, and what is reconstructed of its first object."""

    @functools.cache
    def see(name):
        frame = render(SCENES[name])
        (found,) = reconstruct_frame(frame, labels=[1]).objects
        return frame, found

    return see


HIDDEN = 'box before a hidden box'
# The others differ in shape and place only.
SHORT = (HIDDEN,)


@pytest.mark.parametrize(
    'name', [n if n in SHORT else pytest.param(n, marks=pytest.mark.slow) for n in SCENES]
)
def test_no_posture_touches_what_is_really_there(name, allegro, seen):
    frame, found = seen(name)
    obj = load_object(
        (found.vertices, found.faces),
        support_plane=found.support_plane,
        obstacles=found.obstacles,
    )
    config = SynthesisConfig(seed_count=32, max_grasps=4, device='cpu')
    grasps = synthesize(allegro, obj, config)
    assert len(grasps) >= 3
    T = np.linalg.inv(frame.T_world_cam)
    neighbours = [
        TrueBody(m.vertices @ T[:3, :3].T + T[:3, 3], np.array(m.faces)) for m in SCENES[name][1:]
    ]
    up, height = T[:3, 2], -T[:3, 2] @ T[:3, 3]
    for n in range(len(grasps)):
        for base, q in (
            (grasps.pregrasp_base_pose[n], grasps.pregrasp[n]),
            (grasps.base_pose[n], grasps.grasp[n]),
            (grasps.base_pose[n], grasps.squeeze[n]),
        ):
            points, _ = posed_points(allegro, base, q)
            assert (points @ up + height).min() > 0.0, 'the hand is in the table'
            for body in neighbours:
                assert distance_to(body, points).min() > 0.0, 'the hand is in a neighbour'
                # Its corner may be between the points of the hand.
                assert object_depth(allegro, base, q, body, count=2000) == 0.0


def test_hands_in_a_hidden_neighbour_are_in_obstacles(allegro, seen):
    """What is searched without the hidden space is in it, and would have been dropped."""
    meshes = SCENES[HIDDEN]
    frame, found = seen(HIDDEN)
    (blind,) = reconstruct_frame(
        frame, labels=[1], config=ReconstructionConfig(hidden_reach=0.0)
    ).objects
    obj = load_object(
        (blind.vertices, blind.faces),
        support_plane=blind.support_plane,
        obstacles=blind.obstacles,
    )
    config = SynthesisConfig(seed_count=48, max_grasps=6, device='cpu')
    grasps = synthesize(allegro, obj, config)
    T = np.linalg.inv(frame.T_world_cam)
    hidden = TrueBody(meshes[2].vertices @ T[:3, :3].T + T[:3, 3], np.array(meshes[2].faces))
    tree, radius = cKDTree(found.obstacles), ObjectConfig().obstacle_radius
    inside = 0
    for base, q in zip(grasps.base_pose, grasps.grasp, strict=True):
        points, _ = posed_points(allegro, base, q)
        if distance_to(hidden, points).min() < -0.002:
            inside += 1
            assert tree.query(points)[0].min() < radius
    assert inside >= 2


def test_hands_that_would_touch_are_dropped(allegro):
    """A can under a bell: every hand that reaches it is in the bell's wall.

    The descent is not told, so it finds grasps of the can as if the bell were not there.
    """
    mesh = can(0.03, 0.1, (0, 0))
    wall = trimesh.creation.annulus(0.06, 0.07, 0.14, sections=48)
    wall.apply_translation([0, 0, 0.07])
    lid = can(0.07, 0.01, (0, 0)).apply_translation([0, 0, 0.14])
    bell = np.concatenate([m.sample(20000, seed=0) for m in (wall, lid)])
    config = SynthesisConfig(seed_count=32, max_grasps=4, device='cpu', environment_weight=0.0)
    found = {}
    for name, obstacles in (('free', None), ('under the bell', bell)):
        obj = load_object((np.array(mesh.vertices), np.array(mesh.faces)), obstacles=obstacles)
        found[name] = synthesize(allegro, obj, config)
    assert len(found['free']) == 4
    rejected = found['under the bell'].rejected
    assert len(found['under the bell']) == 0
    assert rejected['environment'] >= 24
    assert sum(rejected.values()) == 32
