"""Where a node has its hand from: parameters, files, a topic, and which of them counts."""

from __future__ import annotations

import pytest

pytest.importorskip('rclpy')

import trimesh
from action_msgs.msg import GoalStatus
from arms import planar_arm
from described_robot import (
    ALLEGRO,
    BARRETT,
    GARBAGE,
    ROOT,
    SEARCH,
    Robot,
    call,
    goal,
    joined,
    set_parameters,
    wait_for,
    without_overrides,
)
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState

from dexgrasp_ros.bridge.client import GraspClient
from dexgrasp_ros.core.errors import ErrorCode
from dexgrasp_ros.nodes.graph import start_graph


def test_a_description_needs_nobody_who_publishes_it(ros_domain, tmp_path):
    """It is in a file or a parameter; without either there is no hand."""
    file = tmp_path / 'robot.urdf'
    text = without_overrides(joined('barrett'))
    file.write_text(text)
    parameters = {'grasp_node': {**SEARCH, 'hand': 'shadow', 'hand_root_link': ROOT}}
    node = '/grasp_node'
    with (
        start_graph(nodes=['grasp_node'], parameters=parameters, log=print),
        GraspClient() as client,
    ):
        client.wait_until_ready(300, reconstruction=False)
        robot = Robot(client, [])
        reply = robot.client.synthesize(goal())
        assert reply.status == GoalStatus.STATUS_ABORTED
        assert reply.result.error_code == ErrorCode.UNKNOWN_HAND
        assert '/robot_description' in reply.result.error_message
        assert f"'{ROOT}'" in reply.result.error_message

        configure_anew(robot.node, node, hand=str(file))
        (grasp,) = client.synthesize(goal(max_grasps=1)).check().grasps.grasps
        assert (grasp.hand, grasp.flange_frame) == ('robot', 'flange')

        configure_anew(robot.node, node, robot_description=text)
        (grasp,) = client.synthesize(goal(max_grasps=1)).check().grasps.grasps
        assert (grasp.hand, grasp.flange_frame) == (BARRETT, 'flange')

        # Somebody publishes the same: there is nothing to change.
        robot.describe(text)
        received = 'descriptions received'
        wait_for(lambda: robot.about(node).get(received) == '1', 'the description')
        client.synthesize(goal(max_grasps=1)).check()  # by now it would have been loaded
        assert robot.about(node)['description from'] == "the parameter 'robot_description'"


def test_meshes_and_overrides_lie_where_the_parameters_say(ros_domain, tmp_path):
    trimesh.creation.box([0.02, 0.02, 0.08]).export(tmp_path / 'finger.stl')
    (tmp_path / 'said.yaml').write_text('locked_joints: [turn_right]\n')
    text = planar_arm().replace('<box size="0.02 0.02 0.08"/>', '<mesh filename="finger.stl"/>')
    given = {
        'hand_root_link': 'palm',
        'mesh_folder': str(tmp_path),
        'hand_overrides': str(tmp_path / 'said.yaml'),
        # Known before any description comes, or the hand that stands in would be refused.
        'robot_description': text,
    }
    parameters = {'hand_command_node': given}
    with (
        start_graph(nodes=['hand_command_node'], parameters=parameters, log=print),
        GraspClient() as client,
    ):
        robot = Robot(client, [])
        wait_for(lambda: robot.about('/hand_command_node').get('hand') == 'planar', 'the hand')
        assert robot.about('/hand_command_node')['joints'] == '1'


def test_a_node_that_is_configured_anew_takes_the_newest_description(ros_domain):
    parameters = {'hand_command_node': {'hand': 'barrett', 'autostart': False}}
    node = '/hand_command_node'
    log: list[str] = []
    with (
        start_graph(nodes=['hand_command_node'], parameters=parameters, log=log.append),
        GraspClient() as client,
    ):
        robot = Robot(client, log)
        change_state(robot.node, node, Transition.TRANSITION_CONFIGURE)
        wait_for(lambda: robot.about(node).get('hand') == 'barrett', 'its own hand')
        change_state(robot.node, node, Transition.TRANSITION_CLEANUP)
        wait_for(lambda: 'hand' not in robot.about(node), 'the clean-up')
        # Not configured, it loads nothing, but remembers what came, and garbage does not count.
        robot.describe(joined('allegro'))
        wait_for(lambda: robot.about(node).get('descriptions received') == '1', 'the first one')
        robot.describe(GARBAGE)
        wait_for(lambda: robot.about(node).get('descriptions refused') == '1', 'the refusal')
        assert 'hand' not in robot.about(node)
        change_state(robot.node, node, Transition.TRANSITION_CONFIGURE)
        wait_for(lambda: robot.about(node).get('hand') == ALLEGRO, 'the hand that was described')
        # Inactive, it changes its hand as well.
        robot.describe_and_wait(joined('barrett'), BARRETT, node)


def test_a_robot_that_is_no_hand_does_not_take_its_place(ros_domain):
    """Without `hand_root_link` the description of an arm leaves the node its own hand."""
    log: list[str] = []
    parameters = {'hand_command_node': {'hand': 'barrett'}}
    node = '/hand_command_node'
    with (
        start_graph(nodes=['hand_command_node'], parameters=parameters, log=log.append),
        GraspClient() as client,
    ):
        robot = Robot(client, log)
        wait_for(lambda: robot.about(node).get('hand') == 'barrett', 'its own hand')
        robot.describe(without_overrides(joined('allegro')))
        wait_for(lambda: any('hand_root_link' in line for line in log), 'the refusal')
        wait_for(lambda: robot.about(node)['descriptions refused'] == '1', 'the refusal')
        assert robot.about(node)['hand'] == 'barrett'
        assert 'flange' not in robot.about(node)


def configure_anew(node, name, **parameters) -> None:
    change_state(node, name, Transition.TRANSITION_DEACTIVATE)
    change_state(node, name, Transition.TRANSITION_CLEANUP)
    set_parameters(node, name, **parameters)
    change_state(node, name, Transition.TRANSITION_CONFIGURE)
    change_state(node, name, Transition.TRANSITION_ACTIVATE)


def change_state(node, name, transition) -> None:
    answer = call(node, ChangeState, f'{name}/change_state', transition=Transition(id=transition))
    assert answer.success
