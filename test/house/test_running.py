"""How tests are run: what is slow waits to be asked for, what hangs is ended with a stack."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

TESTS = """
import time
import pytest

@pytest.mark.parametrize(
    'count',
    [pytest.param(1, marks=pytest.mark.short), pytest.param(2, marks=pytest.mark.slow)],
)
def test_cancels(count):
    assert count

def test_needs_a_moon():
    pytest.skip('there is no moon')

def test_hangs():
    if {hangs}:
        waits_for_ever()

def waits_for_ever():
    while True:
        time.sleep(0.01)
"""


@pytest.fixture
def run(tmp_path):
    """Run three small tests with the settings and the conftest of this project."""
    shutil.copy(ROOT / 'test' / 'conftest.py', tmp_path)

    def run(*words: str, hangs: bool = False) -> tuple[int, str]:
        (tmp_path / 'test_few.py').write_text(TESTS.format(hangs=hangs))
        command = [sys.executable, '-m', 'pytest', '-c', str(ROOT / 'pyproject.toml')]
        done = subprocess.run(
            [*command, '-p', 'no:cacheprovider', '-p', 'no:randomly', *words, str(tmp_path)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    return run


def test_what_is_slow_waits_and_what_hangs_is_ended(run):
    code, said = run('--timeout', '1', hangs=True)
    assert code == 1, said
    assert '1 failed, 1 passed, 2 skipped' in said
    assert '    1 slow: `make test-all`, or --slow, runs it' in said
    assert '    1 there is no moon' in said
    assert 'Timeout (>1.0s)' in said and 'def waits_for_ever():' in said


def test_all_tests_run_side_by_side_when_asked_for(run):
    code, said = run('--slow', '--numprocesses', '2', '--dist', 'loadfile')
    assert code == 0, said
    assert '2 passed, 2 skipped' in said and 'slow:' not in said
    assert '    1 short: with --slow its long form runs in its place' in said
    assert '    1 there is no moon' in said
