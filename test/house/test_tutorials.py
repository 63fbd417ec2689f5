"""Every block of code in the tutorials runs, in order, in one folder for each tutorial.

A line ``<!-- not run: why -->`` before a block excepts it. Word for word that takes minutes; what
the blocks name, commands with their options and Python, is compared with what there is each time.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from named_things import complaints

from dexgrasp_ros.cli import main, usage

ROOT = Path(__file__).resolve().parents[2]
TUTORIALS = sorted((ROOT / 'docs' / 'tutorials').glob('*.md'))
QUICK = ('from_moveit',)  # a second; all others search for grasps
# In place of a program: notes what it was called with, words and calls ended by a zero byte.
NOTE = '#!/bin/sh\nprintf \'%s\\0\' {name} "$@" "" >> "{calls}"\n'
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


def read(tutorial: Path) -> list[tuple[str, str, str]]:
    """Blocks of a tutorial, none of which the pattern has overlooked."""
    text = tutorial.read_text(encoding='utf-8')
    found = blocks(text)
    assert len(found) == len(re.findall(r'^```(?:bash|python)\b', text, re.MULTILINE))
    if any(kind == 'python' and 'bridge' in code for kind, code, _ in found):
        pytest.importorskip('rclpy')
    return found


@pytest.mark.timeout(1500)
@pytest.mark.parametrize(
    'tutorial',
    [
        pytest.param(path, id=path.stem, marks=() if path.stem in QUICK else pytest.mark.slow)
        for path in TUTORIALS
    ],
)
def test_a_tutorial_runs_as_it_stands(tutorial, tmp_path, ros_domain):
    folder = tmp_path / 'work'
    folder.mkdir()
    env = environment(tmp_path)
    for kind, code, reason in read(tutorial):
        if not reason:
            run(kind, code, folder, env)


def calls(text: str, folder: Path) -> list[list[str]]:
    """How a block of shell calls `dexgrasp` and `python`: the shell runs, these two do not."""
    tools, noted = folder / 'bin', folder / 'calls'
    tools.mkdir(exist_ok=True)
    for name in ('dexgrasp', 'python'):
        (tools / name).write_text(NOTE.format(name=name, calls=noted))
        (tools / name).chmod(0o755)
    noted.write_text('')
    env = os.environ | {'PATH': f'{tools}{os.pathsep}{os.environ["PATH"]}'}
    # What follows may need files that are not there, and nobody is killed before he is noted.
    subprocess.run(
        ['bash', '-c', f'kill() {{ :; }}\n{text}\nwait'],
        cwd=folder,
        env=env,
        capture_output=True,
        check=False,
    )
    return [call.split('\0') for call in noted.read_text().split('\0\0')[:-1]]


@pytest.fixture
def understand(monkeypatch):
    """Let `dexgrasp` read words as ever, and do nothing then; return what it complains of."""
    parse = usage.parse
    monkeypatch.setattr(usage, 'parse', lambda *given: parse(*given) and (lambda: None))

    def told(words: list[str]) -> str:
        with contextlib.redirect_stderr(io.StringIO()) as said:
            code = main(words)
        return said.getvalue() if code else ''

    return told


def wrong_with_call(words: list[str], understand) -> list[str]:
    """What is wrong with one line of a shell."""
    if words[0] == 'dexgrasp':
        told = understand(words[1:])
        return [told] if told else []
    if words[1] == '-c':
        return complaints(words[2])
    assert words[1] == '-m', words
    return [] if importlib.util.find_spec(words[2]) else [f'no module {words[2]}']


@pytest.mark.parametrize('tutorial', TUTORIALS, ids=lambda path: path.stem)
def test_what_a_tutorial_names_is_there(tutorial, tmp_path, understand):
    wrong, called = [], 0
    for kind, code, reason in read(tutorial):
        if kind == 'python':
            wrong += complaints(code, optional=bool(reason))
        elif not reason:
            found = calls(code, tmp_path)
            called += len(found)
            wrong += [w for words in found for w in wrong_with_call(words, understand)]
    assert not wrong
    # A call that the shell did not come to would never be compared.
    shell = '\n'.join(c for kind, c, reason in read(tutorial) if kind == 'bash' and not reason)
    assert called == len(re.findall(r'^(?:dexgrasp|python) ', shell, re.MULTILINE))


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


@pytest.mark.parametrize(
    ('code', 'told'),
    [
        ('from dexgrasp_ros import load_hands', 'load_hands'),
        ('import dexgrasp_ros.grasping', 'dexgrasp_ros.grasping'),
        ('from dexgrasp_ros import load_hand\nprint(load_hand("a").joints)', 'has no joints'),
        ('from dexgrasp_ros import load_hand\nload_hand("a", file="b")', "'file'"),
        ('from dexgrasp_ros import SynthesisConfig as C\nC(seeds=3)', "'seeds'"),
        (
            'from dexgrasp_ros.dataset import open_dataset\nd = open_dataset("a")\nd.batch(4)',
            'd has no batch',
        ),
        (
            'from dexgrasp_ros.dataset import open_dataset\n'
            'for row in open_dataset("a").batches(4, shuffle=1):\n    print(row)',
            "'shuffle'",
        ),
        (
            'from dexgrasp_ros.core.resources import find_resource\nfind_resource("urdf/x.urdf")',
            'urdf/x.urdf',
        ),
        ('print(hand)', 'nothing is called hand'),
    ],
)
def test_a_name_that_is_not_there_is_told(code, told):
    assert told in ' '.join(complaints(code))


@pytest.mark.parametrize(
    'words',
    [
        'dexgrasp synthesise can.ply',
        'dexgrasp synthesize can.ply --seeds 3',
        'dexgrasp dataset generate --objects meshes',
        'python -m dexgrasp_ros.nodes.no_node',
    ],
)
def test_a_call_that_nobody_understands_is_told(words, understand):
    assert wrong_with_call(words.split(), understand)


def test_calls_of_a_block_are_those_of_the_shell(tmp_path):
    text = 'cat > a <<X\ndexgrasp no\nX\npython -c "\n1" &\nfalse\ndexgrasp a \\\n  --b "c d"\n'
    found = calls(text, tmp_path)
    assert sorted(found) == [['dexgrasp', 'a', '--b', 'c d'], ['python', '-c', '\n1']]
    assert (tmp_path / 'a').read_text() == 'dexgrasp no\n'
