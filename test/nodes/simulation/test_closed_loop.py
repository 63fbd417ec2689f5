"""The closed loop over real DDS: what is seen is grasped, and nothing moves unasked."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip('rclpy')

from dexgrasp_ros.bridge.attempt import attempt_grasp
from dexgrasp_ros.bridge.client import GraspClient
from dexgrasp_ros.nodes.graph import start_graph


@pytest.fixture(scope='module')
def loop(module_ros_domain, box, simulated_robot):
    """The whole graph, for all tests of the module."""
    log = []
    parameters = {
        'sim_hand_node': {'objects': str(box), 'joint_state_rate': 50.0},
        'sim_camera_node': {'noisy': False, 'width': 320, 'height': 240},
        'grasp_node': {'synthesis.seed_count': 64, 'synthesis.max_grasps': 4},
    }
    with (
        start_graph(closed_loop=True, parameters=parameters, log=log.append),
        GraspClient() as client,
    ):
        client.wait_until_ready(300, execution=True)
        yield simulated_robot(client, log)


@pytest.fixture(scope='module')
def found(loop):
    """The best grasp of what the camera sees, and where the hand was before and after."""
    loop.start_anew()
    loop.client.clear_objects()
    loop.watch.wait_for_image()
    start = loop.wrist_pose()
    grasp = loop.client.synthesize(label=1, timeout=300).check().grasps.grasps[0]
    loop.watch.sleep(0.5)
    return SimpleNamespace(
        grasp=grasp, start=start, end=loop.wrist_pose(), fingers=loop.states[-1].position
    )


def test_grasps_that_nobody_executes_move_nothing(loop, found):
    np.testing.assert_allclose(found.end, found.start, atol=1e-6)
    np.testing.assert_allclose(found.fingers, loop.hand.preshape, atol=0.01)


def test_what_is_seen_is_grasped_and_lifted(loop, found):
    assert found.grasp.header.frame_id == 'world'
    attempt = attempt_grasp(loop.client, loop.watch, found.grasp)
    assert attempt.reply.succeeded, attempt.reply.result.error_message
    assert attempt.lifted, attempt.cause
    assert list(attempt.phases) == ['pregrasp', 'grasp', 'squeeze', 'hold', 'lift']
    assert attempt.course.heights()[-1] > 0.08
