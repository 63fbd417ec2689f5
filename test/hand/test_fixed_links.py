"""Descriptions full of links that are no part of the hand's shape or motion."""

from __future__ import annotations

import numpy as np

from dexgrasp_ros.core.resources import find_resource
from dexgrasp_ros.hand import link_poses, load_hand, load_hand_text
from dexgrasp_ros.synthesis.upload import moving_bodies

COUNT = 300


def test_hundreds_of_fixed_links_without_inertia_change_nothing_else():
    """Sensor frames on a fingertip, as tactile hands have them: neither shape nor inertia."""
    plain = load_hand('allegro')
    text = find_resource('urdf/allegro.urdf').read_text()
    sensors = ''.join(
        f'<link name="taxel_{i}"/><joint name="at_{i}" type="fixed"><parent link="'
        f'{"link_3.0_tip" if i % 10 == 0 else f"taxel_{i - 1}"}"/><child link="taxel_{i}"/>'
        '<origin xyz="0.001 0 0"/></joint>'
        for i in range(COUNT)
    )
    hand = load_hand_text(text.replace('</robot>', f'{sensors}</robot>'))
    assert len(hand.link_names) == len(plain.link_names) + COUNT
    assert hand.joint_names == plain.joint_names
    assert hand.group_names == plain.group_names
    np.testing.assert_array_equal(hand.points, plain.points)
    np.testing.assert_allclose(hand.palm_pose, plain.palm_pose, atol=1e-9)
    np.testing.assert_array_equal(hand.self_collision_pairs, plain.self_collision_pairs)
    # What the kernels walk is the moving bodies alone.
    assert len(moving_bodies(hand)[0]) == len(moving_bodies(plain)[0]) == 17
    q = np.full(16, 0.4)
    tip = link_poses(hand, q)[hand.link_names.index('link_3.0_tip')]
    last = link_poses(hand, q)[hand.link_names.index('taxel_9')]
    assert abs(np.linalg.norm(last[:3] - tip[:3]) - 0.010) < 1e-9
