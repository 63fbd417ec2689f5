"""Stand-ins for the classes of `launch` and `launch_ros` that launch files use.

Each keeps what it was given; nothing is started. The real ones are not on PyPI.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
SHARE = '/share'  # of the packages of others


class Recorded:
    """What an object was made with."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.args, self.kwargs = args, kwargs

    def __getattr__(self, name: str) -> Any:
        try:
            return self.kwargs[name]
        except KeyError:
            raise AttributeError(name) from None


class Context:
    """Launch configurations by name, which of them were declared, whether the end has begun."""

    def __init__(self, **configurations: str) -> None:
        self.launch_configurations, self.is_shutdown = configurations, False
        self.declared: set[str] = set()


class Substitution(Recorded):
    """What becomes text."""

    def perform(self, context: Context) -> str:
        """Make the text."""
        raise NotImplementedError


class LaunchConfiguration(Substitution):
    """The value of a launch argument."""

    def perform(self, context: Context) -> str:
        return context.launch_configurations[self.args[0]]


class FindPackageShare(Substitution):
    """A package's share folder, here the source tree."""

    def perform(self, context: Context) -> str:
        name = performed(self.args[0], context)
        return str(ROOT) if name == 'dexgrasp_ros' else f'{SHARE}/{name}'


class PathJoinSubstitution(Substitution):
    """Parts of a path, each of which may be several in a row."""

    def perform(self, context: Context) -> str:
        return '/'.join(performed(part, context) for part in self.args[0])


MODULES: dict[str, dict[str, type]] = {
    'launch': {},
    'launch.actions': {},
    'launch.conditions': {},
    'launch.event_handlers': {},
    'launch.events': {},
    'launch.events.process': {},
    'launch.launch_description_sources': {},
    'launch.substitutions': {
        'LaunchConfiguration': LaunchConfiguration,
        'PathJoinSubstitution': PathJoinSubstitution,
    },
    'launch_ros': {},
    'launch_ros.actions': {},
    'launch_ros.parameter_descriptions': {},
    'launch_ros.substitutions': {'FindPackageShare': FindPackageShare},
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
        for name, classes in MODULES.items():
            module = ModuleType(name)
            vars(module).update(classes)
            # Each other name is a class of its own that records.
            module.__getattr__ = lambda wanted, m=module: vars(m).setdefault(
                wanted, type(wanted, (Recorded,), {})
            )
            patch.setitem(sys.modules, name, module)
        yield


@pytest.fixture
def launched() -> Iterator[Callable[..., list[Recorded]]]:
    """What a launch file of the package makes of its arguments."""

    def make(name: str, **arguments: str) -> list[Recorded]:
        context = Context(**arguments)
        made = actions_of(ROOT / 'launch' / f'{name}.launch.py', context)
        assert set(arguments) <= context.declared
        return made

    with stand_ins():
        yield make


def actions_of(path: Path | str, context: Context) -> list[Recorded]:
    """All that a launch file does; what it declares comes into the context."""
    spec = importlib.util.spec_from_file_location('launch_file', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    done: list[Recorded] = []
    for action in module.generate_launch_description().args[0]:
        if type(action).__name__ == 'DeclareLaunchArgument':
            (name,) = action.args
            context.declared.add(name)
            default = performed(action.default_value, context)
            context.launch_configurations.setdefault(name, default)
        elif type(action).__name__ == 'OpaqueFunction':
            done += action.function(context)
        else:
            done.append(action)
    return done


def file_of(action: Recorded, context: Context) -> str:
    """Path of the file that an action includes."""
    (source,) = action.args
    return performed(source.args[0], context)


def all_nodes(path: Path | str, context: Context) -> dict[str, Recorded]:
    """Actions that start nodes of this package, by name, in included files of it as well."""
    actions = actions_of(path, context)
    found = nodes_of(actions)
    for include in of_kind(actions, 'IncludeLaunchDescription'):
        context.launch_configurations.update(include.kwargs.get('launch_arguments', ()))
        found |= all_nodes(file_of(include, context), context)
    return found


def of_kind(actions: list[Recorded], *kinds: str) -> list[Recorded]:
    """Those actions that are of some kinds, by name of the class."""
    return [a for a in actions if type(a).__name__ in kinds]


def nodes_of(actions: list[Recorded]) -> dict[str, Recorded]:
    """Actions that start nodes, by name."""
    return {a.name: a for a in of_kind(actions, 'Node', 'LifecycleNode')}


def ros_arguments(node: Recorded, folder: Path) -> list[str]:
    """What launch_ros starts a node with, in a folder for files of parameters."""
    namespace = '/' + (node.kwargs.get('namespace') or '').strip('/')
    given = ['--ros-args', '-r', f'__ns:={namespace}', '-r', f'__node:={node.name}']
    for number, entry in enumerate(node.parameters):
        file = entry
        if isinstance(entry, dict):  # in a file with a section of the full name
            own = {name: getattr(value, 'args', [value])[0] for name, value in entry.items()}
            section = f'{namespace}/{node.name}'.replace('//', '/')
            file = folder / f'{node.name}_{number}.yaml'
            file.write_text(yaml.safe_dump({section: {'ros__parameters': own}}))
        given += ['--params-file', str(file)]
    for pair in node.kwargs.get('remappings', ()):
        given += ['-r', ':='.join(pair)]
    return given
