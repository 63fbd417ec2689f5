"""The policy for SROS 2 allows each node what it has, no more; real nodes are asked for that."""

from __future__ import annotations

import importlib
import sys
import time
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

import pytest

pytest.importorskip('rclpy')

import rclpy
from lxml import etree
from rclpy.action import (
    get_action_client_names_and_types_by_node,
    get_action_server_names_and_types_by_node,
)
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
from std_msgs.msg import String

from dexgrasp_msgs.action import SynthesizeGrasps
from dexgrasp_ros.nodes.child import MODULES

POLICY = Path(__file__).resolve().parents[2] / 'config' / 'security' / 'policy.xml'
NAMESPACE = '/robot'  # what is relative in the policy must be relative in the node
ARGUMENTS = ['--ros-args', '-r', f'__ns:={NAMESPACE}', '-p', 'hand:=barrett', '-p', 'port:=0']
# A gripper's controller takes hands of one joint only.
GRIPPER = str(POLICY.parents[2] / 'docs' / 'hands' / 'simple_gripper.urdf')
# What a node has only with these parameters.
VARIANTS = {
    'hand_command_node': [
        {},
        {'controller_interface': 'follow_joint_trajectory'},
        {'controller_interface': 'parallel_gripper_command', 'hand': GRIPPER},
    ],
    'reconstruction_node': [
        {'input': 'depth'},
        {'input': 'points'},
        {'transport': 'compressedDepth'},
        {'transport': 'compressed'},
    ],
    'tabletop_segmentation_node': [
        {},
        {'transport': 'compressedDepth'},
        {'transport': 'compressed'},
    ],
}
# Types do not matter here: those of packages that may be absent are others'.
STAND_INS = {
    'vision_msgs.msg': {'LabelInfo': String},
    'moveit_msgs.msg': {'PlanningScene': String},
    'grasping_msgs.action': {'GraspPlanning': SynthesizeGrasps},
    'control_msgs.action': {
        'FollowJointTrajectory': SynthesizeGrasps,
        'ParallelGripperCommand': SynthesizeGrasps,
    },
}
VERBS = ('publish', 'subscribe', 'reply', 'request', 'execute', 'call')
Rights = dict[str, set[str]]


@pytest.fixture(scope='module')
def nodes(module_ros_domain):
    """Where nodes can be made, in a namespace, with stand-ins for packages that may be absent."""
    with pytest.MonkeyPatch.context() as patch:
        for name, contents in STAND_INS.items():
            package, module = ModuleType(name.partition('.')[0]), ModuleType(name)
            package.__spec__ = ModuleSpec(package.__name__, None)
            vars(module).update(contents)
            patch.setitem(sys.modules, package.__name__, package)
            patch.setitem(sys.modules, name, module)
        rclpy.init(args=ARGUMENTS)
        yield
        rclpy.try_shutdown()


def policy_of(node: str) -> Rights:
    """What the policy allows a node, by full name."""
    tree = etree.parse(POLICY)
    tree.xinclude()
    (profile,) = tree.findall(
        f'enclaves/enclave[@path="/dexgrasp/{node}"]/profiles/profile[@node="{node}"]'
    )
    assert profile.get('node') == node and profile.get('ns') == '/'
    allowed: Rights = {verb: set() for verb in VERBS}
    for group in profile.iterchildren(etree.Element):
        for verb in VERBS:
            if group.get(verb) == 'ALLOW':
                names = [
                    full_name(entry.text, node) for entry in group.iterchildren(etree.Element)
                ]
                assert allowed[verb].isdisjoint(names), f'{names} twice'
                allowed[verb].update(names)
    return allowed


def full_name(name: str, node: str) -> str:
    if name.startswith('/'):
        return name
    return f'{NAMESPACE}/{name.replace("~", node)}'


def rights_of(node: str, parameters: dict[str, object]) -> Rights:
    """What a node has that was brought up with some parameters."""
    made = class_of(node)()
    executor = SingleThreadedExecutor()
    executor.add_node(made)
    try:
        for name, value in parameters.items():
            assert made.set_parameters([Parameter(name, value=value)])[0].successful
        until = time.monotonic() + 60
        while not getattr(made, 'is_active', True):
            assert time.monotonic() < until
            executor.spin_once(timeout_sec=0.1)
        # Only now: under a clock that stands still it would not come up.
        assert made.set_parameters([Parameter('use_sim_time', value=True)])[0].successful
        return asked(made)
    finally:
        made.close()
        executor.shutdown()
        made.destroy_node()


def class_of(node: str) -> type:
    module = importlib.import_module(f'dexgrasp_ros.nodes.{MODULES[node]}')
    return getattr(module, ''.join(word.capitalize() for word in node.split('_')))


def asked(node: rclpy.node.Node) -> Rights:
    """What ROS's graph knows of a node."""
    who = node.get_name(), node.get_namespace()
    found = {
        'publish': node.get_publisher_names_and_types_by_node(*who),
        'subscribe': node.get_subscriber_names_and_types_by_node(*who),
        'reply': node.get_service_names_and_types_by_node(*who),
        'request': node.get_client_names_and_types_by_node(*who),
        'execute': get_action_server_names_and_types_by_node(node, *who),
        'call': get_action_client_names_and_types_by_node(node, *who),
    }
    # Actions are made of topics and services, which their names in the policy stand for.
    return {
        verb: {name for name, _ in pairs if '/_action/' not in name}
        for verb, pairs in found.items()
    }


@pytest.mark.parametrize('node', MODULES)
def test_a_node_is_allowed_what_it_has_and_no_more(node, nodes):
    has: Rights = {verb: set() for verb in VERBS}
    for parameters in VARIANTS.get(node, [{}]):
        for verb, names in rights_of(node, parameters).items():
            has[verb] |= names
    assert has == policy_of(node)


def test_there_is_an_enclave_for_each_node():
    enclaves = [e.get('path') for e in etree.parse(POLICY).findall('enclaves/enclave')]
    assert sorted(enclaves) == sorted(f'/dexgrasp/{node}' for node in MODULES)
