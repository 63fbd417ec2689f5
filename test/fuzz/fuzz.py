"""Many spoilt files and messages for each door: ``make fuzz``.

``python test/fuzz/fuzz.py overrides bag 'grasp_node objects'`` takes some of the doors: those of
the library (`doors.py`), and those of nodes (`command_doors.py` and its kin) where ROS is there.
A run can end at any moment; the next one goes on where it was. What is found lies in ``out/fuzz``:
the seed of the batch, the shrunken changes and the trace in DOOR-BATCH.txt, what hypothesis
learned in `examples`.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

BATCH = 250  # examples of one process: one that dies or hangs costs no more
TIME_LIMIT = 1800.0  # s for a batch
OF_LIBRARY, OF_NODE = 10_000, 1000  # examples of a door


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('doors', nargs='*', help='names; by default all')
    parser.add_argument('--count', type=int, help='examples for each door')
    parser.add_argument('--out', type=Path, default=Path('out/fuzz'))
    parser.add_argument('--batch', type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    library, nodes = library_doors(), node_doors()
    if options.batch is not None:
        (name,) = options.doors
        run_batch(library.get(name) or nodes[name], options.batch, options.out)
        return 0
    known = [*library, *nodes]
    if unknown := set(options.doors) - set(known):
        parser.error(f'there is no door {sorted(unknown)}; there are {known}')
    found = 0
    for name in options.doors or known:
        count = options.count or (OF_LIBRARY if name in library else OF_NODE)
        found += run_door(name, count, options.out)
    print(f'{found} batches found something; see {options.out}')
    return min(found, 1)


def library_doors() -> dict[str, Any]:
    """Readers of files, by name."""
    from doors import DOORS

    return {door.name: door for door in DOORS}


def node_doors() -> dict[str, Any]:
    """Topics, actions and services of nodes, by name; none without ROS."""
    if importlib.util.find_spec('rclpy') is None:
        return {}
    from node_doors import NODE_DOORS

    return {door.name: door for door in NODE_DOORS}


def run_door(name: str, count: int, out: Path) -> int:
    """Run the batches of a door that are missing; return how many have found something."""
    out.mkdir(parents=True, exist_ok=True)
    progress = out / 'progress.json'
    done = json.loads(progress.read_text()) if progress.exists() else {}
    file = re.sub(r'\W+', '_', name)
    for batch in range(done.get(name, 0), -(-count // BATCH)):
        command = [sys.executable, __file__, name, '--batch', str(batch), '--out', str(out)]
        try:
            run = subprocess.run(command, capture_output=True, text=True, timeout=TIME_LIMIT)
            failed, told = run.returncode != 0, f'exit code {run.returncode}\n{run.stderr}'
        except subprocess.TimeoutExpired:
            failed, told = True, f'no end within {TIME_LIMIT:.0f} s'
        if failed:
            (out / f'{file}-{batch:03d}.txt').write_text(told)
        done[name] = batch + 1
        progress.write_text(json.dumps(done))
        print(f'{name}: {(batch + 1) * BATCH}{" FOUND SOMETHING" if failed else ""}', flush=True)
    return len(list(out.glob(f'{file}-[0-9]*.txt')))


def run_batch(door: Any, batch: int, out: Path) -> None:
    """Try one batch of examples; what hypothesis finds it raises, shrunken."""
    from hypothesis import seed
    from hypothesis.database import DirectoryBasedExampleDatabase

    database = DirectoryBasedExampleDatabase(out / 'examples')
    given = {'max_examples': BATCH, 'database': database, 'print_blob': True}
    with tempfile.TemporaryDirectory() as folder:
        if hasattr(door, 'node'):
            from domain_coordinator import domain_id
            from node_door import node_attempts
            from node_session import own_session

            os.environ |= {'ROS_LOG_DIR': folder, 'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST'}
            with (
                domain_id(lambda: 1 + os.getpid() % 100) as domain,
                own_session(door, domain) as session,
            ):
                seed(batch)(node_attempts(door, session, **given))()
        else:
            from attempts import attempts

            os.environ['XDG_CACHE_HOME'] = f'{folder}/cache'
            seed(batch)(attempts(door, Path(folder) / 'spoilt-files', **given))()


if __name__ == '__main__':
    sys.exit(main())
