"""The locks name each dependency with its hashes, within its range; pip takes them as they are."""

import itertools
import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from locks import MACHINES, PYTHONS, entries, pins

ROOT = Path(__file__).resolve().parents[2]
# What each lock is made of; `make lock`.
OF_THE_PACKAGE = (
    'pyproject.toml',
    'msg/pip/build-requirements.txt',
    'msg/pip/runtime-requirements.txt',
    'requirements-dev.txt',
)
SOURCES = {
    'venv': OF_THE_PACKAGE,
    'docs': (*OF_THE_PACKAGE, 'requirements-docs.txt'),
    'colcon': (
        'msg/pip/build-requirements.txt',
        'msg/pip/runtime-requirements.txt',
        'requirements-colcon.txt',
    ),
    'kilted': ('pyproject.toml', 'requirements-kilted.txt', 'requirements-dev.txt'),
    'learning': ('requirements-learning.txt',),
    'build': (),
}


def requirements(path: str) -> list[Requirement]:
    text = (ROOT / path).read_text()
    if path.endswith('.toml'):
        lines = tomllib.loads(text)['project']['dependencies']
    else:
        lines = [line for line in text.splitlines() if line and not line.startswith(('#', '-r'))]
    return [Requirement(line) for line in lines]


def canonical(name: str) -> str:
    return re.sub(r'[-_.]+', '-', name).lower()


@pytest.mark.parametrize('lock', SOURCES)
def test_a_lock_has_hashes_and_no_place(lock):
    assert entries(lock)
    for pin, hashes in entries(lock):
        assert hashes and pin.url is None
        assert all(re.fullmatch(r'sha256:[0-9a-f]{64}', h) for h in hashes), pin


@pytest.mark.parametrize('lock', SOURCES)
def test_each_requirement_is_locked_within_its_range(lock):
    """Where it is not, `make lock` has been forgotten."""
    for python, machine in itertools.product(PYTHONS, MACHINES):
        locked = pins(lock, python, machine)
        for path in SOURCES[lock]:
            for wanted in requirements(path):
                assert wanted.specifier.contains(locked[canonical(wanted.name)]), wanted


def test_kilted_differs_by_ros_alone():
    """What `make test-kilted` tests is what is installed elsewhere."""
    for python, machine in itertools.product(PYTHONS, MACHINES):
        both = pins('venv', python, machine), pins('kilted', python, machine)
        jazzy, kilted = ({n: v for n, v in p.items() if not n.startswith('ros-')} for p in both)
        assert kilted == jazzy


def test_the_environment_of_the_site_holds_that_of_the_tests():
    for python, machine in itertools.product(PYTHONS, MACHINES):
        assert pins('venv', python, machine).items() <= pins('docs', python, machine).items()
