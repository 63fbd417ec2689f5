"""`benchmark/README.md` names every script and table there is, and commands that can be run."""

from __future__ import annotations

import functools
import importlib
import re
import shlex
from pathlib import Path

import pytest
import tyro

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / 'benchmark'
INDEX = (FOLDER / 'README.md').read_text()
# A command in a block or in backticks; what is optional stands in brackets in docstrings only.
COMMAND = re.compile(r'(?:python |`)benchmark/(\w+)\.py((?: [^`\n#|]+)?)')


def commands(path: Path) -> set[tuple[str, str]]:
    return {(name, words.strip()) for name, words in COMMAND.findall(path.read_text())}


def documents() -> list[Path]:
    return [ROOT / 'README.md', *sorted(FOLDER.glob('*.md')), *sorted(ROOT.glob('docs/**/*.md'))]


def entry_points() -> set[str]:
    return {p.stem for p in FOLDER.glob('*.py') if "__name__ == '__main__'" in p.read_text()}


def test_every_table_is_in_the_index():
    tables = {path.name for path in FOLDER.glob('*.md')} - {'README.md'}
    assert set(re.findall(r'\]\((\w+\.md)\)', INDEX)) == tables


def test_every_entry_point_has_a_command_and_every_other_script_is_a_part():
    questions, _, parts = INDEX.partition('## Parts')
    assert {name for name, _ in commands(FOLDER / 'README.md')} == entry_points()
    assert 'benchmark/' not in parts and questions != INDEX
    named = set(re.findall(r'^\| `(\w+)\.py`', parts, re.M))
    assert named == {p.stem for p in FOLDER.glob('*.py')} - entry_points()


@pytest.mark.parametrize('name', sorted(entry_points()))
def test_commands_of_all_documents_parse(name):
    pytest.importorskip('rclpy' if name in ('clear', 'latency', 'lift') else 'tyro')
    main = importlib.import_module(name).main

    @functools.wraps(main)
    def nothing(*_: object, **__: object) -> str:
        return 'parsed'

    wanted = {words for path in documents() for script, words in commands(path) if script == name}
    assert wanted
    for words in wanted:
        assert tyro.cli(nothing, args=shlex.split(words)) == 'parsed', words


def test_links_lead_somewhere():
    for link in re.findall(r'\]\(([^)#]+)', INDEX):
        assert (FOLDER / link).is_file(), link
