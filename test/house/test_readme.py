"""Every command of the README runs, here or in the test that is named, or it is said why not."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
import trimesh
from named_things import complaints

from dexgrasp_ros.cli import main, usage
from dexgrasp_ros.core.resources import find_resource

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(r'^```python\n(.*?)^```$', re.MULTILINE | re.DOTALL)
TEXT = (ROOT / 'README.md').read_text(encoding='utf-8')
PYTHON = FENCE.findall(TEXT)
COMMANDS = [
    ' '.join(shlex.split(line, comments=True))
    for line in FENCE.sub('', TEXT).splitlines()
    if line.startswith('    ')
]
NEEDS_ROS = 'needs ROS 2 from apt; docs/workspace.md tells what was rehearsed'
ELSEWHERE = {
    'make demo': 'test/cli/test_demo.py runs what it calls',
    'make test': 'runs this',
    'make demo ARGS=--closed-loop': 'test/cli/test_closed_loop.py runs what it calls',
    'dexgrasp view grasps.npz': 'serves until it is ended; test/viewer/test_browser.py',
    'dexgrasp synthesize hammer.obj --grasp-type power --approach 0 0 -1 45': (
        'takes long; test/synthesis/test_wishes.py has the wishes'
    ),
    'dexgrasp synthesize mug.obj --hand my_hand.urdf --out grasps.npz': (
        'takes long; docs/tutorials/your_hand.md, which test/house/test_tutorials.py runs'
    ),
    'cd ~/ws/src && git clone <this repository> dexgrasp_ros && cd ..': NEEDS_ROS,
    'rosdep install --from-paths src --ignore-src -y': NEEDS_ROS,
    'src/dexgrasp_ros/scripts/workspace.sh': NEEDS_ROS,
    'source install/setup.bash': NEEDS_ROS,
    'ros2 launch dexgrasp_ros demo.launch.py rviz:=true': (
        'needs RViz; test/nodes/test_launch_topics.py reads it'
    ),
    'ros2 launch dexgrasp_ros realsense.launch.py hand:=shadow': (
        'needs a camera; test/nodes/test_first_day.py starts the nodes'
    ),
}


def test_each_command_is_run_or_it_is_said_where_or_why_not(monkeypatch):
    own = [command for command in COMMANDS if command not in ELSEWHERE]
    assert {command.split()[0] for command in own} == {'dexgrasp'}
    assert ELSEWHERE.keys() <= set(COMMANDS)
    for why in ELSEWHERE.values():
        for name in re.findall(r'\b(?:test|docs)/\S+\.\w+', why):
            assert (ROOT / name).is_file(), name
    parse = usage.parse
    monkeypatch.setattr(usage, 'parse', lambda *given: parse(*given) and (lambda: None))
    for command in COMMANDS:
        name, *words = command.split()
        if name == 'dexgrasp':
            with contextlib.redirect_stderr(io.StringIO()) as told:
                assert main(words) == 0, told.getvalue()


def test_its_python_names_what_there_is():
    pytest.importorskip('rclpy')
    assert [complaints(code) for code in PYTHON[:-1]] == [[]] * len(PYTHON[:-1])
    assert complaints(f'from dexgrasp_ros.bridge import GraspClient\n{PYTHON[-1]}') == []


@pytest.mark.slow
def test_its_python_and_its_commands_run_as_they_stand(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    depth = np.full((240, 320), 0.6, np.float32)
    depth[80:160, 110:210] = 0.5
    K = np.array([[300.0, 0, 160], [0, 300, 120], [0, 0, 1]])
    np.savez('frame.npz', depth=depth, seg=np.where(depth < 0.6, 1, 0), K=K)
    trimesh.creation.cylinder(radius=0.035, height=0.1).export('mug.obj')
    Path('my_hand.urdf').write_text(find_resource('urdf/barrett.urdf').read_text())
    made = {}
    exec(PYTHON[0], made)
    assert len(made['grasps'].score)
    for command in COMMANDS:
        if command not in ELSEWHERE:
            assert main(command.split()[1:]) == 0, capsys.readouterr().err
