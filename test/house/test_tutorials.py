"""Every block of code in the tutorials runs, in order, in one folder for each tutorial.

A line ``<!-- not run: why -->`` before a block excepts it.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TUTORIALS = sorted((ROOT / 'docs' / 'tutorials').glob('*.md'))
BLOCK = re.compile(
    r'^(?:<!-- not run: (?P<reason>[^\n]+) -->\n+)?^```(?P<kind>bash|python)\n(?P<text>.*?)^```$',
    re.MULTILINE | re.DOTALL,
)


def blocks(text: str) -> list[tuple[str, str, str]]:
    """Language, text, and why it is not run (mostly empty), of each block."""
    return [(m['kind'], m['text'], m['reason'] or '') for m in BLOCK.finditer(text)]


def environment(folder: Path) -> dict[str, str]:
    """Give the words `dexgrasp` and `python` the meaning that they have in this process."""
    tools = folder / 'bin'
    tools.mkdir()
    for name, words in {'dexgrasp': '-m dexgrasp_ros.cli', 'python': ''}.items():
        file = tools / name
        file.write_text(f'#!/bin/sh\nexec "{sys.executable}" {words} "$@"\n')
        file.chmod(0o755)
    return {
        **os.environ,
        'PATH': f'{tools}{os.pathsep}{os.environ["PATH"]}',
        'PYTHONPATH': os.pathsep.join([str(ROOT), *filter(None, [os.environ.get('PYTHONPATH')])]),
    }


def run(kind: str, text: str, folder: Path, env: dict[str, str]) -> None:
    command = [sys.executable, '-c', text] if kind == 'python' else ['bash', '-ec', text]
    # What a block leaves running, because it failed, ends with it.
    with (folder / 'output.log').open('w+') as output:
        block = subprocess.Popen(
            command, cwd=folder, env=env, stdout=output, stderr=output, start_new_session=True
        )
        try:
            code = block.wait(timeout=900)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(block.pid, signal.SIGKILL)
        output.seek(0)
        assert code == 0, f'{text}\n{output.read()[-5000:]}'


@pytest.mark.parametrize('tutorial', TUTORIALS, ids=lambda path: path.stem)
def test_a_tutorial_runs_as_it_stands(tutorial, tmp_path, ros_domain):
    text = tutorial.read_text(encoding='utf-8')
    found = blocks(text)
    if any(kind == 'python' and 'bridge' in code for kind, code, _ in found):
        pytest.importorskip('rclpy')
    # A block that the pattern does not see would never run.
    assert len(found) == len(re.findall(r'^```(?:bash|python)\b', text, re.MULTILINE))
    folder = tmp_path / 'work'
    folder.mkdir()
    env = environment(tmp_path)
    for kind, code, reason in found:
        if not reason:
            run(kind, code, folder, env)


LEFT_OUT = [
    (path.stem, code, reason)
    for path in TUTORIALS
    for _, code, reason in blocks(path.read_text(encoding='utf-8'))
    if reason
]


@pytest.mark.parametrize(('page', 'code', 'reason'), LEFT_OUT)
def test_a_block_is_left_out_for_a_reason(page, code, reason):
    assert code.strip()
    pytest.skip(f'a block of {page} is not run: {reason}')


def test_blocks_are_found_and_those_that_are_excepted_have_a_reason():
    text = 'a\n```bash\nx\n```\n<!-- not run: needs y -->\n```python\nz\n```\n```\nno code\n```\n'
    assert blocks(text) == [('bash', 'x\n', ''), ('python', 'z\n', 'needs y')]


def test_a_block_that_fails_is_told(tmp_path):
    with pytest.raises(AssertionError, match='NameError'):
        run('python', 'moon', tmp_path, dict(os.environ))
    with pytest.raises(AssertionError):
        run('bash', 'false\ntrue', tmp_path, dict(os.environ))
