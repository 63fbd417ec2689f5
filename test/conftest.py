"""Shared by all tests: third-party data, and a ROS graph that no other test hears."""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
NO_DATA = 'third-party test data are absent'
# DDS maps a domain to ports; above 101 these would reach those that Linux hands out at will.
LAST_DOMAIN = 101


@pytest.fixture(scope='session')
def data_dir() -> Path:
    """Folder of third-party data; a test that asks for it is skipped where there is none."""
    named = os.environ.get('DEXGRASP_TEST_DATA')
    folder = Path(named) if named else ROOT.parent / 'shared' / 'data'
    if not folder.is_dir():
        pytest.skip(f'{NO_DATA}: no folder {folder} (set DEXGRASP_TEST_DATA)')
    return folder


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Count the tests that saw no data, so that a green run does not hide them."""
    skipped = terminalreporter.getreports('skipped')
    count = sum(NO_DATA in str(report.longrepr) for report in skipped)
    if count:
        terminalreporter.write_line(f'{count} tests skipped: {NO_DATA}', yellow=True)


@pytest.fixture(scope='session', autouse=True)
def ros_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Logs in a temporary folder, discovery on this machine only; child processes inherit both."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('ROS_LOG_DIR', str(tmp_path_factory.mktemp('ros_log')))
        patch.setenv('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
        patch.delenv('ROS_LOCALHOST_ONLY', raising=False)
        yield


@pytest.fixture(scope='session')
def domain_counter() -> Iterator[int]:
    """Where each test starts to look for a free domain; processes start at different ones."""
    return itertools.count(7 * os.getpid())


@pytest.fixture
def ros_domain(domain_counter: Iterator[int], monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Give the test a ROS domain that no other test on this machine uses meanwhile."""
    with lease_domain(next(domain_counter)) as domain:
        monkeypatch.setenv('ROS_DOMAIN_ID', str(domain))
        yield domain


@pytest.fixture(scope='module')
def module_ros_domain(domain_counter: Iterator[int]) -> Iterator[int]:
    """Give the tests of a module that share one graph a domain of their own."""
    with lease_domain(next(domain_counter)) as domain, pytest.MonkeyPatch.context() as patch:
        patch.setenv('ROS_DOMAIN_ID', str(domain))
        yield domain


@contextlib.contextmanager
def lease_domain(start: int) -> Iterator[int]:
    """Hold a domain that nobody else holds; counting on from `start`.

    Counting on, since a participant of the test before lives on for a moment.
    """
    folder = Path(tempfile.gettempdir()) / f'dexgrasp_ros_domains_{os.getuid()}'
    folder.mkdir(exist_ok=True)
    for step in range(LAST_DOMAIN):
        domain = 1 + (start + step) % LAST_DOMAIN
        with (folder / str(domain)).open('w') as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            yield domain
            return
    pytest.fail(f'all {LAST_DOMAIN} ROS domains are in use by other tests')
