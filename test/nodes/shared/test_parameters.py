"""When a parameter of a node counts, and what a node says about it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import pytest

pytest.importorskip('rclpy')

import rclpy
from rclpy.parameter import Parameter

from dexgrasp_ros.bridge.parameters import parameter_fields
from dexgrasp_ros.core.config import check_ranges, setting
from dexgrasp_ros.core.errors import InputError
from dexgrasp_ros.nodes.child import MODULES
from dexgrasp_ros.nodes.parameter_documents import NODE_PARAMETERS
from dexgrasp_ros.nodes.shared.lifecycle import AutostartNode
from dexgrasp_ros.perception.completion.guesses import GUESSES
from dexgrasp_ros.perception.config import COMPLETIONS


@dataclass(frozen=True, kw_only=True)
class Part:
    size: int = setting(3, '1', 'of the part', 1, 9)


@dataclass(frozen=True, kw_only=True)
class Parameters:
    pace: float = setting(0.1, 'm/s', 'of the hand', 0.0, 1.0, formerly='speed')
    autostart: bool = setting(False, '-', 'bring itself up', read_on='start')
    model: str = setting('a', '-', 'what is loaded', read_on='configuration')
    mode: str = setting('near', '-', 'how', allowed=('near', 'far'), read_on='activation')
    count: int = setting(1, '1', 'of the next', 0, 9, read_on='reset')
    wait: float = setting(1.0, 's', 'for an answer', 0.0, 9.0)
    part: Part = dataclasses.field(default_factory=Part, metadata={'read_on': 'activation'})

    def __post_init__(self) -> None:
        check_ranges(self)


@pytest.fixture
def start(ros_domain):
    """Start nodes of a context that lives as long as the test."""
    made = []

    def node(kind, *args, **overrides):
        values = [f'-p{name}:={value}' for name, value in overrides.items()]
        words = [w for v in values for w in ('-p', v[2:])]
        rclpy.init(args=['--ros-args', *words] if words else None)
        made.append(kind(*args))
        return made[0]

    yield node
    for one in made:
        one.destroy_node()
    rclpy.try_shutdown()


def refusal(node, name, value):
    """Why the node does not take a value; empty where it does."""
    (result,) = node.set_parameters([Parameter(name, value=value)])
    assert result.successful == (not result.reason)
    return result.reason


def test_what_is_in_use_cannot_be_set_and_says_so(start):
    node = start(AutostartNode, 'node', Parameters, model='b')
    assert node.config.model == 'b'
    assert 'read-only' in refusal(node, 'autostart', True)
    assert not refusal(node, 'model', 'c') and not refusal(node, 'mode', 'far')
    node.trigger_configure()
    late = refusal(node, 'model', 'd')
    assert "'model' is read on configuration" in late and 'deactivated and cleaned up' in late
    assert not refusal(node, 'part.size', 4)
    node.trigger_activate()
    assert "'part.size' is read on activation" in refusal(node, 'part.size', 5)
    assert 'mode' in refusal(node, 'mode', 'near')
    assert not refusal(node, 'wait', 2.0) and not refusal(node, 'count', 2)
    assert not refusal(node, 'mode', 'far')  # what it is already
    expected = Parameters(model='c', mode='far', count=2, wait=2.0, part=Part(size=4))
    assert node.config == expected
    node.trigger_deactivate()
    assert not refusal(node, 'mode', 'near') and refusal(node, 'model', 'd')
    node.trigger_cleanup()
    assert not refusal(node, 'model', 'd')
    assert node.config.model == 'd'


def test_the_descriptor_says_when_and_what(start):
    node = start(AutostartNode, 'node', Parameters)
    told = {n: node.describe_parameter(n) for n, _, _ in parameter_fields(Parameters())}
    assert told['autostart'].read_only and not told['model'].read_only
    assert told['model'].description == 'what is loaded; read on configuration'
    assert told['model'].additional_constraints == 'not while the node is configured'
    assert told['mode'].additional_constraints == (
        "one of 'far', 'near'; not while the node is active"
    )
    assert told['part.size'].description == 'of the part; read on activation'
    assert told['count'].description == 'of the next; read on reset'
    assert told['wait'].description == 'for an answer [s]'
    assert not told['wait'].additional_constraints and not told['count'].additional_constraints
    assert "'far', 'near'" in refusal(node, 'mode', 'sideways')


def test_what_is_no_parameter_is_not_passed_over_in_silence(start, capfd):
    start(AutostartNode, 'node', Parameters, modle='b', speed='0.2', wait='2.0', odd='1')
    told = [line for line in capfd.readouterr().err.splitlines() if 'no parameter' in line]
    assert len(told) == 2  # `odd` may be another node's
    assert any("'modle'" in t and t.endswith("Near it: 'mode', 'model'.") for t in told)
    assert any("'speed'" in t and t.endswith("Its place has 'pace'.") for t in told)


def test_a_switch_of_an_older_version_that_is_on_is_refused(start):
    with pytest.raises(InputError, match=r"'speed' here\. Its place has 'pace'\. Set that"):
        start(AutostartNode, 'node', Parameters, speed='true')


@pytest.mark.parametrize('name', NODE_PARAMETERS)
def test_every_parameter_that_is_a_choice_lists_what_there_is(name):
    for full, about, value in parameter_fields(NODE_PARAMETERS[name]()):
        if allowed := about.get('allowed'):
            assert value in allowed, full
    assert set(COMPLETIONS) == set(GUESSES)


@pytest.mark.parametrize(
    'name', ['hand_command_node', 'grasp_node', 'sim_hand_node', 'viewer_node', 'sim_camera_node']
)
def test_a_hand_is_checked_when_it_is_set(start, name, tmp_path):
    module = __import__(f'dexgrasp_ros.nodes.{MODULES[name]}', fromlist=['main'])
    kind = getattr(module, ''.join(word.capitalize() for word in name.split('_')))
    node = start(kind, autostart='false')
    before = node.get_parameter('hand').value
    reason = refusal(node, 'hand', 'allegr')
    assert 'allegro' in reason
    assert str(tmp_path / 'none.urdf') in refusal(node, 'hand', str(tmp_path / 'none.urdf'))
    assert node.get_parameter('hand').value == before
    assert not refusal(node, 'hand', 'barrett')
    node.close()


def test_a_text_that_is_no_choice_names_the_choices():
    with pytest.raises(InputError, match="'mode' is 'sideways'; expected one of 'far', 'near'"):
        Parameters(mode='sideways')
