"""The locks name each dependency with its hashes, within its range; pip takes them as they are."""

import itertools
import re
import tomllib
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
PYTHONS = ('3.11', '3.12', '3.13', '3.14')
MACHINES = ('x86_64', 'aarch64')
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
    'build': (),
}


def requirements(path: str) -> list[Requirement]:
    text = (ROOT / path).read_text()
    if path.endswith('.toml'):
        lines = tomllib.loads(text)['project']['dependencies']
    else:
        lines = [line for line in text.splitlines() if line and not line.startswith(('#', '-r'))]
    return [Requirement(line) for line in lines]


def entries(lock: str) -> list[tuple[Requirement, list[str]]]:
    """What a lock pins, each with its hashes; nothing else stands in it."""
    found = []
    text = (ROOT / 'locks' / f'{lock}.txt').read_text().replace('\\\n', '')
    for line in text.splitlines():
        if not line.startswith('#'):
            pin, *hashes = re.split(r'\s+--hash=', line.rstrip())
            found.append((Requirement(pin), hashes))
    return found


def pins(lock: str, python: str, machine: str) -> dict[str, str]:
    """The versions that a machine takes."""
    environment = default_environment() | {
        'python_version': python,
        'python_full_version': f'{python}.9',
        'platform_machine': machine,
        'platform_system': 'Linux',
        'sys_platform': 'linux',
    }
    found = {}
    for pin, _ in entries(lock):
        if pin.marker is None or pin.marker.evaluate(environment):
            assert pin.name not in found, f'{pin.name} has two versions'
            (specifier,) = pin.specifier
            assert specifier.operator == '=='
            found[pin.name] = specifier.version
    return found


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


def test_the_environment_of_the_site_holds_that_of_the_tests():
    for python, machine in itertools.product(PYTHONS, MACHINES):
        assert pins('venv', python, machine).items() <= pins('docs', python, machine).items()
