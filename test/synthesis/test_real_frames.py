"""Real depth frames, all the way to grasps: what a user's first object looks like."""

from __future__ import annotations

import numpy as np
import pytest
from oracles import distance_to, posed_points

from dexgrasp_ros.core.config import SynthesisConfig
from dexgrasp_ros.core.depth_frame import load_scene
from dexgrasp_ros.object import load_object
from dexgrasp_ros.perception import reconstruct_frame
from dexgrasp_ros.synthesis import synthesize


@pytest.mark.parametrize(
    ('scene', 'label'),
    [
        ('realsense_mustard', 1),
        pytest.param('mosd_learn3', 2, marks=pytest.mark.slow),
        pytest.param('ycbv_demo1', 5, marks=pytest.mark.slow),
    ],
)
def test_eight_good_grasps(scene, label, allegro, data_dir):
    frame = load_scene(data_dir / 'scenes' / f'{scene}.npz')
    (observed,) = reconstruct_frame(frame, labels=[label]).objects
    obj = load_object(
        (observed.vertices, observed.faces),
        support_plane=observed.support_plane,
        obstacles=observed.obstacles,
    )
    grasps = synthesize(allegro, obj, SynthesisConfig(max_grasps=8))
    assert len(grasps) == 8
    assert (grasps.contact_count >= 3).all()
    normal, offset = observed.support_plane[:3], observed.support_plane[3]
    for n in range(8):
        points, group = posed_points(allegro, grasps.base_pose[n], grasps.grasp[n])
        distance = distance_to(obj, points)
        assert distance.min() > -0.002
        fingers = {int(allegro.group_fingers[g]) for g in np.unique(group[distance < 0.002])}
        assert len(fingers) >= 2, 'fewer than two fingers (or finger and palm) touch'
        for pose, q in (
            (grasps.base_pose[n], grasps.grasp[n]),
            (grasps.pregrasp_base_pose[n], grasps.pregrasp[n]),
        ):
            height = posed_points(allegro, pose, q)[0] @ normal + offset
            assert height.min() > -0.001, 'the hand is in the table'
