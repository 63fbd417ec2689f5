"""Launch files and parameter files; starting them needs launch_ros, which pip does not have."""

from __future__ import annotations

import ast
import functools
import importlib.util
from pathlib import Path

import pytest

pytest.importorskip('rclpy')

import yaml

from dexgrasp_ros.bridge.parameters import parameter_fields
from dexgrasp_ros.nodes.parameter_documents import (
    NODE_PARAMETERS,
    parameter_page,
    parameter_yaml,
)
from dexgrasp_ros.nodes.synthesis.parameters import GraspParameters

ROOT = Path(__file__).resolve().parents[2]
LAUNCH_FILES = sorted((ROOT / 'launch').glob('*.launch.py'))


@pytest.mark.parametrize('path', LAUNCH_FILES, ids=lambda p: p.name)
def test_every_launch_argument_has_a_description(path):
    tree = ast.parse(path.read_text(encoding='utf-8'))
    (arguments,) = (
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and node.targets[0].id == 'ARGUMENTS'
    )
    assert arguments
    for name, (_, description) in arguments.items():
        assert len(description) > 10, name


@pytest.mark.parametrize('path', LAUNCH_FILES, ids=lambda p: p.name)
def test_launch_reads_the_file(path):
    pytest.importorskip('launch_ros')
    spec = importlib.util.spec_from_file_location('launch_file', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    description = module.generate_launch_description()
    declared = {a.name for a in description.get_launch_arguments()}
    assert set(module.ARGUMENTS) <= declared


@pytest.mark.parametrize('name', NODE_PARAMETERS)
def test_the_parameter_file_is_what_the_dataclass_says(name):
    """If it is not: ``python -m dexgrasp_ros.nodes.parameter_documents .``."""
    text = (ROOT / 'config' / f'{name}.yaml').read_text(encoding='utf-8')
    assert text == parameter_yaml(NODE_PARAMETERS[name])
    read = yaml.safe_load(text)['/**']['ros__parameters']
    for full, about, value in parameter_fields(NODE_PARAMETERS[name]()):
        found = functools.reduce(lambda branch, part: branch[part], full.split('.'), read)
        assert found == value
        assert type(found) is type(value), full
        assert about['text']


def test_the_tables_of_parameters_are_what_the_dataclasses_say():
    """If they are not: ``python -m dexgrasp_ros.nodes.parameter_documents .``."""
    page = (ROOT / 'docs' / 'parameters.md').read_text(encoding='utf-8')
    assert page == parameter_page()
    for node, config_type in NODE_PARAMETERS.items():
        assert f'## `{node}`' in page
        for name, _, _ in parameter_fields(config_type()):
            assert f'`{name}`' in page


def test_the_closed_loop_sets_parameters_that_there_are():
    files = sorted((ROOT / 'config' / 'closed_loop').glob('*.yaml'))
    assert files
    for file in files:
        defaults = {
            name: value for name, _, value in parameter_fields(NODE_PARAMETERS[file.stem]())
        }
        # Under this name, or those of a user's file would come before it.
        (section,) = yaml.safe_load(file.read_text(encoding='utf-8')).items()
        assert section[0] == '/**'
        for name, value in section[1]['ros__parameters'].items():
            assert type(value) is type(defaults[name]), name
            assert value != defaults[name], name


def test_rviz_shows_what_the_nodes_publish():
    text = (ROOT / 'rviz' / 'dexgrasp.rviz').read_text(encoding='utf-8')
    displays = yaml.safe_load(text)['Visualization Manager']['Displays']
    topics = {d['Topic']['Value'] for d in displays if 'Topic' in d}
    assert topics == {'object_markers', 'grasp_markers', 'grasp_poses'}
    robots = [d for d in displays if 'Description Topic' in d]
    assert [(d['Description Topic']['Value'], d['TF Prefix']) for d in robots] == [
        ('robot_description', ''),
        ('planned_hand', GraspParameters().planned_prefix),
    ]
    (grasps,) = (d for d in displays if d['Name'] == 'Grasps')
    assert set(grasps['Namespaces']) == {'hand', 'contacts', 'friction_cones', 'object', 'scores'}
