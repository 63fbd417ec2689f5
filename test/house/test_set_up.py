"""What a machine lacks is named in one line, with the command that installs it."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ('sh', 'uname', 'dirname', 'env')


@pytest.fixture
def machine(tmp_path):
    """A PATH with the shell's tools alone; the test adds what else the machine has."""
    folder = tmp_path / 'bin'
    folder.mkdir()
    for tool in TOOLS:
        (folder / tool).symlink_to(shutil.which(tool))
    return folder


def install(machine: Path, name: str, script: str) -> None:
    (machine / name).write_text(f'#!/bin/sh\n{script}\n')
    (machine / name).chmod(0o755)


def make_venv(machine: Path, target: Path, *python: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        ['sh', ROOT / 'scripts' / 'make_venv.sh', target, *python],
        env={'PATH': str(machine), 'HOME': os.environ.get('HOME', '/')},
        capture_output=True,
        text=True,
        check=False,
    )


def complaint(done: subprocess.CompletedProcess) -> str:
    assert done.returncode != 0
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    return lines[0]


def test_no_python(machine, tmp_path):
    line = complaint(make_venv(machine, tmp_path / 'venv'))
    assert 'Python 3.11 to 3.14 is needed' in line
    assert 'apt-get install python3.11 python3.11-venv python3.11-dev' in line


def test_python_too_old(machine, tmp_path):
    install(machine, 'python3', 'case "$1" in -V) echo Python 3.9.2;; *) exit 1;; esac')
    line = complaint(make_venv(machine, tmp_path / 'venv'))
    assert 'there is Python 3.9.2' in line


def test_everything_that_is_missing_stands_in_one_line(machine, tmp_path):
    # The right version, without the venv module and the headers.
    install(machine, 'python3', 'case "$2" in *version_info*) exit 0;; *) exit 1;; esac')
    line = complaint(make_venv(machine, tmp_path / 'venv'))
    assert line.endswith('apt-get install python3-venv python3-dev g++')


def test_a_named_python_that_does_not_fit_is_refused(machine, tmp_path):
    install(machine, 'python2', 'exit 1')
    assert 'PYTHON=python2' in complaint(make_venv(machine, tmp_path / 'venv', 'python2'))


def test_a_machine_without_the_wheels_is_told_of_the_other_route(machine, tmp_path):
    (machine / 'uname').unlink()
    install(machine, 'uname', 'echo Darwin arm64')
    assert 'ROS 2 workspace' in complaint(make_venv(machine, tmp_path / 'venv'))


def test_stamps_name_the_content_of_what_the_steps_read(tmp_path):
    """A changed interface asks for a new build, a changed comment in a test does not."""
    tree = tmp_path / 'tree'
    shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns('.*', 'build', '__pycache__'))

    def plan() -> str:
        return subprocess.run(
            ['make', '-n', 'messages'],
            cwd=tree, env={'PATH': os.environ['PATH']}, capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip

    def touch_stamps(text: str) -> None:
        for word in text.split():
            if word.startswith('.venv/stamps/') and '*' not in word:
                (tree / word).parent.mkdir(parents=True, exist_ok=True)
                (tree / word).touch()

    touch_stamps(plan())
    assert 'install' not in plan()
    (tree / 'README.md').write_text('changed')
    assert 'install' not in plan()
    with (tree / 'msg' / 'msg' / 'Grasp.msg').open('a') as file:
        file.write('\nfloat64 width\n')
    assert './msg' in plan()
    assert '--editable' not in plan() and '-e ' not in plan()


@pytest.mark.parametrize(('code', 'goes_on'), [(0, True), (5, True), (1, False)])
def test_where_only_colcon_failed_it_is_tried_again(tmp_path, code, goes_on):
    """pytest ends with 5 where it has nothing to try."""
    shutil.copy(ROOT / 'Makefile', tmp_path)
    (tmp_path / 'bin').mkdir()
    install(tmp_path / 'bin', 'python', f'exit {code}')
    made = [f'COLCON_{step}={step}' for step in ('MADE', 'INSTALLED', 'MESSAGES', 'TESTED')]
    for step in made:
        (tmp_path / step.split('=')[1]).touch()
    done = subprocess.run(
        ['make', '-o', 'lint', 'test-again', 'BIN=bin', *made],
        cwd=tmp_path,
        env={'PATH': os.environ['PATH']},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode == 0) == goes_on
    assert ("'colcon'" in done.stdout) == goes_on, done.stdout + done.stderr
    assert ('No test of pytest had failed' in done.stdout) == (code == 5)
