"""A frozen dataclass as the parameters of a node: types, defaults, units, ranges, descriptions.

The fields are made with `dexgrasp_ros.core.config.setting`; a field that is itself a dataclass
gives parameters with a dot in their name. What is set later counts from the next time that the
node needs it, unless the field is `read_on` something: then the descriptor says so, and a change
that would come too late is refused.
"""

from __future__ import annotations

import dataclasses
import difflib
import sys
from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

from rcl_interfaces.msg import (
    FloatingPointRange,
    IntegerRange,
    ParameterDescriptor,
    SetParametersResult,
)
from rclpy.node import Node
from rclpy.parameter import Parameter

from dexgrasp_ros.core.errors import DexGraspError, InputError, choices, quoted

T = TypeVar('T')

_INT_LIMIT = 2**63 - 1
# By `read_on`: when the value is in use, so that no other one can be set. Of what is read on start
# rclpy says it; what is read on a reset may be set for the next one.
_IN_USE = {'configuration': 'configured', 'activation': 'active'}


class NodeParameters(Generic[T]):
    """Declares the fields of `config_type` on `node` and holds their present values.

    What the node was given beside them, by a mistake of writing or for an older version, is
    passed over with a warning.

    A set request is refused where a value is outside its range or the dataclass does not accept
    it, and for what is read on start. `value` is a new object after each change, so whoever holds
    one sees no change under way.

    Parameters
    ----------
    node
        The node.
    config_type
        The dataclass; its default instance has the defaults.
    check
        Called before each change with the configuration before and after it; raises a
        `DexGraspError` to refuse it.
    changed
        Called after each change with the same. (rclpy calls those who registered last first, so
        a callback that the node registers would see the old value.)

    Raises
    ------
    rclpy.exceptions.InvalidParameterTypeException, rclpy.exceptions.InvalidParameterValueException
        From the constructor, where what the node was started with is refused.
    DexGraspError
        The same, where the dataclass refuses it.
    """

    def __init__(
        self,
        node: Node,
        config_type: type[T],
        *,
        check: Callable[[T, T], None] = lambda _before, _after: None,
        changed: Callable[[T, T], None] = lambda _before, _after: None,
    ) -> None:
        self._check_node, self._changed = check, changed
        self._defaults = config_type()
        for name, about, default in parameter_fields(self._defaults):
            node.declare_parameter(name, default, _descriptor(about, default))
        names = [name for name, _, _ in parameter_fields(self._defaults)]
        _warn_of_others(node, self._defaults)
        self.value: T = _replaced(
            self._defaults, {p.name: p.value for p in node.get_parameters(names)}
        )
        node.add_on_set_parameters_callback(self._check)
        node.add_post_set_parameters_callback(self._apply)

    def _check(self, parameters: list[Parameter]) -> SetParametersResult:
        try:
            wanted = _replaced(self.value, {p.name: p.value for p in parameters})
            if wanted != self.value:
                self._check_node(self.value, wanted)
        except DexGraspError as error:
            return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)

    def _apply(self, parameters: list[Parameter]) -> None:
        before = self.value
        self.value = _replaced(before, {p.name: p.value for p in parameters})
        if self.value != before:
            self._changed(before, self.value)


def _warn_of_others(node: Node, config: Any) -> None:
    """Warn of what may have been meant for this node: ROS passes over it in silence.

    What has no name like it may be for another node, as files for ``/**`` are for all.

    Raises
    ------
    InputError
        INVALID_INPUT for a switch of an older version that is on: without it the node would do
        something else.
    """
    old = {about['formerly']: name for name, about, _ in parameter_fields(config)}
    names = [name for name, _, _ in parameter_fields(config)]
    for given in node._parameter_overrides:  # rclpy has no other way
        # The QoS of topics is declared with them, later.
        if node.has_parameter(given) or given.startswith('qos_overrides.'):
            continue
        told = f'There is no parameter {quoted(given)} here.'
        if given in old:
            told += f" Its place has '{old[given]}'."
            if node._parameter_overrides[given].value is True:
                raise InputError(f'{told} Set that, and remove this one.')
            node.get_logger().warning(told)
        elif near := difflib.get_close_matches(given, names, n=2):
            node.get_logger().warning(f'{told} Near it: {choices(near)}.')


def parameter_fields(
    config: Any, prefix: str = '', read_on: str = ''
) -> Iterator[tuple[str, dict[str, Any], Any]]:
    """Name, metadata and value of each parameter in a dataclass instance, nested ones with dots.

    When a nested dataclass is read holds for all of its fields; the text of each says it.
    """
    for field in dataclasses.fields(config):
        value, read = getattr(config, field.name), field.metadata.get('read_on') or read_on
        if dataclasses.is_dataclass(value):
            yield from parameter_fields(value, f'{prefix}{field.name}.', read)
        else:
            text = field.metadata['text'] + (f'; read on {read}' if read else '')
            yield prefix + field.name, {**field.metadata, 'text': text, 'read_on': read}, value


def refuse_late_changes(before: T, after: T, *, configured: bool, active: bool) -> None:
    """Refuse a change of what the node in this state has read for good.

    Raises
    ------
    InputError
        INVALID_INPUT, naming the parameter, when it is read and what to do.
    """
    states = {'configured': configured, 'active': active}
    fields = zip(parameter_fields(before), parameter_fields(after), strict=True)
    for (name, about, old), (_, _, new) in fields:
        state = _IN_USE.get(about['read_on'], '')
        if old != new and states.get(state, False):
            step = 'deactivated and cleaned up' if state == 'configured' else 'deactivated'
            raise InputError(
                f"'{name}' is read on {about['read_on']}, and the node is {state} already;"
                f' expected a node that is {step}, or the value from its start on.'
            )


def _replaced(config: T, values: dict[str, Any], prefix: str = '') -> T:
    """`config` with the parameters in `values`; names of other parameters are passed over."""
    changes = {}
    for field in dataclasses.fields(config):
        name, value = prefix + field.name, getattr(config, field.name)
        if dataclasses.is_dataclass(value):
            changes[field.name] = _replaced(value, values, f'{name}.')
        elif name in values:
            changes[field.name] = values[name]
    return dataclasses.replace(config, **changes)


def constraints(about: dict[str, Any]) -> str:
    """Say in words what a value must be beside its range, and when it cannot be set."""
    words = []
    if about.get('allowed'):
        words.append(f'one of {choices(about["allowed"])}')
    if state := _IN_USE.get(about['read_on']):
        words.append(f'not while the node is {state}')
    return '; '.join(words)


def _descriptor(about: dict[str, Any], default: Any) -> ParameterDescriptor:
    unit, text = about.get('unit', '-'), about['text']
    low, high = about.get('low'), about.get('high')
    descriptor = ParameterDescriptor(
        description=text if unit in ('-', '1') else f'{text} [{unit}]',
        additional_constraints=constraints(about),
        read_only=about['read_on'] == 'start',
    )
    if low is None and high is None:
        return descriptor
    if isinstance(default, float):
        descriptor.floating_point_range = [
            FloatingPointRange(
                from_value=-sys.float_info.max if low is None else float(low),
                to_value=sys.float_info.max if high is None else float(high),
            )
        ]
    else:
        descriptor.integer_range = [
            IntegerRange(
                from_value=-_INT_LIMIT if low is None else int(low),
                to_value=_INT_LIMIT if high is None else int(high),
                step=1,
            )
        ]
    return descriptor
