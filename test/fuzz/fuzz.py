"""Many spoilt files for each door: ``make fuzz``, or ``python test/fuzz/fuzz.py overrides bag``.

A run can end at any moment; the next one goes on where it was. What is found lies in ``out/fuzz``:
the seed of the batch, the shrunken changes and the trace in DOOR-BATCH.txt, what hypothesis
learned in `examples`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

BATCH = 250  # examples of one process: one that dies or hangs costs no more
TIME_LIMIT = 1800.0  # s for a batch


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('doors', nargs='*', help='names; by default all')
    parser.add_argument('--count', type=int, default=10_000, help='examples for each door')
    parser.add_argument('--out', type=Path, default=Path('out/fuzz'))
    parser.add_argument('--batch', type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.batch is not None:
        run_batch(options.doors[0], options.batch, options.out)
        return 0
    from doors import DOORS

    known = [door.name for door in DOORS]
    if unknown := set(options.doors) - set(known):
        parser.error(f'there is no door {sorted(unknown)}; there are {known}')
    found = sum(run_door(name, options.count, options.out) for name in options.doors or known)
    print(f'{found} batches found something; see {options.out}')
    return min(found, 1)


def run_door(name: str, count: int, out: Path) -> int:
    """Run the batches of a door that are missing; return how many have found something."""
    out.mkdir(parents=True, exist_ok=True)
    progress = out / 'progress.json'
    done = json.loads(progress.read_text()) if progress.exists() else {}
    for batch in range(done.get(name, 0), -(-count // BATCH)):
        command = [sys.executable, __file__, name, '--batch', str(batch), '--out', str(out)]
        try:
            run = subprocess.run(command, capture_output=True, text=True, timeout=TIME_LIMIT)
            failed, told = run.returncode != 0, f'exit code {run.returncode}\n{run.stderr}'
        except subprocess.TimeoutExpired:
            failed, told = True, f'no end within {TIME_LIMIT:.0f} s'
        if failed:
            (out / f'{name.replace(" ", "_")}-{batch:03d}.txt').write_text(told)
        done[name] = batch + 1
        progress.write_text(json.dumps(done))
        print(f'{name}: {(batch + 1) * BATCH}{" FOUND SOMETHING" if failed else ""}', flush=True)
    return len(list(out.glob(f'{name.replace(" ", "_")}-[0-9]*.txt')))


def run_batch(name: str, batch: int, out: Path) -> None:
    """Try one batch of examples; what hypothesis finds it raises, shrunken."""
    import tempfile

    from attempts import attempts
    from doors import DOORS
    from hypothesis import seed
    from hypothesis.database import DirectoryBasedExampleDatabase

    door = next(door for door in DOORS if door.name == name)
    with tempfile.TemporaryDirectory() as folder:
        os.environ['XDG_CACHE_HOME'] = f'{folder}/cache'
        database = DirectoryBasedExampleDatabase(out / 'examples')
        place = Path(folder) / 'spoilt-files'
        attempt = attempts(door, place, max_examples=BATCH, database=database, print_blob=True)
        seed(batch)(attempt)()


if __name__ == '__main__':
    sys.exit(main())
