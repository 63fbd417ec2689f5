"""The library works on a machine with no ROS: proved in a process that cannot import any."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Put in front of every script: refuses ROS, also where it is installed.
BLOCK_ROS = """
import sys

class NoRos:
    def find_spec(self, name, path=None, target=None):
        root = name.partition('.')[0]
        if root in {'rclpy', 'std_srvs', 'builtin_interfaces', 'tf2_ros', 'rosidl_parser',
                    'rosidl_runtime_py', 'ament_index_python'} or root.endswith('_msgs'):
            raise ModuleNotFoundError(f'No module named {name!r}', name=name)

sys.meta_path.insert(0, NoRos())
"""

IMPORT_EVERYTHING = """
import importlib, pkgutil
import dexgrasp_ros

# Of the command, what a subcommand needs is imported when that runs; training needs an extra.
SKIPPED = ('dexgrasp_ros.bridge', 'dexgrasp_ros.nodes', 'dexgrasp_ros.cli.',
           *(f'dexgrasp_ros.learning.{m}' for m in ('checkpoint', 'export', 'networks', 'train')))
for module in pkgutil.walk_packages(dexgrasp_ros.__path__, 'dexgrasp_ros.', lambda _: None):
    if not module.name.startswith(SKIPPED):
        importlib.import_module(module.name)
for name in getattr(dexgrasp_ros, '__all__', ()):
    getattr(dexgrasp_ros, name)
"""

FROM_DEPTH_TO_GRASPS = """
import numpy as np
from dexgrasp_ros.core.config import SynthesisConfig
from dexgrasp_ros.core.errors import ErrorCode, SynthesisError
from dexgrasp_ros.hand import load_hand
from dexgrasp_ros.object import load_object
from dexgrasp_ros.perception import reconstruct
from dexgrasp_ros.simulation import make_demo_scene
from dexgrasp_ros.synthesis import synthesize

frame = make_demo_scene()
(observed,) = reconstruct(frame.depth, frame.labels, frame.intrinsics, only=[3])
hand = load_hand('allegro')
obj = load_object(
    (observed.vertices, observed.faces), support_plane=observed.support_plane
)
config = SynthesisConfig(seed_count=4, max_grasps=2, iterations=20, device='cpu')
try:
    grasps = synthesize(hand, obj, config)
except SynthesisError as error:  # four seeds may find none; that is an answer too
    assert error.code == ErrorCode.NO_GRASP_FOUND, error
else:
    assert len(grasps) <= 2 and np.isfinite(grasps.grasp).all()
"""


HELP = """
from dexgrasp_ros.cli import main

try:
    main([{command!r}, '--help'])
except SystemExit as end:
    assert not end.code
"""
COMMANDS = ('synthesize', 'reconstruct', 'view', 'demo')

# Does one thing after the other, and tells what each of them ended with.
RUN_ALL = """
import contextlib, json, traceback

told = {}
for name, script in json.loads(sys.argv[1]).items():
    told[name] = ''
    try:
        with contextlib.redirect_stdout(sys.stderr):
            exec(script, {})
    except BaseException:
        told[name] = traceback.format_exc()
print(json.dumps(told))
"""


@pytest.fixture(scope='module')
def told():
    """What each script ended with, nothing if all was well; one process has run them all."""
    scripts = {
        'blocked': 'import sensor_msgs.msg',
        'grasps': FROM_DEPTH_TO_GRASPS,
        **{command: HELP.format(command=command) for command in COMMANDS},
        'imports': IMPORT_EVERYTHING,
    }
    done = subprocess.run(
        [sys.executable, '-c', BLOCK_ROS + RUN_ALL, json.dumps(scripts)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_blocker_blocks(told):
    assert 'No module named' in told['blocked']


def test_every_module_but_the_bridge_and_the_nodes_imports(told):
    assert told['imports'] == ''


@pytest.mark.parametrize('command', COMMANDS)
def test_the_command_explains_itself(told, command):
    assert told[command] == ''


def test_a_depth_frame_becomes_grasps(told):
    assert told['grasps'] == ''
