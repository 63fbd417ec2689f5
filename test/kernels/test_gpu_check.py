"""The first run on a GPU: its parts on the CPU, and what fails or hangs stops nothing else."""

from __future__ import annotations

import argparse
import json
import re

import gpu_check
import gpu_parts
import pytest

# In place of `gpu_parts.py`: parts that do as they are called.
PARTS = """
import json, pathlib, sys, time

def main():
    name, out = sys.argv[1], sys.argv[-1].partition('=')[2]
    if name == 'request':
        sys.exit('the device is | lost')
    if name == 'tests':
        time.sleep(60)
    if name != 'agreement':
        pathlib.Path(out).write_text(json.dumps({'seconds': 1234.5, 'name': name, 'count': 3}))
"""


@pytest.fixture
def options(tmp_path):
    return argparse.Namespace(
        device='cpu', batches=(8, 16), repeats=1, iterations=2, minutes=1.0, count=8
    )


def test_what_fails_and_hangs_is_told_and_the_rest_is_there(options, tmp_path, monkeypatch):
    (tmp_path / 'gpu_parts.py').write_text(PARTS, encoding='utf-8')
    monkeypatch.setattr(gpu_check, 'HERE', tmp_path)
    monkeypatch.setitem(gpu_check.LIMITS, 'tests', 1.0)
    found = gpu_check.check(options)
    parts = found['parts']
    assert [name for name, part in parts.items() if not part['ok']] == [
        *('tests', 'agreement', 'request')
    ]
    assert 'not done after' in parts['tests']['problem']
    assert parts['batch of 16']['figures']['name'] == 'batch'
    rows = [line.split(' | ') for line in gpu_check.markdown(found).splitlines()]
    assert {len(row) for row in rows} == {3}  # also where a message has a bar in it
    assert ['| roofline, 16', 'seconds', '1,234 |'] in rows
    assert json.loads(json.dumps(found)) == found


def test_without_time_nothing_is_begun(options):
    options.minutes = 0.0
    assert all(p['problem'] == 'no time left' for p in gpu_check.check(options)['parts'].values())


def test_what_a_bare_machine_needs_is_there_and_locked():
    assert gpu_check.missing() == []
    pins = gpu_check.locked()
    assert len(pins) == len(gpu_check.NEEDED)
    assert all(re.fullmatch(r'[a-z0-9-]+==\d[\w.]*', pin) for pin in pins)


def test_limits_of_all_parts():
    assert gpu_check.LIMITS.keys() == gpu_parts.PARTS.keys()


@pytest.mark.slow
def test_the_parts_on_the_cpu(options):
    """But for the tests, which would run themselves, and compiling, which all others do."""
    figures = {}
    for name in ('machine', 'agreement', 'batch', 'request', 'roofline'):
        figures[name] = gpu_parts.PARTS[name](options)
        assert figures[name] and all(
            isinstance(v, str | int | float) for v in figures[name].values()
        )
    assert figures['agreement']['energy, relative difference'] == 0.0
    assert figures['batch']['candidates a second'] > 0.0
    shares = [v for k, v in figures['roofline'].items() if k.endswith('share of the roofline')]
    assert len(shares) == 9 and all(0.0 < share < 1.5 for share in shares)
