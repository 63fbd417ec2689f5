"""`make sbom` writes what is installed as CycloneDX, the same each time."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT / '.venv-supply' / 'bin' / 'cyclonedx-py'


def recipe() -> str:
    """What make would run."""
    return subprocess.run(
        ['make', '-n', 'sbom'],
        cwd=ROOT, env={'PATH': os.environ['PATH']}, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip


def test_the_bill_is_reproducible_and_of_the_environment():
    (line,) = [n for n in recipe().replace('\\\n', ' ').splitlines() if '/cyclonedx-py ' in n]
    words = line.split()
    assert words[0] == '.venv-supply/bin/cyclonedx-py' and words[-1] == '.venv/bin/python'
    assert '--output-reproducible' in words and '--no-validate' not in words


@pytest.mark.slow  # fourteen seconds of processor time
@pytest.mark.skipif(not TOOL.exists(), reason='no cyclonedx-py: `make sbom` installs it')
def test_the_bill_names_what_is_installed(tmp_path):
    file = tmp_path / 'sbom.json'
    # The tool itself refuses to write what is not valid.
    subprocess.run(
        [TOOL, 'environment', '--output-reproducible', '--pyproject', ROOT / 'pyproject.toml',
         '--output-file', file, sys.executable],
        check=True,
    )  # fmt: skip
    bill = json.loads(file.read_text())
    assert bill['bomFormat'] == 'CycloneDX'
    assert bill['metadata']['component']['name'] == 'dexgrasp-ros'
    assert 'timestamp' not in bill['metadata'] and 'serialNumber' not in bill
    assert {'numpy', 'warp-lang', 'ros-rclpy'} <= {c['name'] for c in bill['components']}
