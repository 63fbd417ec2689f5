"""Each level of the house uses only those before it, never a sibling; only two levels know ROS."""

import ast
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / 'dexgrasp_ros'
LEVELS = (
    ('core',),
    ('kernels',),
    ('hand', 'object'),
    ('perception', 'synthesis', 'simulation'),
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


def part_of(module: str) -> str:
    """`dexgrasp_ros.core.errors` is of the part `core`; of the package itself, the part is ''."""
    return [*module.split('.'), ''][1]


def module_of(file: Path) -> str:
    parts = ('dexgrasp_ros', *file.relative_to(PACKAGE).with_suffix('').parts)
    return '.'.join(parts[:-1] if parts[-1] == '__init__' else parts)


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
            # `from dexgrasp_ros import core` names a part only in what follows.
            whole = {f'{base}.{alias.name}' for alias in node.names}
            found |= whole if base == 'dexgrasp_ros' else {base}
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
        elif part == 'kernels':
            if root not in {'warp', '__future__', 'typing'}:
                bad.add(name)
        elif part not in KNOW_ROS and is_ros(root):
            bad.add(name)
    return bad


def is_ros(root: str) -> bool:
    return root in ROS_MODULES or root.endswith('_msgs') or root.startswith(ROS_PREFIXES)


@pytest.mark.parametrize('file', FILES, ids=lambda f: str(f.relative_to(PACKAGE)))
def test_file_imports_only_what_is_below_it(file):
    module = module_of(file)
    assert part_of(module) in {'', *LEVEL_OF}, f'{file} belongs to no level: name one in LEVELS'
    imported = imported_modules(file.read_text(), module, file.name == '__init__.py')
    assert offences(module, imported) == set()


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


def test_the_rule_does_not_take_a_standard_module_for_a_ros_one():
    assert {name for name in sys.stdlib_module_names if is_ros(name)} == set()
