"""docs/dataset.md describes the columns that there are, and commands that exist."""

from __future__ import annotations

import re
import runpy
import shlex
import subprocess
from pathlib import Path

import yaml

from dexgrasp_ros.cli.dataset import dataset
from dexgrasp_ros.cli.dataset_generate import Generate
from dexgrasp_ros.cli.usage import parse

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / 'docs' / 'dataset.md').read_text(encoding='utf-8')
BLOCKS = [
    re.sub(r'^    ', '', block, flags=re.M)
    for block in re.findall(r'(?:^    .*\n)+', TEXT, flags=re.M)
]


def block(beginning: str) -> str:
    (found,) = (b for b in BLOCKS if b.startswith(beginning))
    return found


def generate_options(command: str) -> Generate:
    """Options of the last command in lines of a shell, with 3 for the number of the machine."""
    line = command.replace('\\\n', ' ').strip().splitlines()[-1].split(' dexgrasp ', 1)[-1]
    words = shlex.split(re.sub(r'\$\w+', '3', line), comments=True)
    bound = parse([dataset], [w for w in words if w != 'dexgrasp'], 'test')
    return bound.keywords['action']


def test_the_tables_are_those_of_the_schema():
    script = runpy.run_path(str(ROOT / 'scripts' / 'dataset_tables.py'))
    told = script['with_tables'](TEXT)
    assert told == TEXT, 'run scripts/dataset_tables.py'
    assert '| `squeeze` | float32 × J |' in told


def test_the_first_command_makes_a_dataset():
    options = generate_options(block('dexgrasp dataset generate'))
    assert (options.hands, options.grasps_per_object) == (('barrett', 'allegro', 'shadow'), 1000)


def test_the_command_for_ray_joins_a_cluster():
    assert generate_options(block('pip install')).ray == 'auto'


def test_the_slurm_script_is_one_and_gives_each_job_its_share():
    script = block('#!/bin/bash')
    assert subprocess.run(['bash', '-n'], input=script, text=True).returncode == 0
    last = int(re.search(r'--array=0-(\d+)', script)[1])
    options = generate_options(script)
    assert (options.shard_index, options.shard_count) == (3, last + 1)


def test_the_job_for_kubernetes_gives_each_pod_its_share():
    spec = yaml.safe_load(block('apiVersion'))['spec']
    (container,) = spec['template']['spec']['containers']
    assert container['command'] == ['bash', '-c']
    options = generate_options(container['args'][0])
    assert (options.shard_index, options.shard_count) == (3, spec['completions'])
