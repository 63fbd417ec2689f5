"""What an environment has beside this package's requirements does not stop its tests."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# As in Jazzy: pytest 8.1 took away the argument `path` of hooks.
HOOKS = {
    'launch_testing': 'def pytest_pycollect_makemodule(path, parent): pass',
    'launch_ros': 'def pytest_launch_collect_makemodule(path, parent, entrypoint): pass',
    'launch_pytest': 'def pytest_collect_file(path, parent): pass',
}


def test_pytest_starts_beside_the_plugins_of_launch_testing(tmp_path):
    info = tmp_path / 'launch_testing-3.4.dist-info'
    info.mkdir()
    (info / 'METADATA').write_text('Metadata-Version: 2.1\nName: launch_testing\nVersion: 3.4\n')
    entries = [f'{plugin} = {plugin}_hooks' for plugin in HOOKS]
    (info / 'entry_points.txt').write_text('\n'.join(['[pytest11]', *entries]))
    for plugin, hook in HOOKS.items():
        (tmp_path / f'{plugin}_hooks.py').write_text(hook)
    path = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get('PYTHONPATH')]))
    done = subprocess.run(
        [sys.executable, '-m', 'pytest', '--collect-only', '-q', '-p', 'no:cacheprovider',
         'test/house/test_next_ros.py'],
        cwd=ROOT, env={**os.environ, 'PYTHONPATH': path},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
