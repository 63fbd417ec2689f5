"""All that a first run on a GPU asks, in one command and at most eight minutes.

    make gpu-check                                  (or python benchmark/gpu_check.py)
    python benchmark/gpu_check.py --device cpu --batches 16 --iterations 4 --repeats 1
    python benchmark/gpu_check.py --fetch WHEELS    (with a network: what a bare machine needs)

Compiles, runs the CUDA tests, compares CPU and GPU, measures batches of 256 to 65,536, effective
grasps a second, the latency of a request and the roofline. Each part is a process of its own with
a limit of time (`gpu_parts.py`): what fails, hangs or spoils the GPU's state is told and stops
nothing else. Figures go to ``out/gpu_check.json`` and, as one table, to ``out/gpu_check.md``.

This script itself needs Python alone, and says which packages a machine lacks. For one without a
network, ``--fetch`` downloads the wheels of `NEEDED` for Python 3.12 on x86-64 Linux, in the
versions of ``locks/venv.txt``, and tells their sizes; there

    python3.12 -m pip install --no-index --no-deps --find-links WHEELS WHEELS/*.whl

and then, in the source tree, ``python3.12 benchmark/gpu_check.py``.
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
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
BATCHES = (256, 1024, 4096, 16_384, 65_536)
MINUTES = 8.0
# Seconds after which a part is given up.
LIMITS = {
    'machine': 60,
    'build': 150,
    'tests': 120,
    'agreement': 60,
    'batch': 100,
    'request': 60,
    'roofline': 60,
}
# Packages that the parts import, by the module that says whether they are there.
NEEDED = {
    'numpy': 'numpy',
    'scipy': 'scipy',
    'warp-lang': 'warp',
    'trimesh': 'trimesh',
    'networkx': 'networkx',
    'open3d': 'open3d',
    'libusb-package': 'libusb_package',
    'importlib-resources': 'importlib_resources',
    'manifold3d': 'manifold3d',
    'mujoco': 'mujoco',
    'mujoco-core': 'mujoco',
    'yourdfpy': 'yourdfpy',
    'lxml': 'lxml',
    'six': 'six',
    'msgspec': 'msgspec',
    'pyyaml': 'yaml',
    'pillow': 'PIL',
    'tyro': 'tyro',
    'docstring-parser': 'docstring_parser',
    'typeguard': 'typeguard',
    'typing-extensions': 'typing_extensions',
    'rich': 'rich',
    'pygments': 'pygments',
    'markdown-it-py': 'markdown_it',
    'mdurl': 'mdurl',
    'pytest': 'pytest',
    'pytest-timeout': 'pytest_timeout',
    'pluggy': 'pluggy',
    'iniconfig': 'iniconfig',
    'packaging': 'packaging',
    'hypothesis': 'hypothesis',
    'sortedcontainers': 'sortedcontainers',
}
_PART = 'import gpu_parts; gpu_parts.main()'
_PLATFORMS = [f'manylinux_2_{n}_x86_64' for n in (17, 24, 27, 28, 31, 34, 35)]
_PLATFORMS += ['manylinux2014_x86_64']


def missing() -> list[str]:
    """Name the packages that this Python does not have."""
    return [name for name, module in NEEDED.items() if importlib.util.find_spec(module) is None]


def locked() -> list[str]:
    """Return the needed packages with the versions of the lock."""
    text = (ROOT / 'locks' / 'venv.txt').read_text(encoding='utf-8')
    # The last one of a package that differs by Python is the newest Python's.
    pins = dict(re.findall(r'^([a-z0-9-]+)==([^\s;]+)', text, re.MULTILINE))
    return [f'{name}=={pins[name]}' for name in NEEDED]


def fetch_wheels(folder: Path) -> None:
    """Download the wheels for a machine without a network, and tell their sizes."""
    command = [sys.executable, '-m', 'pip', 'download', '--quiet', '--no-deps']
    command += ['--only-binary=:all:', '--python-version=3.12', '--implementation=cp']
    command += [f'--platform={name}' for name in _PLATFORMS]
    subprocess.run([*command, '--dest', str(folder), *locked()], check=True)
    wheels = sorted(folder.glob('*.whl'), key=lambda wheel: -wheel.stat().st_size)
    for wheel in wheels:
        print(f'{wheel.stat().st_size / 1e6:8.1f} MB  {wheel.name}')
    print(f'{sum(w.stat().st_size for w in wheels) / 1e6:8.1f} MB  {len(wheels)} wheels')


def run_part(name: str, arguments: Sequence[str], limit: float) -> dict[str, Any]:
    """Run one part; return its figures, or what it said last."""
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / 'figures.json'
        command = [sys.executable, '-c', _PART, name, *arguments, f'--out={out}']
        path = os.pathsep.join([str(ROOT), str(HERE), os.environ.get('PYTHONPATH', '')])
        try:
            ended = subprocess.run(
                command,
                env=os.environ | {'PYTHONPATH': path},
                cwd=ROOT,
                timeout=limit,
                text=True,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                check=False,
            )
            problem = ended.stdout[-4000:].strip() or f'it ended with {ended.returncode}'
        except subprocess.TimeoutExpired:
            problem = f'not done after {limit:.0f} s'
        ok = out.exists()  # it is written at the end
        figures = json.loads(out.read_text(encoding='utf-8')) if ok else {}
    seconds = time.perf_counter() - start
    return {'ok': ok, 'seconds': seconds, 'figures': figures, 'problem': '' if ok else problem}


def plan(options: argparse.Namespace) -> Iterator[tuple[str, str, list[str]]]:
    """Yield the parts in their order: title, name, arguments."""
    common = [f'--device={options.device}', f'--iterations={options.iterations}']
    for name in ('machine', 'build', 'tests', 'agreement'):
        yield name, name, common
    yield 'request', 'request', [*common, f'--repeats={options.repeats}']
    for count in options.batches:
        yield f'batch of {count:,}', 'batch', [*common, f'--count={count}']
    count = sorted(options.batches)[len(options.batches) // 2]
    yield f'roofline, {count:,}', 'roofline', [*common, f'--count={count}']


def check(options: argparse.Namespace) -> dict[str, Any]:
    """Run all parts that there is time for."""
    end, done = time.monotonic() + 60.0 * options.minutes, {}
    for title, name, arguments in plan(options):
        left = end - time.monotonic()
        if left < 5.0:
            done[title] = {'ok': False, 'seconds': 0.0, 'figures': {}, 'problem': 'no time left'}
        else:
            done[title] = run_part(name, arguments, min(left, LIMITS[name]))
        said = 'done' if done[title]['ok'] else done[title]['problem'].splitlines()[-1]
        print(f'{done[title]["seconds"]:6.1f} s  {title}: {said}', flush=True)
    return {'device': options.device, 'minutes': options.minutes, 'parts': done}


def markdown(found: dict[str, Any]) -> str:
    """Return one table of all figures."""
    lines = ['| part | figure | value |', '| --- | --- | --- |']
    for title, part in found['parts'].items():
        if not part['ok']:
            last = part['problem'].splitlines()[-1].replace('|', '/')
            lines.append(f'| {title} | **failed** after {part["seconds"]:.0f} s | {last} |')
        for name, value in part['figures'].items():
            lines.append(f'| {title} | {name} | {_shown(value)} |')
    return '\n'.join(lines) + '\n'


def _shown(value: float | str) -> str:
    if not isinstance(value, float):
        return f'{value:,}' if isinstance(value, int) else value
    return f'{value:,.0f}' if abs(value) >= 1000.0 else f'{value:.4g}'


def main(
    *,
    device: str = 'cuda',
    batches: tuple[int, ...] = BATCHES,
    repeats: int = 10,
    iterations: int = 200,
    minutes: float = MINUTES,
    out: Path = ROOT / 'out' / 'gpu_check',
    fetch: Path | None = None,
) -> None:
    """Check, and write both files, or only fetch wheels; end with 1 where a part failed."""
    if fetch is not None:
        fetch_wheels(fetch)
        return
    if lacking := missing():
        raise SystemExit(f'not installed: {", ".join(lacking)}\n\n{__doc__}')
    options = argparse.Namespace(
        device=device, batches=batches, repeats=repeats, iterations=iterations, minutes=minutes
    )
    found = check(options)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.with_suffix('.json').write_text(json.dumps(found, indent=1), encoding='utf-8')
    out.with_suffix('.md').write_text(markdown(found), encoding='utf-8')
    print(f'Written to {out}.json and {out}.md')
    if not all(part['ok'] for part in found['parts'].values()):
        raise SystemExit(1)


def _arguments() -> dict[str, Any]:
    """Read the command line; what it does not name is left out."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        argument_default=argparse.SUPPRESS,
    )
    parser.add_argument('--device')
    parser.add_argument('--batches', type=int, nargs='+')
    parser.add_argument('--repeats', type=int)
    parser.add_argument('--iterations', type=int)
    parser.add_argument('--minutes', type=float)
    parser.add_argument('--out', type=Path)
    parser.add_argument('--fetch', type=Path, help='only download wheels, to this folder')
    return vars(parser.parse_args())


if __name__ == '__main__':
    main(**_arguments())
