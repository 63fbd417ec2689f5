"""Where the joints are, from messages of several senders, some of which are not to be trusted."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip('rclpy')

from sensor_msgs.msg import JointState

from dexgrasp_ros.nodes.shared.present_joints import PresentJoints


def test_names_without_an_end_take_no_memory_and_the_robots_come_again():
    take = []
    node = SimpleNamespace(create_subscription=lambda _k, _t, f, *_, **__: take.append(f))
    joints = PresentJoints(node)
    for sender in range(30):
        names = [f'{sender}_{i}' for i in range(1000)]
        take[0](JointState(name=names, position=[0.0] * len(names)))
        take[0](JointState(name=['arm', 'hand'], position=[0.1, 0.2]))
    assert len(joints._positions) < 11_000
    np.testing.assert_array_equal(joints.positions(['hand', 'arm']), [0.2, 0.1])
