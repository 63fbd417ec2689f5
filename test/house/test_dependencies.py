"""Each requirement has bounds, and the same ones wherever it stands; versions agree."""

import ast
import re
import tomllib
import xml.etree.ElementTree as ET
from collections import defaultdict
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import dexgrasp_ros

ROOT = Path(__file__).resolve().parents[2]
LISTS = (
    'requirements-arms.txt',
    'requirements-cluster.txt',
    'requirements-colcon.txt',
    'requirements-dev.txt',
    'requirements-docs.txt',
    'requirements-gpu.txt',
    'requirements-learning.txt',
    'requirements-supply.txt',
    'msg/pip/build-requirements.txt',
    'msg/pip/runtime-requirements.txt',
)


def requirements() -> dict[str, list[tuple[str, Requirement]]]:
    """Every requirement by name, with the file it stands in."""
    found = defaultdict(list)
    for path in ('pyproject.toml', 'msg/pyproject.toml'):
        project = tomllib.loads((ROOT / path).read_text())
        lines = project['build-system']['requires'] + project.get('project', {}).get(
            'dependencies', []
        )
        for line in lines:
            found[Requirement(line).name].append((path, Requirement(line)))
    for path in LISTS:
        for line in (ROOT / path).read_text().splitlines():
            if line and not line.startswith(('#', '-r')):
                found[Requirement(line).name].append((path, Requirement(line)))
    return found


@pytest.mark.parametrize(('name', 'places'), requirements().items(), ids=requirements())
def test_requirement_is_bounded_and_agrees(name, places):
    specifiers = {str(requirement.specifier) for _, requirement in places}
    assert len(specifiers) == 1, f'{name} differs: {places}'
    assert {'<', '=='} & {s.operator for s in places[0][1].specifier}, f'{name} has no upper bound'
    files = [path for path, _ in places]
    assert len(files) == len(set(files)), f'{name} stands twice in one file'


def test_ros_wheels_are_pinned_to_one_release():
    loose = {n: p for n, p in requirements().items() if n.startswith('ros-')
             and str(p[0][1].specifier)[:2] != '=='}  # fmt: skip
    assert not loose


def package_xml(path: str) -> ET.Element:
    return ET.parse(ROOT / path / 'package.xml').getroot()


def test_the_version_is_the_same_everywhere():
    versions = {p: package_xml(p).findtext('version') for p in ('', 'msg')}
    assert versions == {'': dexgrasp_ros.__version__, 'msg': dexgrasp_ros.__version__}


def test_the_outer_package_depends_on_what_the_interfaces_need():
    outer, inner = ({e.text for e in package_xml(p).findall('depend')} for p in ('', 'msg'))
    assert inner <= outer


def test_interfaces_depend_on_just_the_packages_that_they_name():
    used = set()
    for file in (ROOT / 'msg').glob('*/*'):
        if file.suffix in {'.msg', '.srv', '.action'}:
            fields = re.sub(r'#.*', '', file.read_text())
            used |= set(re.findall(r'\b([a-z0-9_]+)/[A-Z]\w*', fields))
    declared = {e.text for e in package_xml('msg').findall('depend')}
    # Every action holds action_msgs without naming it.
    assert used - {'dexgrasp_msgs'} | {'action_msgs'} == declared


def test_message_packages_that_the_nodes_import_are_declared():
    declared = {e.text for e in package_xml('') if e.tag.endswith('depend')} | {'dexgrasp_msgs'}
    imported = set()
    for file in (ROOT / 'dexgrasp_ros').rglob('*.py'):
        # What stands at the top of a file is needed; what stands in a function may be optional.
        for node in ast.parse(file.read_text()).body:
            if isinstance(node, ast.Import):
                imported |= {alias.name.split('.')[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                imported.add(node.module.split('.')[0])
    ros = {n for n in imported if n.endswith('_msgs') or n in {'rclpy', 'std_srvs'}}
    assert ros <= declared
