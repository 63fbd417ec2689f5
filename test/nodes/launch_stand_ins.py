"""Stand-ins for the classes of `launch` and `launch_ros` that launch files use.

Each keeps what it was given; nothing is started. The real ones are not on PyPI.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

ROOT = Path(__file__).resolve().parents[2]


class Recorded:
    """What an object was made with."""

    def __init__(self, *args, **kwargs):
        self.args, self.kwargs = args, kwargs

    def __getattr__(self, name):
        try:
            return self.kwargs[name]
        except KeyError:
            raise AttributeError(name) from None


class LaunchConfiguration(Recorded):
    """The value of a launch argument."""

    def perform(self, context):
        """Look it up, as launch does."""
        return context.launch_configurations[self.args[0]]


class FindPackageShare(Recorded):
    """The package's share folder, here the source tree."""

    def perform(self, _context):
        """Give the folder."""
        return str(ROOT)


def recorded(*names):
    return {name: type(name, (Recorded,), {}) for name in names}


MODULES = {
    'launch': recorded('Action', 'LaunchContext', 'LaunchDescription'),
    'launch.actions': recorded(
        'DeclareLaunchArgument',
        'EmitEvent',
        'IncludeLaunchDescription',
        'LogInfo',
        'OpaqueFunction',
        'RegisterEventHandler',
    ),
    'launch.event_handlers': recorded('OnProcessExit', 'OnProcessStart', 'OnShutdown'),
    'launch.events': {},
    'launch.events.process': recorded('SignalProcess'),
    'launch.launch_description_sources': recorded('PythonLaunchDescriptionSource'),
    'launch.substitutions': {'LaunchConfiguration': LaunchConfiguration},
    'launch_ros': {},
    'launch_ros.actions': recorded('LifecycleNode', 'Node'),
    'launch_ros.parameter_descriptions': recorded('ParameterValue'),
    'launch_ros.substitutions': {'FindPackageShare': FindPackageShare},
}


@pytest.fixture
def launched(monkeypatch):
    """What a launch file of the package makes of its arguments."""
    for name, contents in MODULES.items():
        module = ModuleType(name)
        vars(module).update(contents)
        monkeypatch.setitem(sys.modules, name, module)

    def make(name, **arguments):
        path = ROOT / 'launch' / f'{name}.launch.py'
        spec = importlib.util.spec_from_file_location(f'{name}_launch', path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        *declared, opaque = module.generate_launch_description().args[0]
        values = {d.args[0]: d.kwargs['default_value'] for d in declared}
        assert set(arguments) <= set(values)
        context = SimpleNamespace(launch_configurations=values | arguments, is_shutdown=False)
        return opaque.function(context)

    return make


def of_kind(actions, *kinds):
    """Those actions that are of some kinds, by name of the class."""
    return [a for a in actions if type(a).__name__ in kinds]


def nodes_of(actions):
    """Actions that start nodes, by name."""
    return {a.name: a for a in of_kind(actions, 'Node', 'LifecycleNode')}
