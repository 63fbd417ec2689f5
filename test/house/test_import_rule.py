"""Levels use those before them, rooms of the nodes what is shared; only two levels know ROS."""

import ast
import graphlib
import sys
from collections.abc import Mapping, Set
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / 'dexgrasp_ros'
LEVELS = (
    ('core',),
    ('kernels',),
    ('hand', 'object'),
    ('motion', 'perception', 'synthesis', 'simulation'),
    ('evaluation',),
    ('dataset', 'learning', 'viewer'),
    ('bridge',),
    ('nodes',),
    ('cli',),
)
LEVEL_OF = {part: level for level, parts in enumerate(LEVELS) for part in parts}
KNOW_ROS = ('bridge', 'nodes')
ROS_MODULES = {'rclpy', 'builtin_interfaces', 'std_srvs', 'tf2_ros', 'tf2_py', 'message_filters'}
ROS_PREFIXES = ('ament_', 'launch', 'rosidl', 'rcl_', 'ros2')

FILES = sorted(PACKAGE.rglob('*.py'))
ROOMS = {file.parent.name for file in (PACKAGE / 'nodes').glob('*/__init__.py')}


def part_of(module: str) -> str:
    """`dexgrasp_ros.core.errors` is of the part `core`; of the package itself, the part is ''."""
    return [*module.split('.'), ''][1]


def module_of(file: Path) -> str:
    parts = ('dexgrasp_ros', *file.relative_to(PACKAGE).with_suffix('').parts)
    return '.'.join(parts[:-1] if parts[-1] == '__init__' else parts)


MODULES = {module_of(file) for file in FILES}


def room_of(module: str) -> str:
    """`dexgrasp_ros.nodes.viewer.requests` is in the room `viewer`; what is in none, in ''."""
    _, part, room, *_ = [*module.split('.'), '', '']
    return room if part == 'nodes' and room in ROOMS else ''


def imported_modules(source: str, module: str, is_folder: bool) -> set[str]:
    """Absolute names of all modules that some source imports, wherever in the file."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ''
            if node.level:
                keep = len(module.split('.')) - node.level + is_folder
                base = '.'.join([*module.split('.')[:keep], *filter(None, [base])])
            # What is named after `import` may be a part, a module or something in a module.
            for alias in node.names:
                whole = f'{base}.{alias.name}'
                found.add(whole if base == 'dexgrasp_ros' or whole in MODULES else base)
    return found


def offences(module: str, imported: set[str]) -> set[str]:
    """Those of the imported modules that the module must not use."""
    part, bad = part_of(module), set()
    for name in imported:
        root, other = name.split('.')[0], part_of(name)
        if root == 'dexgrasp_ros':
            is_value = other.startswith('__') or not other
            if (
                part
                and not is_value
                and other != part
                and (LEVEL_OF.get(other, len(LEVELS)) >= LEVEL_OF[part])
            ):
                bad.add(name)
            if part == 'kernels' and other != 'kernels':
                bad.add(name)
            room = room_of(module)
            if room and other == part and room_of(name) not in {room, 'shared'}:
                bad.add(name)
        elif part == 'kernels':
            if root not in {'warp', '__future__', 'typing'}:
                bad.add(name)
        elif part not in KNOW_ROS and is_ros(root):
            bad.add(name)
    return bad


def circle(imports: Mapping[str, Set[str]]) -> list[str]:
    """Modules each of which imports the one before it, the last of them the first; or none."""
    try:
        graphlib.TopologicalSorter(imports).prepare()
    except graphlib.CycleError as error:
        return error.args[1]
    return []


def is_ros(root: str) -> bool:
    return root in ROS_MODULES or root.endswith('_msgs') or root.startswith(ROS_PREFIXES)


@pytest.mark.parametrize('file', FILES, ids=lambda f: str(f.relative_to(PACKAGE)))
def test_file_imports_only_what_is_below_it(file):
    module = module_of(file)
    assert part_of(module) in {'', *LEVEL_OF}, f'{file} belongs to no level: name one in LEVELS'
    imported = imported_modules(file.read_text(), module, file.name == '__init__.py')
    assert offences(module, imported) == set()


def test_no_module_imports_one_that_imports_it():
    """Neither in a function nor for annotations only."""
    imports = {}
    for file in FILES:
        module = module_of(file)
        imported = imported_modules(file.read_text(), module, file.name == '__init__.py')
        imports[module] = imported & MODULES - {module}
    assert circle(imports) == []


def test_a_circle_is_seen():
    imports = {'a': {'b', 'c'}, 'b': {'c'}, 'c': {'d'}, 'd': {'b'}}
    assert set(circle(imports)) == {'b', 'c', 'd'}


@pytest.mark.parametrize(
    ('module', 'source', 'bad'),
    [
        ('dexgrasp_ros.core.a', 'import dexgrasp_ros.hand', {'dexgrasp_ros.hand'}),
        ('dexgrasp_ros.core.a', 'from dexgrasp_ros import hand', {'dexgrasp_ros.hand'}),
        ('dexgrasp_ros.core.a', 'from ..hand import b', {'dexgrasp_ros.hand'}),
        ('dexgrasp_ros.core.a', 'from . import b', set()),
        ('dexgrasp_ros.hand.a', 'def f():\n  import dexgrasp_ros.object', {'dexgrasp_ros.object'}),
        ('dexgrasp_ros.hand.a', 'from dexgrasp_ros.core.errors import HandError', set()),
        ('dexgrasp_ros.hand.a', 'from sensor_msgs.msg import Image', {'sensor_msgs.msg'}),
        ('dexgrasp_ros.cli', 'import rclpy.node', {'rclpy.node'}),
        ('dexgrasp_ros.nodes.a', 'import rclpy, dexgrasp_ros.bridge', set()),
        ('dexgrasp_ros.nodes.a', 'import dexgrasp_ros.cli', {'dexgrasp_ros.cli'}),
        ('dexgrasp_ros.kernels.a', 'import warp, dexgrasp_ros.kernels.b', set()),
        ('dexgrasp_ros.kernels.a', 'import os, dexgrasp_ros.core', {'os', 'dexgrasp_ros.core'}),
        ('dexgrasp_ros', 'import tf2_msgs.msg', {'tf2_msgs.msg'}),
    ],
)  # fmt: skip
def test_the_rule_sees_what_it_forbids(module, source, bad):
    assert offences(module, imported_modules(source, module, is_folder=False)) == bad


@pytest.mark.parametrize(
    ('module', 'source', 'bad'),
    [
        ('bags.a', 'from dexgrasp_ros.nodes import viewer', {'.viewer'}),
        ('bags.a', 'from ..viewer import requests', {'.viewer.requests'}),
        ('bags.a', 'from ..viewer.requests import ViewerRequests', {'.viewer.requests'}),
        ('bags.a', 'import dexgrasp_ros.nodes.graph', {'.graph'}),
        ('bags.a', 'from dexgrasp_ros.nodes import start_graph', {''}),
        ('bags.a', 'from . import player\nfrom ..shared import worker', set()),
        ('shared.a', 'from ..bags.player import BagPlayer', {'.bags.player'}),
        ('a', 'from dexgrasp_ros.nodes.bags.player import BagPlayer', set()),
    ],
)
def test_a_room_uses_itself_and_what_is_shared(module, source, bad):
    nodes = 'dexgrasp_ros.nodes'
    module = f'{nodes}.{module}'
    found = offences(module, imported_modules(source, module, is_folder=False))
    assert found == {nodes + name for name in bad}


def test_the_rule_does_not_take_a_standard_module_for_a_ros_one():
    assert {name for name in sys.stdlib_module_names if is_ros(name)} == set()
