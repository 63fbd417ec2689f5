"""What a lock file pins, on which machine."""

from __future__ import annotations

import re
from pathlib import Path

from packaging.markers import default_environment
from packaging.requirements import Requirement

LOCKS = Path(__file__).resolve().parents[2] / 'locks'
PYTHONS = ('3.11', '3.12', '3.13', '3.14')
MACHINES = ('x86_64', 'aarch64')


def entries(lock: str) -> list[tuple[Requirement, list[str]]]:
    """What a lock pins, each with its hashes; nothing else stands in it."""
    found = []
    text = (LOCKS / f'{lock}.txt').read_text().replace('\\\n', '')
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
