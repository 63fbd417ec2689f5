"""A fault's trial: the tests that could notice it, run in a copy of the tree."""

from __future__ import annotations

import ast
import collections
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mutant_list import PACKAGE, Mutant, Place, functions, statement_lines

PYTEST = ('-m', 'pytest', '-q', '-p', 'no:randomly', '-p', 'no:cacheprovider')
INTERRUPTED = 30.0  # s that fixtures have to end what they started
# A context of pytest-cov, and PYTEST_CURRENT_TEST, which a child process may have as its context.
PHASE = re.compile(r'\|(setup|run|teardown)$| \((setup|call|teardown)\)$')
NOTICED = re.compile(
    r"^(?:FAILED |ERROR |ImportError while loading conftest '/.*/)"
    r"(test/[^[\s']+(?:\[.*?\](?= - |$))?)(?: - |'\.)?(.*)",
    re.MULTILINE,
)


class Knowledge:
    """Which tests execute a line, and how long each takes."""

    def __init__(self, coverage: Path | None, durations: Path | None) -> None:
        self.seconds: dict[str, float] = collections.defaultdict(float)
        for line in durations.read_text(encoding='utf-8').splitlines() if durations else ():
            test, _, wall, *_ = json.loads(line)
            self.seconds[test] += wall
        self.data = None
        self.lock = threading.Lock()
        if coverage:
            from coverage import CoverageData

            self.data = CoverageData(str(coverage))
            self.data.read()

    def tests(self, mutant: Mutant, place: Place, budget: float) -> tuple[list[str], int]:
        """Tests of the mutant's folder in the order to run, and how many a time [s] leaves out.

        Those that execute the lines, then the others of their files, since what a fixture or a
        cache made may be looked at by any. Where only child processes do, all of the folder.
        """
        folder = f'test/{mutant.folder}/'
        own = [test for test in self.seconds if test.startswith(folder)]
        contexts = {''} if self.data is None else self._contexts(mutant, place)
        first = {PHASE.sub('', c) for c in contexts} & set(own)
        if first:
            files = {test.split('::')[0] for test in first}
            rest = {test for test in own if test.split('::')[0] in files} - first
            order = self._fastest_first(first) + self._fastest_first(rest)
        elif '' in contexts:
            order = self._fastest_first(set(own)) or [folder]
        else:
            order = []
        spent, fitting = 0.0, []
        for test in order:
            if not fitting or spent + self.seconds[test] <= budget:
                fitting.append(test)
                spent += self.seconds[test]
        return fitting, len(order) - len(fitting)

    def _fastest_first(self, tests: set[str]) -> list[str]:
        """File by file, so that what the tests of a file share is made once."""
        files: dict[str, list[str]] = collections.defaultdict(list)
        for test in sorted(tests, key=self.seconds.__getitem__):
            files[test.split('::')[0]].append(test)
        order = sorted(files.values(), key=lambda tests: sum(self.seconds[t] for t in tests))
        return [test for tests in order for test in tests]

    def _contexts(self, mutant: Mutant, place: Place) -> set[str]:
        """Contexts that execute the statement; of a signature, those that enter the function."""
        tree = ast.parse(place.file.read_text(encoding='utf-8'))
        lines = statement_lines(tree, place.line + 1, len(mutant.before))
        for name, first, last in functions(tree):
            if name == mutant.function and first == lines.start:
                lines = range(lines.stop, last + 1)
        path = place.file.as_posix().rpartition(f'/{PACKAGE}/')[2]
        with self.lock:
            found: set[str] = set()
            for file in self.data.measured_files():
                if file.endswith(f'/{PACKAGE}/{path}'):
                    by_line = self.data.contexts_by_lineno(file)
                    found.update(*(by_line.get(line, ()) for line in lines))
            return found


class Copy:
    """A copy of the files of a tree, with caches of its own: a fault's results must not stay."""

    def __init__(self, tree: Path, folder: Path, python: str) -> None:
        self.tree = folder / 'tree'
        self.python = python
        self.cache = folder / 'cache'
        home = Path(os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache')
        self.warm = home / PACKAGE
        self.environment = os.environ | {
            'PYTHONPATH': str(self.tree),
            'COLUMNS': '400',  # pytest cuts what it says
            'XDG_CACHE_HOME': str(self.cache),
            'WARP_CACHE_PATH': os.environ.get('WARP_CACHE_PATH', str(home / 'warp')),
        }
        names = ['git', 'ls-files', '-z', '--cached', '--others', '--exclude-standard']
        listed = subprocess.run(names, cwd=tree, check=True, capture_output=True, text=True).stdout
        for name in filter(None, listed.split('\0')):
            if (tree / name).is_file():
                (self.tree / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(tree / name, self.tree / name)
        (folder / 'shared').symlink_to(tree.resolve().parent / 'shared')

    @contextlib.contextmanager
    def changed(self, place: Place, mutant: Mutant) -> Iterator[None]:
        """Have the fault in the copy meanwhile."""
        original = place.file.read_text(encoding='utf-8')
        try:
            self._write(place.file, place.mutated(mutant))
            yield
        finally:
            self._write(place.file, original)

    def test(self, tests: list[str], limit: float) -> dict[str, Any]:
        """Run tests until one fails: the outcome, that test and why, and how long it took."""
        start = time.monotonic()
        status, failing = self.run(tests, limit, '-x')
        by, said = next(iter(failing.items()), ('', f'exit status {status}'))
        if status is None or status == 0:
            outcome = 'timeout' if status is None else 'survived'
        else:
            outcome = 'killed' if by or status < 0 else 'unclear'
        seconds = round(time.monotonic() - start, 1)
        return {'outcome': outcome, 'seconds': seconds, 'by': by, 'said': said}

    def run(
        self, tests: list[str], limit: float | None, *options: str
    ) -> tuple[int | None, dict[str, str]]:
        """Run tests: pytest's exit status, None after too long, and what fails, and why."""
        shutil.rmtree(self.cache, ignore_errors=True)
        if self.warm.is_dir():
            shutil.copytree(self.warm, self.cache / PACKAGE, ignore_dangling_symlinks=True)
        chosen, told = self.cache.with_name('tests'), self.cache.with_name('output')
        chosen.write_text('\n'.join(tests), encoding='utf-8')
        with told.open('w', encoding='utf-8') as output:
            process = subprocess.Popen(
                [self.python, *PYTEST, *options, f'@{chosen}'],
                cwd=self.tree,
                env=self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                status = process.wait(limit)
            except subprocess.TimeoutExpired:
                status = None
                _interrupt(process)
            finally:
                self._end_leftovers()
        return status, dict(NOTICED.findall(told.read_text(encoding='utf-8', errors='replace')))

    def _write(self, file: Path, text: str) -> None:
        """Write a file, and remove its bytecode, which may seem to be of the same moment."""
        file.write_text(text, encoding='utf-8')
        for old in (file.parent / '__pycache__').glob(f'{file.stem}.*.pyc'):
            old.unlink()

    def _end_leftovers(self) -> None:
        """End what tests left running, in sessions of their own; they have this copy's path."""
        mark = f'\0PYTHONPATH={self.tree}\0'.encode()
        for process in Path('/proc').glob('[0-9]*'):
            with contextlib.suppress(OSError):
                if mark in b'\0' + (process / 'environ').read_bytes():
                    os.kill(int(process.name), signal.SIGKILL)


def _interrupt(process: subprocess.Popen) -> None:
    """Let the fixtures end what they started."""
    os.killpg(process.pid, signal.SIGINT)
    try:
        process.wait(INTERRUPTED)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
