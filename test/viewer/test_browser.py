"""The page in a real browser: what is drawn, and what clicks do."""

from __future__ import annotations

import dataclasses
import html
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request

import numpy as np
import pytest
import trimesh

from dexgrasp_ros.cli import main
from dexgrasp_ros.viewer import Actions, GraspPage


@pytest.fixture
def file(grasps, brick, tmp_path):
    """Two grasps of a brick on a table, as a search would store them."""
    mesh = tmp_path / 'brick.obj'
    trimesh.Trimesh(brick.vertices, brick.faces).export(mesh)
    plane = np.array([0, 0, 1.0, 0])
    stored = dataclasses.replace(grasps, object_mesh=str(mesh), support_plane=plane)
    stored.save(tmp_path / 'grasps.npz')
    return tmp_path / 'grasps.npz'


def test_a_file_is_served_until_it_is_interrupted(file, monkeypatch, capsys):
    """`dexgrasp view` in this process, interrupted where it waits."""
    pages, answers, sleep = [], [], time.sleep

    def made(**options):
        pages.append(GraspPage(**options))
        return pages[-1]

    def visit(seconds):
        if threading.current_thread() is not threading.main_thread():
            return sleep(seconds)
        found = re.search(r'(\d) grasps at (http://\S+)', capsys.readouterr().out)
        if found is None:
            return sleep(seconds)
        assert found.group(1) == '2'
        with urllib.request.urlopen(found.group(2), timeout=60) as answer:
            answers.append(answer.read())
        return signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr('dexgrasp_ros.viewer.GraspPage', made)
    monkeypatch.setattr(time, 'sleep', visit)
    assert main(['view', str(file), '--port', '0']) == 0
    assert len(answers) == 1 and b'<title>Viser' in answers[0]
    (page,) = pages
    assert page.selected == 0 and page.hand_link_poses() is not None
    assert "2 grasps of 'brick' with the hand 'pincer'" in html.unescape(
        page.panel._status.content
    )
    (shown,) = page._objects
    np.testing.assert_array_equal(shown.support_plane, [0, 0, 1, 0])
    np.testing.assert_allclose(np.ptp(shown.vertices, axis=0), [0.06, 0.08, 0.1], atol=1e-6)


@pytest.fixture
def file_page(file):
    """`dexgrasp view` of a file, as a process of its own; yields where its page is."""
    command = [sys.executable, '-m', 'dexgrasp_ros.cli', 'view', str(file)]
    with subprocess.Popen(
        [*command, '--port', '0'],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # Where the tests run in the background, children would not hear Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        line = process.stdout.readline()
        yield re.search(r'http://\S+', line).group()
        process.send_signal(signal.SIGINT)
        assert process.stdout.read() == ''
        assert process.wait(60) == 0


@pytest.mark.slow
def test_a_file_is_drawn_and_its_grasps_can_be_gone_through(file_page, open_page):
    page = open_page(file_page)
    page.wait(lambda: page.rows.count() == 2)
    assert "2 grasps of 'brick'" in page.says()
    assert page.selected() == '0'
    page.wait(lambda: drawn(page.picture()))
    first = page.settled_picture()
    # No buttons for work that nobody does; those of the rows are not to be seen.
    assert page.tab.get_by_role('button', name='Reconstruct').count() == 0
    assert page.tab.get_by_role('button', name='Grasp 1').count() == 0

    page.rows.nth(1).click()
    page.wait(lambda: page.selected() == '1')
    second = page.wait_for_change(first, 0.01)
    assert page.tab.locator('.dg').nth(1).inner_text().count('thumb') == 1

    page.settled_picture()
    slider = page.tab.get_by_role('slider')
    slider.focus()
    slider.press('Home')  # to the pregrasp, 8 cm higher
    page.wait_for_change(second, 0.01)
    slider.press('End')
    page.wait(lambda: slider.get_attribute('aria-valuenow') == '2')


def drawn(picture: np.ndarray) -> bool:
    """Whether there is the blue brick, and a hand that is darker than all else."""
    red, _, blue = np.moveaxis(picture, 2, 0)
    return np.mean(blue - red > 15) > 0.02 and np.mean(abs(picture - 255).max(axis=2) > 60) > 0.05


@pytest.fixture
def pressed():
    return []


@pytest.fixture
def page(pressed):
    page = GraspPage(
        port=0,
        actions=Actions(
            reconstruct=lambda: pressed.append('reconstruct'),
            synthesize=lambda: pressed.append('synthesize'),
            execute=pressed.append,
            stop=lambda: pressed.append('stop'),
        ),
    )
    yield page
    page.close()


def test_clicks_in_a_browser_reach_the_page(page, pressed, shown, brick, open_page, monkeypatch):
    # Even a click that comes at once is for the grasps that are shown.
    monkeypatch.setattr('dexgrasp_ros.viewer.page._SETTLE', 0.0)
    page.set_objects([brick])
    page.set_grasps(shown)
    page.say('<b>Ready</b>')
    browser = open_page(page.url)
    browser.wait(lambda: browser.says() == '<b>Ready</b>' and browser.selected() == '0')
    browser.rows.nth(1).click()
    browser.wait(lambda: browser.selected() == '1')
    assert page.selected == 1
    slider = browser.tab.get_by_role('slider')
    slider.focus()
    slider.press('Home')
    browser.wait(lambda: page.motion == 0.0)
    for name, told in (('Reconstruct', 'reconstruct'), ('Synthesise', 'synthesize')):
        browser.press(name)
        browser.wait(lambda told=told: pressed[-1:] == [told])
    browser.press('Execute')
    browser.wait(lambda: pressed[-1] == 'second')
    page.set_progress(0.5)
    browser.press('Stop')
    browser.wait(lambda: pressed[-1] == 'stop')


@pytest.mark.slow
def test_browsers_see_the_same_whenever_they_come(page, pressed, shown, brick, open_page):
    early = open_page(page.url)
    page.say('<b>Searching</b>')
    page.set_progress(0.4)
    early.wait(lambda: early.says() == '<b>Searching</b>')
    early.press('Stop')
    early.wait(lambda: pressed == ['stop'])
    page.set_progress(None)
    page.set_objects([brick])
    page.set_grasps(shown)
    early.wait(lambda: early.selected() == '0')
    early.wait(lambda: drawn(early.picture()))

    late = open_page(page.url)
    late.wait(lambda: late.selected() == '0')
    late.rows.nth(1).click()
    early.wait(lambda: early.selected() == '1')
    assert page.selected == 1
    late.tab.close()

    # Grasps that come while the slider moves. Without grasps there is no thumb to press, and
    # a press may be lost; page and browser must agree on where it ends.
    slider = early.tab.get_by_role('slider')
    for _ in range(10):
        slider.press('ArrowRight')
        page.set_grasps(None)
        page.set_grasps(shown)
    early.wait(
        lambda: 1.0 < page.motion == pytest.approx(float(slider.get_attribute('aria-valuenow')))
    )
    early.wait(lambda: early.selected() == '0')
    early.press('Execute')
    early.wait(lambda: pressed == ['stop', 'first'] or 'just changed' in early.says())
    page.set_grasps(None)
    early.wait(lambda: early.rows.count() == 0)
    early.press('Reconstruct')
    early.wait(lambda: pressed[-1] == 'reconstruct')
