"""Whether the tests notice small faults: draw some, try each in a copy of the tree, compare.

    scripts/mutants.py draw LIST --each 8                      (needs mutmut)
    scripts/mutants.py run LIST RESULTS --coverage FILE --durations FILE
    scripts/mutants.py table RESULTS [LATER]

A fault is tried against the tests of its own folder that execute its lines, fastest first. Which
do is known from a run of the suite with `--cov=dexgrasp_ros --cov-context=test`; without it, all
tests of the folder are taken. Child processes tell whose they are if they measure themselves with
`context = ${PYTEST_CURRENT_TEST-}`, in a file that a plugin names in COVERAGE_PROCESS_START.
RESULTS has a line for each fault; those that it has are skipped.
"""

from __future__ import annotations

import argparse
import collections
import itertools
import json
import os
import queue
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from mutant_list import Mutant, find, read_list, sample
from mutant_trial import Copy, Knowledge

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ('bridge', 'nodes', 'synthesis', 'perception', 'hand', 'object', 'dataset')
# unreached: no test of the folder executes it; unclear: what noticed it fails without it as well;
# gone: its lines are not in the tree. The tests notice those that are killed, and no others.
OUTCOMES = ('killed', 'survived', 'timeout', 'unreached', 'unclear', 'gone')


def draw(options: argparse.Namespace) -> None:
    """Write a list of faults, as many of each folder."""
    mutants = itertools.chain.from_iterable(
        sample(options.tree, folder, options.each, options.seed) for folder in options.folders
    )
    options.list.write_text('\n\n'.join(map(str, mutants)) + '\n', encoding='utf-8')


def run(options: argparse.Namespace) -> None:
    """Try all faults of a list that have no result yet, then the tests that noticed any."""
    os.nice(19)
    known = read_results(options.results) if options.results.exists() else {}
    mutants = [m for m in read_list(options.list) if m.name not in known]
    knowledge = Knowledge(options.coverage, options.durations)
    writing = threading.Lock()
    with (
        tempfile.TemporaryDirectory(prefix='mutants_') as folder,
        ThreadPoolExecutor(options.jobs) as pool,
        options.results.open('a', encoding='utf-8') as results,
    ):
        copies: queue.SimpleQueue[Copy] = queue.SimpleQueue()
        for number in range(options.jobs):
            copies.put(Copy(options.tree, Path(folder) / str(number), options.python))

        def attempt(mutant: Mutant) -> None:
            copy = copies.get()
            try:
                record(trial(mutant, copy, knowledge, options))
            finally:
                copies.put(copy)

        def record(result: dict[str, Any]) -> None:
            with writing:
                print(json.dumps(result), file=results, flush=True)
                print(*(result[key] for key in ('name', 'outcome', 'seconds', 'by')), flush=True)

        list(pool.map(attempt, mutants))
        for result in unsound(read_results(options.results), copies.get()):
            record(result | {'outcome': 'unclear'})


def trial(
    mutant: Mutant, copy: Copy, knowledge: Knowledge, options: argparse.Namespace
) -> dict[str, Any]:
    """Try one fault."""
    result = {'name': mutant.name, 'outcome': 'gone', 'seconds': 0.0, 'by': '', 'tests': 0}
    place = find(mutant, copy.tree)
    if place is None:
        return result
    tests, left_out = knowledge.tests(mutant, place, options.budget)
    result |= {'outcome': 'unreached', 'tests': len(tests), 'left_out': left_out}
    if tests:
        with copy.changed(place, mutant):
            result |= copy.test(tests, options.limit)
    return result


def unsound(results: dict[str, dict[str, Any]], copy: Copy) -> list[dict[str, Any]]:
    """Results that do not count: what noticed the fault fails without it as well."""
    killed = [r for r in results.values() if r['outcome'] == 'killed' and '::' in r['by']]
    if not killed:
        return []
    status, failing = copy.run(sorted({r['by'] for r in killed}), None)
    if status not in (0, 1):
        raise RuntimeError(f'the tests that noticed a fault do not run without: status {status}')
    return [r for r in killed if r['by'] in failing]


def table(options: argparse.Namespace) -> None:
    """Print how many faults had which outcome; those that are noticed no longer, and exit 1."""
    lists = [read_results(path) for path in (options.results, options.later) if path]
    for results in lists:
        counts = collections.Counter(
            (name.split('-')[0], r['outcome']) for name, r in results.items()
        )
        rows = [('folder', *OUTCOMES)]
        for folder in FOLDERS:
            rows.append((folder, *(counts[folder, outcome] for outcome in OUTCOMES)))
        rows.append(('all', *(sum(counts[f, o] for f in FOLDERS) for o in OUTCOMES)))
        print('\n'.join(' '.join(f'{cell:>10}' for cell in row) for row in rows), end='\n\n')
    if options.later:
        before, after = lists
        lost = [n for n, r in before.items() if r['outcome'] == 'killed' != outcome_of(after, n)]
        print(f'noticed before and not after: {len(lost)}')
        for name in lost:
            print(f'{name} {outcome_of(after, name)} (before: {before[name]["by"]})')
        sys.exit(bool(lost))


def outcome_of(results: dict[str, dict[str, Any]], name: str) -> str:
    """Outcome of a fault that may not have been tried."""
    return results[name]['outcome'] if name in results else 'not tried'


def read_results(path: Path) -> dict[str, dict[str, Any]]:
    """Results by the names of the faults; the last counts."""
    lines = map(json.loads, path.read_text(encoding='utf-8').splitlines())
    return {result['name']: result for result in lines}


def main() -> None:
    """Run one of the three commands."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser('draw', help=draw.__doc__)
    one.set_defaults(do=draw)
    one.add_argument('list', type=Path)
    one.add_argument('--each', type=int, default=8, help='faults of a folder')
    one.add_argument('--seed', type=int, default=0)
    one.add_argument('--folders', nargs='+', choices=FOLDERS, default=FOLDERS)
    one.add_argument('--tree', type=Path, default=ROOT)
    one = commands.add_parser('run', help=run.__doc__)
    one.set_defaults(do=run)
    one.add_argument('list', type=Path)
    one.add_argument('results', type=Path)
    one.add_argument('--tree', type=Path, default=ROOT)
    one.add_argument('--coverage', type=Path, help='data of coverage with contexts')
    one.add_argument('--durations', type=Path, help='lines of JSON: [test, phase, seconds, …]')
    one.add_argument('--python', default=sys.executable, help='that runs the tests')
    one.add_argument('--jobs', type=int, choices=(1, 2), default=1)
    one.add_argument('--budget', type=float, default=90.0, help='s of tests for each fault')
    one.add_argument('--limit', type=float, default=400.0, help='s after which a run is ended')
    one = commands.add_parser('table', help=table.__doc__)
    one.set_defaults(do=table)
    one.add_argument('results', type=Path)
    one.add_argument('later', type=Path, nargs='?')
    options = parser.parse_args()
    options.do(options)


if __name__ == '__main__':
    main()
