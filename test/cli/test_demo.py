"""The demo: real nodes, a rendered frame, grasps of it, pictures."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
import trimesh


@pytest.mark.usefixtures('ros_domain')
def test_demo_ends_with_grasps_and_pictures(tmp_path):
    command = [sys.executable, '-m', 'dexgrasp_ros.cli', 'demo', '--headless', '--json']
    settings = ['--label', '2', '--seed-count', '64', '--max-grasps', '2', '--out', str(tmp_path)]
    done = subprocess.run(
        [*command, *settings], capture_output=True, text=True, timeout=400, check=False
    )
    assert done.returncode == 0, done.stderr
    printed = json.loads(done.stdout.strip().splitlines()[-1])
    assert [entry['label'] for entry in printed['grasps']] == [2]
    grasps = printed['grasps'][0]['grasps']
    assert len(grasps) == 2
    for grasp in grasps:
        assert len(grasp['grasp']) == len(grasp['joint_names']) == 16
        assert grasp['contact_count'] >= 3
        assert grasp['penetration'] < 0.002
    assert {'reconstruct', 'optimize', 'demo'} <= set(printed['timing'])
    from PIL import Image

    picture = np.asarray(Image.open(tmp_path / 'label_2.png')).astype(float)
    left, right = np.array_split(picture, 2, axis=1)
    # Two views, each with the hand's dark links, the blue object and orange points.
    for view in (left, right):
        red, green, blue = np.moveaxis(view, 2, 0)
        assert np.mean(view.max(axis=2) < 90) > 0.03
        assert np.mean(blue - red > 30) > 0.01
        assert np.mean((red - blue > 100) & (red - green > 30)) > 1e-3


@pytest.mark.usefixtures('ros_domain')
def test_the_closed_loop_says_whether_it_lifted_and_shows_it(tmp_path):
    trimesh.creation.box([0.05, 0.06, 0.12]).export(tmp_path / 'carton.obj')
    command = [sys.executable, '-m', 'dexgrasp_ros.cli', 'demo', '--closed-loop', '--headless']
    settings = ['--object', str(tmp_path / 'carton.obj'), '--seed-count', '64', '--json']
    done = subprocess.run(
        [*command, *settings, '--max-grasps', '4', '--out', str(tmp_path)],
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
    from PIL import Image

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
def test_options_of_the_other_demo_are_refused(options, words, tmp_path):
    command = [sys.executable, '-m', 'dexgrasp_ros.cli', 'demo', *options, '--out', str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode != 0
    assert words in done.stderr
