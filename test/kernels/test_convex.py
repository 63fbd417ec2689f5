"""Convex pieces: a box given by its planes must act like the box primitive."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import trimesh

from dexgrasp_ros.core.config import SynthesisConfig
from dexgrasp_ros.core.hand_model import ConvexMesh, GeometryType
from dexgrasp_ros.hand import load_hand
from dexgrasp_ros.object import load_object
from dexgrasp_ros.synthesis.device import resolve_device
from dexgrasp_ros.synthesis.engine import Engine
from dexgrasp_ros.synthesis.seeds import draw_seeds
from dexgrasp_ros.synthesis.upload import upload_hand, upload_object


def boxes_as_planes(hand):
    """Replace every box by the six planes of its faces."""
    types, starts, planes = hand.geometry_types.copy(), [0], []
    meshes = list(hand.geometry_meshes)
    for g in range(len(types)):
        if types[g] == GeometryType.BOX:
            types[g] = GeometryType.CONVEX
            box = trimesh.creation.box(2 * hand.geometry_sizes[g])
            meshes[g] = ConvexMesh(vertices=box.vertices, faces=box.faces)
            for axis in range(3):
                for sign in (1.0, -1.0):
                    planes.append([*(sign * np.eye(3)[axis]), hand.geometry_sizes[g, axis]])
        starts.append(len(planes))
    return dataclasses.replace(
        hand,
        geometry_types=types,
        geometry_planes=np.array(starts, np.int32),
        planes=np.array(planes),
        geometry_meshes=tuple(meshes),
    )


@pytest.mark.parametrize('weight', ['object_penetration_weight', 'self_weight'])
def test_planes_of_a_box_give_the_same_overlap(weight):
    hand = load_hand('allegro')
    ball = trimesh.creation.icosphere(subdivisions=3, radius=0.04)
    obj = load_object((ball.vertices, ball.faces))
    config = SynthesisConfig(
        seed_count=32,
        seed_distance_min=0.0,
        seed_joint_spread=1.0,
        contact_weight=0.0,
        penetration_weight=0.0,
        distance_weight_start=1e-6,
        self_margin=0.0,  # outside, planes are nearer than the edges between them
        **({'self_weight': 0.0} | {'object_penetration_weight': 0.0} | {weight: 3e3}),
    )
    palm, q = draw_seeds(hand, obj, config, np.random.default_rng(0), config.seed_count)
    palm[:, :3] *= 0.8  # into the ball
    device = resolve_device('cpu')
    results, own = [], []
    for model in (hand, boxes_as_planes(hand)):
        engine = Engine(
            upload_hand(model, device), upload_object(obj, device), config, len(q), device
        )
        engine.set_state(palm, q)
        results.append(engine.gradient(sweeps=1))
        own.append(engine.look().own)
    (energy, gradient), (same_energy, same_gradient) = results
    assert (energy > 1e-3).sum() >= 4, 'the states do not overlap'
    np.testing.assert_allclose(same_energy, energy, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(own[1], own[0], atol=1e-5)
    # Where two faces are equally near, either may be taken for the slope.
    close = np.isclose(same_gradient, gradient, rtol=1e-3, atol=1e-3).all(axis=1)
    assert close.mean() > 0.9
