"""The route of a workspace with apt's ROS: one script, which README, Dockerfile and workflow call.

The script runs here as far as pip and colcon, which stand-ins replace that write down what they
were given; the rest was run by hand, as docs/workspace.md tells.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = (ROOT / 'docker' / 'Dockerfile').read_text()
TOOLS = ('sh', 'dirname', 'env', 'mkdir', 'touch', 'tail', 'chmod')


@pytest.fixture
def workspace(tmp_path):
    """A workspace with this package's scripts, and a PATH with tools, a Python and a colcon."""
    package = tmp_path / 'src' / 'dexgrasp_ros'
    package.mkdir(parents=True)
    shutil.copy(ROOT / 'pyproject.toml', package)
    shutil.copytree(ROOT / 'scripts', package / 'scripts')
    tools = tmp_path / 'tools'
    tools.mkdir()
    for tool in TOOLS:
        (tools / tool).symlink_to(shutil.which(tool))
    executable(tools / 'colcon', f'printf "%s\\n" "$@" >{tmp_path}/colcon')
    # Makes an environment whose Python notes how it is called, and runs what needs no library.
    inner = (
        f'case "$1" in *requirements.py) exec {sys.executable} "$@";; esac\\n'
        f'echo "$@" >>{tmp_path}/called'
    )
    executable(
        tools / 'python3',
        f'case "$2" in venv) mkdir -p "$4/bin"; printf "#!/bin/sh\\n{escaped(inner)}\\n"'
        f' >"$4/bin/python"; chmod +x "$4/bin/python"; echo "$3" >{tmp_path}/venv;; esac',
    )
    return tmp_path


def escaped(text: str) -> str:
    return text.replace('"', '\\"').replace('$', '\\$')


def executable(path: Path, script: str) -> None:
    path.write_text(f'#!/bin/sh\n{script}\n')
    path.chmod(0o755)


def build(workspace: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
    script = workspace / 'src' / 'dexgrasp_ros' / 'scripts' / 'workspace.sh'
    return subprocess.run(
        [script, *arguments],
        cwd=workspace,
        env={'PATH': str(workspace / 'tools'), 'ROS_DISTRO': 'jazzy', **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_nodes_get_the_interpreter_that_sees_both_pips_and_apts_packages(workspace):
    done = build(workspace, '--symlink-install')
    assert done.returncode == 0, done.stderr
    assert (workspace / 'venv').read_text() == '--system-site-packages\n'
    assert (workspace / '.venv' / 'COLCON_IGNORE').exists()
    required = (workspace / '.venv' / 'requirements.txt').read_text()
    assert 'warp-lang' in required and 'ros-' not in required
    called = (workspace / 'called').read_text()
    assert f'-m pip --disable-pip-version-check --quiet install -r {workspace}/.venv/req' in called
    assert 'check_libraries.py' in called
    given = (workspace / 'colcon').read_text().splitlines()
    assert given[0] == 'build' and '--symlink-install' in given
    assert given[-1] == f'-DPython3_EXECUTABLE={workspace}/.venv/bin/python'


@pytest.mark.parametrize(
    ('python', 'environment', 'said'),
    [
        (None, {'ROS_DISTRO': ''}, '. /opt/ros/jazzy/setup.sh'),
        ('echo "No module named rclpy" >&2; exit 1', {}, 'cannot import rclpy'),
        ('case "$2" in *ensurepip*) exit 1;; esac', {}, 'apt-get install python3-venv'),
    ],
)
def test_what_is_missing_is_said_before_anything_is_made(workspace, python, environment, said):
    if python is not None:
        executable(workspace / 'tools' / 'python3', python)
    done = build(workspace, **environment)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1 and said in done.stderr
    assert not (workspace / '.venv').exists()


def test_readme_dockerfile_and_workflow_take_this_route():
    assert 'scripts/workspace.sh' in (ROOT / 'README.md').read_text()
    assert 'scripts/workspace.sh' in DOCKERFILE
    assert os.access(ROOT / 'scripts' / 'workspace.sh', os.X_OK)
    workflow = yaml.safe_load((ROOT / '.github' / 'workflows' / 'test.yml').read_text())
    steps = [step.get('run', '') for step in workflow['jobs']['jazzy']['steps']]
    assert any('docker build --file docker/Dockerfile' in step for step in steps)


def test_a_container_ends_its_nodes_and_is_not_root():
    instructions = re.sub(r'\\\n', ' ', DOCKERFILE)
    words = dict(re.findall(r'^(STOPSIGNAL|USER) (\S+)$', instructions, re.MULTILINE))
    assert words == {'STOPSIGNAL': 'SIGINT', 'USER': 'ubuntu'}
    # The shell of the entry point makes way for what it is given, which then hears the signal.
    assert 'exec \\"$@\\"' in instructions
    # What Open3D links against, as its loader says.
    loader = (ROOT / 'dexgrasp_ros' / 'core' / 'open3d_loader.py').read_text()
    libraries = re.search(r"apt-get install ([^.]*)'\n +' ([^.]*)\.'", loader)
    assert set(' '.join(libraries.groups()).split()) <= set(instructions.split())
    ignored = (ROOT / '.dockerignore').read_text().split()
    assert {'.git', '.venv*', 'build', 'out'} <= set(ignored)


def test_package_xml_leaves_to_apt_only_what_apt_has_new_enough():
    """Versions of Ubuntu 24.04."""
    root = ET.parse(ROOT / 'package.xml').getroot()
    keys = {e.text for e in root.iter() if e.tag.endswith('depend')}
    assert 'tf2_ros_py' in keys and 'tf2_ros' not in keys
    assert 'python3-scipy' not in keys  # 1.11.4
    from packaging.requirements import Requirement

    lines = subprocess.run(
        [sys.executable, ROOT / 'scripts' / 'requirements.py', ROOT / 'pyproject.toml'],
        capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    wanted = {r.name: r for r in map(Requirement, lines)}
    assert wanted['numpy'].specifier.contains('1.26.4')
    assert wanted['pyyaml'].specifier.contains('6.0.1')
    assert not wanted['scipy'].specifier.contains('1.11.4')
