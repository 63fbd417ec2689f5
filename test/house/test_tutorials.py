"""The blocks of a tutorial run as they stand, in order, in an empty folder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TUTORIALS = sorted((ROOT / 'docs' / 'tutorials').glob('your_hand.md'))
BLOCK = re.compile(r'^```(bash|python)\n(.*?)^```$', re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize('path', TUTORIALS, ids=lambda p: p.stem)
def test_every_block_runs(path, tmp_path):
    pytest.importorskip('pinocchio')
    blocks = BLOCK.findall(path.read_text(encoding='utf-8'))
    assert len(blocks) > 5
    # The command and the interpreter of this environment.
    tools = os.pathsep.join([str(Path(sys.executable).parent), os.environ['PATH']])
    for language, text in blocks:
        command = ['bash', '-euc', text] if language == 'bash' else [sys.executable, '-c', text]
        done = subprocess.run(
            command,
            cwd=tmp_path,
            env={**os.environ, 'PATH': tools},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f'{text}\n{done.stdout}\n{done.stderr}'
    assert {p.name for p in tmp_path.iterdir()} >= {'my_hand.png', 'grasps.npz', 'robot.urdf'}
