"""Shared by all tests: what is skipped and why, third-party data, a ROS domain, a browser."""

from __future__ import annotations

import fcntl
import functools
import gc
import io
import itertools
import os
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
NO_DATA = 'third-party test data are absent'
NODES = ROOT / 'test' / 'nodes'
SLOW = 'slow: `make test-all`, or --slow, runs it'
SHORT = 'short: with --slow its long form runs in its place'
SLOW_LIMIT = 1500  # s, for a slow test
MadeOnce = Callable[[str, Callable[[Path], object]], Path]  # see the fixture


@pytest.fixture(scope='session')
def data_dir() -> Path:
    """Folder of third-party data; a test that asks for it is skipped where there is none."""
    named = os.environ.get('DEXGRASP_TEST_DATA')
    folder = Path(named) if named else ROOT.parent / 'shared' / 'data'
    if not folder.is_dir():
        pytest.skip(f'{NO_DATA}: no folder {folder} (set DEXGRASP_TEST_DATA)')
    return folder


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that runs what is long by nature."""
    parser.addoption('--slow', action='store_true', help='run the tests marked slow as well')


@functools.cache
def _has_cuda() -> bool:
    import warp as wp

    from dexgrasp_ros.core.warp_loader import start_warp

    start_warp()
    return wp.is_cuda_available()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip what is slow, or give it time; let files of nodes alternate with others."""
    for item in items:
        if item.get_closest_marker('cuda') and not _has_cuda():
            item.add_marker(pytest.mark.skip(reason='there is no CUDA device'))
        if item.get_closest_marker('short') and config.getoption('--slow'):
            item.add_marker(pytest.mark.skip(reason=SHORT))
        elif item.get_closest_marker('slow') and not config.getoption('--slow'):
            item.add_marker(pytest.mark.skip(reason=SLOW))
        elif item.get_closest_marker('slow') and not item.get_closest_marker('timeout'):
            item.add_marker(pytest.mark.timeout(SLOW_LIMIT))
    # Tests of nodes are long and wait; others compute. Side by side they leave no core idle, and
    # none of the long ones is left for the end, when nothing else is to be done.
    files = [list(tests) for _, tests in itertools.groupby(items, lambda item: item.path)]
    if config.getoption('--slow'):
        files.sort(key=lambda tests: not any(test.get_closest_marker('slow') for test in tests))
    waiting = [tests for tests in files if NODES in tests[0].path.parents]
    computing = [tests for tests in files if NODES not in tests[0].path.parents]
    pairs = itertools.zip_longest(waiting, computing, fillvalue=[])
    items[:] = [item for pair in pairs for tests in pair for item in tests]


def pytest_collection_finish() -> None:
    """Let the garbage collector pass over what stays: a twentieth of the time would go there."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was skipped and why, so that a green run does not hide it."""
    skipped = terminalreporter.getreports('skipped')
    reasons = Counter(report.longrepr[2].removeprefix('Skipped: ') for report in skipped)
    if reasons:
        terminalreporter.section('skipped')
    for reason, count in reasons.most_common():
        terminalreporter.write_line(f'{count:5} {reason}', yellow=True)


@pytest.fixture(scope='session', autouse=True)
def ros_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Logs in a temporary folder, discovery on this machine only, room for large images.

    Child processes inherit these. With Fast DDS's own shared memory a camera's depth images, which
    take more than one message each, may stop for good once other participants have come and gone.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('ROS_LOG_DIR', str(tmp_path_factory.mktemp('ros_log')))
        patch.setenv('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
        patch.delenv('ROS_LOCALHOST_ONLY', raising=False)
        patch.setenv('FASTRTPS_DEFAULT_PROFILES_FILE', str(ROOT / 'config' / 'fastdds_shm.xml'))
        yield


@pytest.fixture(scope='session')
def domain_counter() -> Iterator[int]:
    """Where each test starts to look for a free domain; processes start at different ones."""
    return itertools.count(7 * os.getpid())


@pytest.fixture(scope='session')
def made_once(tmp_path_factory: pytest.TempPathFactory) -> MadeOnce:
    """Give folders that are dear to fill, each filled once in a run of however many processes.

    ``made_once('graph', fill)`` is a folder that `fill(folder)` has filled in the first process
    that asked for it; the others wait for that, and find it. Its tests only read it: what they
    change, others see. A filling that raises is tried again by whoever asks next.
    """
    base = tmp_path_factory.getbasetemp()
    if 'PYTEST_XDIST_WORKER' in os.environ:
        base = base.parent  # each process of a run has a folder of its own in that of the run

    def made(name: str, fill: Callable[[Path], object]) -> Path:
        folder = base / 'made-once' / name
        folder.parent.mkdir(exist_ok=True)
        with folder.with_name(f'{name}.lock').open('w') as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (whole := folder.with_name(f'{name}.whole')).exists():
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                fill(folder)
                whole.touch()
        return folder

    return made


@pytest.fixture
def ros_domain(domain_counter: Iterator[int], monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Give the test a ROS domain that no other test on this machine uses meanwhile."""
    with lease_domain(domain_counter) as domain:
        monkeypatch.setenv('ROS_DOMAIN_ID', str(domain))
        yield domain


@pytest.fixture(scope='module')
def module_ros_domain(domain_counter: Iterator[int]) -> Iterator[int]:
    """Give the tests of a module that share one graph a domain of their own."""
    with lease_domain(domain_counter) as domain, pytest.MonkeyPatch.context() as patch:
        patch.setenv('ROS_DOMAIN_ID', str(domain))
        yield domain


def lease_domain(start: Iterator[int]) -> AbstractContextManager[int]:
    """Hold a domain that nobody else holds; counting on from `start`.

    Counting on, since a participant of the test before lives on for a moment.
    """
    from domain_coordinator import domain_id

    return domain_id(lambda: 1 + next(start) % 100)


BROWSERS = ('chromium', 'chromium-browser', 'google-chrome')
# Without a graphics card, and as root in a container.
BROWSER_ARGUMENTS = (
    '--no-sandbox',
    '--use-angle=swiftshader',
    '--enable-unsafe-swiftshader',
    '--ignore-gpu-blocklist',
)
BROWSER_TIMEOUT = 120.0  # s; software draws a frame a second on a busy machine


@pytest.fixture(scope='session')
def browser() -> Iterator[Any]:
    """Give a headless Chromium; a test that asks for it is skipped where there is none."""
    playwright = pytest.importorskip('playwright.sync_api', reason='no browser: no playwright')
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip(f'no browser: none of {", ".join(BROWSERS)} (apt-get install chromium)')
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=path, args=list(BROWSER_ARGUMENTS))
        yield started
        started.close()


class WebPage:
    """A page of the viewer in a browser."""

    def __init__(self, browser: Any, url: str) -> None:
        self.tab = browser.new_page(viewport={'width': 800, 'height': 450})
        self.tab.set_default_timeout(1000 * BROWSER_TIMEOUT)
        self.problems: list[str] = []
        self.tab.on('pageerror', lambda error: self.problems.append(str(error)))
        self.tab.goto(url)
        self.tab.wait_for_selector('canvas')

    def picture(self) -> Any:
        """What is drawn left of the panel, int [H, W, 3]."""
        import numpy as np
        from PIL import Image

        canvas = self.tab.locator('canvas').first.bounding_box()
        panel = self.tab.locator('.dg-say').bounding_box()
        clip = {'x': 0, 'y': 0, 'width': panel['x'] - 20, 'height': canvas['height']}
        shot = self.tab.screenshot(clip=clip)
        return np.asarray(Image.open(io.BytesIO(shot)).convert('RGB')).astype(int)

    def says(self) -> str:
        """Tell the sentence about how things stand."""
        return self.tab.locator('.dg-say').inner_text()

    def press(self, name: str) -> None:
        """Press a button, once it can be."""
        self.tab.get_by_role('button', name=name, exact=True).click()

    @property
    def rows(self) -> Any:
        """Rows of the table of grasps."""
        return self.tab.locator('.dg label')

    def selected(self) -> str | None:
        """Tell which row stands out."""
        on = self.tab.locator('.dg label.on')
        return on.get_attribute('data-row') if on.count() else None

    def wait(self, condition: Callable[[], Any], timeout: float = BROWSER_TIMEOUT) -> None:
        """Wait until `condition` holds."""
        deadline = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < deadline, f'{self.says()!r} {self.problems}'
            self.tab.wait_for_timeout(200)

    def wait_for_change(self, before: Any, share: float) -> Any:
        """Wait until so many of the pixels are not as `before`; return the new picture."""

        newest = [before]

        def changed() -> bool:
            newest[0] = self.picture()
            return (abs(newest[0] - before).max(axis=2) > 30).mean() > share

        self.wait(changed)
        return newest[0]

    def settled_picture(self) -> Any:
        """Wait until two pictures are the same."""
        before = self.picture()
        while True:
            self.tab.wait_for_timeout(500)
            now = self.picture()
            if (abs(now - before).max(axis=2) > 30).mean() < 1e-3:
                return now
            before = now


@pytest.fixture
def open_page(browser: Any) -> Iterator[Callable[[str], WebPage]]:
    """Open pages, and close them when the test ends; none may have had an error of script."""
    opened: list[WebPage] = []

    def open_one(url: str) -> WebPage:
        opened.append(WebPage(browser, url))
        return opened[-1]

    yield open_one
    for page in opened:
        page.tab.close()
    assert [p.problems for p in opened] == [[] for _ in opened]
