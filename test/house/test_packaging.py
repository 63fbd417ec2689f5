"""`pip install .` puts every file where the program and ROS look for it."""

import configparser
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ('config', 'launch', 'rviz', 'urdf')


@pytest.fixture(scope='module')
def wheel(tmp_path_factory):
    """The wheel of this tree, without what it depends on; built beside the tree, not in it."""
    folder = tmp_path_factory.mktemp('wheel')
    copied = subprocess.run(
        ['git', 'ls-files', '--cached', '--others', '--exclude-standard'],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    for name in copied.stdout.splitlines():
        if (ROOT / name).is_file():
            (folder / 'tree' / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / 'tree' / name).write_bytes((ROOT / name).read_bytes())
    subprocess.run(
        [sys.executable, '-m', 'pip', 'wheel', '--quiet', '--no-deps', '--no-index',
         '--no-build-isolation', '--wheel-dir', folder, folder / 'tree'],
        check=True,
    )  # fmt: skip
    with zipfile.ZipFile(next(folder.glob('*.whl'))) as archive:
        yield archive


def test_every_module_is_in_the_wheel(wheel):
    modules = {p.relative_to(ROOT).as_posix() for p in (ROOT / 'dexgrasp_ros').rglob('*.py')}
    assert modules | {'dexgrasp_ros/py.typed'} <= set(wheel.namelist())


def test_the_model_is_in_the_wheel(wheel):
    models = ROOT / 'dexgrasp_ros' / 'learning' / 'models'
    files = {p.relative_to(ROOT).as_posix() for p in models.rglob('*') if p.is_file()}
    assert len(files) == 5 and files <= set(wheel.namelist())


@pytest.mark.parametrize('folder', FOLDERS)
def test_shared_files_are_in_the_wheel(wheel, folder):
    names = {n.partition('/data/share/dexgrasp_ros/')[2] for n in wheel.namelist()}
    files = {
        p.relative_to(ROOT).as_posix()
        for p in (ROOT / folder).rglob('*')
        if p.is_file() and '__pycache__' not in p.parts
    }
    assert files <= names


def test_ros_finds_the_package_and_its_executables(wheel):
    names = {n.partition('.data/data/')[2]: n for n in wheel.namelist()}
    assert 'share/ament_index/resource_index/packages/dexgrasp_ros' in names
    assert 'share/dexgrasp_ros/package.xml' in names
    config = configparser.ConfigParser()
    config.read(ROOT / 'setup.cfg')
    scripts = config['options.entry_points']['console_scripts'].strip().splitlines()
    for executable in (s.split('=')[0].strip() for s in scripts):
        entry = wheel.getinfo(names[f'lib/dexgrasp_ros/{executable}'])
        assert entry.external_attr >> 16 & 0o111, f'{executable} is not executable'
    entries = next(n for n in wheel.namelist() if n.endswith('entry_points.txt'))
    assert [s.replace(' ', '') for s in scripts] == [
        line.replace(' ', '')
        for line in wheel.read(entries).decode().splitlines()
        if line and not line.startswith('[')
    ]
