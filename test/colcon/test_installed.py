"""What colcon installed: modules, interfaces, executables and files, with ROS and NumPy alone."""

import importlib.metadata
import os
import sys
from pathlib import Path

import pytest

import dexgrasp_ros
from dexgrasp_msgs.msg import ErrorCode as ErrorCodeMessage
from dexgrasp_ros.core.errors import ErrorCode

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ('config', 'launch', 'rviz', 'urdf')


def installed_share() -> Path | None:
    for prefix in filter(None, os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep)):
        if (Path(prefix) / 'share' / 'dexgrasp_ros' / 'package.xml').is_file():
            return Path(prefix) / 'share' / 'dexgrasp_ros'
    return None


@pytest.fixture
def share() -> Path:
    share = installed_share()
    if share is None:
        pytest.skip('no colcon installation in AMENT_PREFIX_PATH')
    return share


def test_error_codes_of_the_message_are_those_of_the_exceptions():
    constants = {
        name: value
        for name, value in vars(type(ErrorCodeMessage)).items()
        if isinstance(value, property)
    }
    names = {name for name in constants if name.isupper()}
    assert {name: getattr(ErrorCodeMessage, name) for name in names} == {
        code.name: code.value for code in ErrorCode
    }


@pytest.mark.parametrize('folder', FOLDERS)
def test_every_file_of_a_shared_folder_is_installed(share, folder):
    expected = {
        p.relative_to(ROOT)
        for p in (ROOT / folder).rglob('*')
        if p.is_file() and '__pycache__' not in p.parts
    }
    assert {p for p in expected if not (share / p).is_file()} == set()


def test_every_executable_of_setup_cfg_is_where_ros2_run_looks(share):
    commands = importlib.metadata.distribution('dexgrasp_ros').entry_points
    names = {c.name for c in commands if c.group == 'console_scripts'}
    assert names
    folder = share.parents[1] / 'lib' / 'dexgrasp_ros'
    assert {n for n in names if not os.access(folder / n, os.X_OK)} == set()


def test_executables_have_the_interpreter_that_the_build_was_given(share):
    """That of the workspace's environment, which alone sees what apt does not have."""
    folder = share.parents[1] / 'lib' / 'dexgrasp_ros'
    first = (folder / 'grasp_node').read_text(encoding='utf-8').splitlines()[0]
    assert first == f'#!{sys.executable}'


def test_the_installed_package_is_the_one_under_test(share):
    # Not resolved: `colcon build --symlink-install` links to the source.
    assert not Path(dexgrasp_ros.__file__).is_relative_to(ROOT / 'dexgrasp_ros')
    assert importlib.metadata.version('dexgrasp_ros') == dexgrasp_ros.__version__
