"""The demo: real nodes, a rendered frame, grasps of it, pictures, a page."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import urllib.request

import numpy as np
import pytest
import trimesh
from PIL import Image

from dexgrasp_ros.cli import main

COMMAND = [sys.executable, '-m', 'dexgrasp_ros.cli', 'demo', '--json']


def check_grasps(printed, folder):
    """Two grasps of the mug, which was asked for, and a picture of the better one."""
    assert [entry['label'] for entry in printed['grasps']] == [2]
    grasps = printed['grasps'][0]['grasps']
    assert len(grasps) == 2
    for grasp in grasps:
        assert len(grasp['grasp']) == len(grasp['joint_names']) == 16
        assert grasp['contact_count'] >= 3
        assert grasp['penetration'] < 0.002
    assert {'reconstruct', 'optimize', 'demo'} <= set(printed['timing'])
    picture = np.asarray(Image.open(folder / 'label_2.png')).astype(float)
    left, right = np.array_split(picture, 2, axis=1)
    # Two views, each with the hand's dark links, the blue object and orange points.
    for view in (left, right):
        red, green, blue = np.moveaxis(view, 2, 0)
        assert np.mean(view.max(axis=2) < 90) > 0.03
        assert np.mean(blue - red > 30) > 0.01
        assert np.mean((red - blue > 100) & (red - green > 30)) > 1e-3


@pytest.mark.usefixtures('ros_domain')
def test_the_plain_demo_serves_a_page_until_it_is_interrupted(tmp_path):
    settings = ['--label', '2', '--seed-count', '64', '--max-grasps', '2', '--out', str(tmp_path)]
    with subprocess.Popen(
        [*COMMAND, '--port', '0', *settings],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # Where the tests run in the background, children would not hear Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as demo:
        lines = []
        for line in demo.stdout:
            lines.append(line)
            if (found := re.search(r'Its page: (http://\S+)', line)) is not None:
                break
        else:
            pytest.fail(''.join(lines))
        with urllib.request.urlopen(found.group(1), timeout=60) as answer:
            assert b'<title>Viser' in answer.read()
        demo.send_signal(signal.SIGINT)
        lines += demo.stdout
        assert demo.wait(60) == 0
    check_grasps(json.loads(next(line for line in lines if line.startswith('{'))), tmp_path)
    log = (tmp_path / 'nodes.log').read_text()
    assert 'Traceback' not in log


def test_a_port_in_use_is_refused_before_any_node_starts(tmp_path, capsys):
    with socket.socket() as taken:
        taken.bind(('127.0.0.1', 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert main(['demo', '--port', port, '--out', str(tmp_path)]) == 1
    assert 'INVALID_INPUT: No page can be served at' in capsys.readouterr().err
    assert not (tmp_path / 'nodes.log').exists()


@pytest.mark.slow  # the same with nodes that are played: test_closed_loop.py
@pytest.mark.timeout(1500)
@pytest.mark.usefixtures('ros_domain')
def test_the_closed_loop_says_whether_it_lifted_and_shows_it(tmp_path):
    trimesh.creation.box([0.05, 0.06, 0.12]).export(tmp_path / 'carton.obj')
    settings = ['--object', str(tmp_path / 'carton.obj'), '--out', str(tmp_path)]
    search = ['--seed-count', '64', '--max-grasps', '4']
    done = subprocess.run(
        [*COMMAND, '--closed-loop', '--headless', *settings, *search],
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    printed = json.loads(done.stdout.strip().splitlines()[-1])
    assert {'grasps', 'timing', 'lifted', 'cause'} <= set(printed)
    assert len(printed['grasps'][0]['grasps']) >= 1
    assert printed['lifted'] is True, printed['cause']
    assert printed['execution']['error_code'] == 0
    assert printed['execution']['height'] > 0.08
    picture = np.asarray(Image.open(tmp_path / 'closed_loop.png')).astype(float)
    heights = []
    for panel in np.array_split(picture, 4, axis=1):
        red, _, blue = np.moveaxis(panel, 2, 0)
        rows = np.nonzero(blue - red > 30)[0]
        assert len(rows) > 300
        heights.append(rows.mean())
    # The blue object is higher in the last panel than in the first, and the hand is in each.
    assert heights[-1] < heights[0] - 30


@pytest.mark.parametrize(
    ('options', 'words'),
    [
        (['--closed-loop', '--scene', 'a.npz'], '--closed-loop'),
        (['--object', 'a.obj'], '--closed-loop'),
    ],
)
def test_options_of_the_other_demo_are_refused(options, words, tmp_path, capsys):
    assert main(['demo', *options, '--out', str(tmp_path)]) == 1
    assert words in capsys.readouterr().err
