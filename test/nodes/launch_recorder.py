"""Stand-ins of `launch` and `launch_ros`, which pip does not have: they record what they get.

`run` does with a launch file what launch does, as far as the files of this package need it.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

Context = dict[str, str]  # launch configurations by name


class Recorded:
    """Anything of launch: what it was made of."""

    def __init__(self, *given: Any, **options: Any) -> None:
        self.given, self.options = given, options


class Substitution(Recorded):
    def perform(self, context: Context) -> str:
        return '/share/' + self.given[0]


class LaunchConfiguration(Substitution):
    def perform(self, context: Context) -> str:
        return context[self.given[0]]


class PathJoinSubstitution(Substitution):
    def perform(self, context: Context) -> str:
        return '/'.join(performed(part, context) for part in self.given[0])


class IfElseSubstitution(Substitution):
    def perform(self, context: Context) -> str:
        condition, yes, no = self.given
        return performed(yes if performed(condition, context) == 'true' else no, context)


CLASSES: dict[str, dict[str, type]] = {
    'launch': dict.fromkeys(('LaunchContext', 'LaunchDescription', 'Condition'), Recorded),
    'launch.actions': {},
    'launch.conditions': {},
    'launch.event_handlers': {},
    'launch.events': {},
    'launch.events.process': {},
    'launch.launch_description_sources': {},
    'launch.substitutions': {
        'LaunchConfiguration': LaunchConfiguration,
        'PathJoinSubstitution': PathJoinSubstitution,
        'IfElseSubstitution': IfElseSubstitution,
    },
    'launch_ros': {},
    'launch_ros.actions': {},
    'launch_ros.parameter_descriptions': {},
    'launch_ros.substitutions': {'FindPackageShare': Substitution},
}


def performed(value: Any, context: Context) -> str:
    """Text of what launch takes as text: substitutions, or several of them in a row."""
    if isinstance(value, Substitution):
        return value.perform(context)
    if isinstance(value, list | tuple):
        return ''.join(performed(part, context) for part in value)
    return str(value)


@contextmanager
def stand_ins() -> Iterator[None]:
    """Let `launch` and `launch_ros` be these."""
    with pytest.MonkeyPatch.context() as patch:
        for name, classes in CLASSES.items():
            module = ModuleType(name)
            vars(module).update(classes)
            # Each other name is a class of its own that records.
            module.__getattr__ = lambda wanted, m=module: vars(m).setdefault(
                wanted, type(wanted, (Recorded,), {})
            )
            patch.setitem(sys.modules, name, module)
        yield


def read(path: Path) -> ModuleType:
    """Read a launch file."""
    spec = importlib.util.spec_from_file_location('launch_file', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(path: Path, context: Context) -> list[Recorded]:
    """All that a launch file starts or includes; its arguments come into the context."""
    started: list[Recorded] = []
    waiting = list(read(path).generate_launch_description().given[0])
    while waiting:
        action = waiting.pop(0)
        if type(action).__name__ == 'DeclareLaunchArgument':
            context.setdefault(
                action.given[0], performed(action.options['default_value'], context)
            )
        elif type(action).__name__ == 'OpaqueFunction':
            started += action.options['function'](context)  # those that it makes begin later
        else:
            started.append(action)
    return started


def file_of(action: Recorded, context: Context) -> str:
    """Path of the file that an action includes."""
    (source,) = action.given
    return performed(source.given[0], context)
