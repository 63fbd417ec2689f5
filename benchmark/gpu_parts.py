"""The parts of `gpu_check.py`, each in a process of its own: one that fails leaves the others be.

A part returns figures by name. The object is the demo's mug, which is made in code: no test data
are needed.
"""

from __future__ import annotations

import argparse
import json
import platform
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import warp as wp
from cuda_build import kernel_modules
from roofline import copy_bandwidth, multiply_rate, roofline_shares
from throughput import closed_share, kernel_times, timed
from timing import changed, peak_memory

from dexgrasp_ros import SynthesisConfig, load_hand, load_object, synthesize
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.core.kernel_loader import load_kernels
from dexgrasp_ros.core.object_model import ObjectModel
from dexgrasp_ros.simulation.demo_objects import make_mug
from dexgrasp_ros.synthesis.device import resolve_device
from dexgrasp_ros.synthesis.engine import Engine
from dexgrasp_ros.synthesis.search import Search
from dexgrasp_ros.synthesis.seeds import make_seeds
from dexgrasp_ros.synthesis.upload import upload_hand, upload_object

ROOT = Path(__file__).resolve().parents[1]
Figures = dict[str, float | str]
# As `throughput.py` counts valid grasps: all that pass the analysis, duplicates too.
_ALL = {'duplicate_translation': 0.0, 'duplicate_rotation': 0.0, 'duplicate_joint': 0.0}
_SAMPLE = 256  # grasps whose contacts are asked for force closure
_SEEDS = 64  # of the comparison with the CPU
_FEW = 12  # iterations after which descents have hardly parted


def machine(options: argparse.Namespace) -> Figures:
    """Tell what this runs on."""
    device = resolve_device(options.device)
    driver = wp.get_cuda_driver_version()
    found: Figures = {'device': device.name, 'alias': device.alias}
    if not device.is_cpu:
        found |= {'architecture': f'sm_{device.arch}', 'memory [GB]': device.total_memory / 1e9}
    return found | {
        'CUDA of the driver': '.'.join(map(str, driver)) if driver else 'none',
        'Warp': wp.config.version,
        'Python': platform.python_version(),
    }


def build(options: argparse.Namespace) -> Figures:
    """Compile all kernels for CPU and device, or take them from Warp's cache."""
    kernel_modules()  # imported, they are known
    found: Figures = {}
    for name in dict.fromkeys(('cpu', options.device)):  # objects are measured on the CPU
        start = time.perf_counter()
        load_kernels(resolve_device(name))
        found[f'{name} [s]'] = time.perf_counter() - start
    return found


def tests(options: argparse.Namespace) -> Figures:
    """Run the tests that ask for a GPU; without one they skip themselves."""
    command = [sys.executable, '-m', 'pytest', '-q', '-m', 'cuda', '-p', 'no:cacheprovider']
    command += ['-p', 'no:randomly', 'test/kernels', 'test/synthesis']
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise RuntimeError(ended.stdout[-4000:] + ended.stderr[-1000:])
    counts = re.findall(r'(\d+) (passed|skipped|deselected)', ended.stdout.splitlines()[-1])
    return {what: int(count) for count, what in counts}


def agreement(options: argparse.Namespace) -> Figures:
    """Compare the device with the CPU: one look, a few iterations, a whole search."""
    hand, obj = _things()
    plan = _config(options, device='cpu', seed_count=_SEEDS)
    seeds = make_seeds(Search(hand, obj, plan), hand, obj, plan)
    found = []
    for name in ('cpu', options.device):
        device = resolve_device(name)
        uploads = upload_hand(hand, device), upload_object(obj, device)
        engine = Engine(*uploads, plan, _SEEDS, device)
        engine.set_state(*seeds)
        energy, gradient = engine.gradient(sweeps=plan.sweeps)
        engine.forget()
        engine.run(min(_FEW, plan.iterations), lambda _made: None)
        grasps = synthesize(hand, obj, changed(plan, device=name))
        found.append((energy, gradient, *engine.get_state(), grasps))
    (e, g, p, q, one), (e2, g2, p2, q2, other) = found
    gone = np.maximum(np.abs(p - p2).max(axis=1), np.abs(q - q2).max(axis=1))
    return {
        'energy, relative difference': float(np.abs(e2 / e - 1.0).max()),
        'gradient, relative difference': float(np.abs(g2 - g).max() / np.abs(g).max()),
        f'share within 1e-3 after {_FEW} iterations': float((gone < 1e-3).mean()),
        'grasps of the CPU': len(one),
        'grasps of the device': len(other),
        'mean score of the CPU': float(one.score.mean()) if len(one) else 0.0,
        'mean score of the device': float(other.score.mean()) if len(other) else 0.0,
    }


def batch(options: argparse.Namespace) -> Figures:
    """All of a batch to the end, without closings: candidates and effective grasps a second.

    Effective are those that `throughput.py` calls valid, in force closure by a sample.
    """
    hand, obj = _things()
    count = options.count
    plan = _config(options, seed_count=count, max_grasps=count, simulate_closing=False, **_ALL)
    synthesize(hand, obj, changed(plan, seed_count=16))
    grasps, seconds = timed(hand, obj, plan)
    pick = np.sort(np.random.default_rng(0).permutation(len(grasps))[:_SAMPLE])
    effective = closed_share(grasps.select(pick), obj, plan.friction) * len(grasps)
    return {
        'candidates a second': count / seconds,
        'effective grasps': round(effective),
        'effective grasps a second': effective / seconds,
        **{f'{phase} [s]': value for phase, value in grasps.timing.items()},
        'memory [MB]': peak_memory(plan),
        'warnings': '; '.join(grasps.warnings) or 'none',
    }


def request(options: argparse.Namespace) -> Figures:
    """Latency of a request for 16 grasps of 128 seeds."""
    hand, obj = _things()
    plan = _config(options, seed_count=128, max_grasps=16)
    timed(hand, obj, plan)
    made = [timed(hand, obj, changed(plan, random_seed=k)) for k in range(options.repeats)]
    seconds = [took for _, took in made]
    return {
        'median [s]': float(np.median(seconds)),
        'least [s]': min(seconds),
        'most [s]': max(seconds),
        'grasps, median': float(np.median([len(grasps) for grasps, _ in made])),
    }


def roofline(options: argparse.Namespace) -> Figures:
    """Each kernel's time for a candidate's iteration, and its share of what the device can do."""
    hand, obj = _things()
    config, device = _config(options), resolve_device(options.device)
    bandwidth, rate = copy_bandwidth(device), multiply_rate(device)
    taken = kernel_times(hand, obj, config, options.count)
    found: Figures = {'copied [GB/s]': bandwidth / 1e9, 'arithmetic [Gflop/s]': rate / 1e9}
    for name, share in roofline_shares(upload_hand(hand, device), config, taken, bandwidth, rate):
        found[f'`{name}` [ns]'] = 1e9 * share.taken
        if share.least:
            found[f'`{name}`, share of the roofline'] = share.least / share.taken
    return found


PARTS: dict[str, Callable[[argparse.Namespace], Figures]] = {
    part.__name__: part for part in (machine, build, tests, agreement, batch, request, roofline)
}


def _things() -> tuple[HandModel, ObjectModel]:
    mug = make_mug()
    return load_hand('allegro'), load_object((mug.vertices, mug.faces))


def _config(options: argparse.Namespace, **changes: Any) -> SynthesisConfig:
    given = {'device': options.device, 'iterations': options.iterations}
    return SynthesisConfig(**(given | changes))


def main() -> None:
    """Do the part that the arguments name, and write its figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument('part', choices=PARTS)
    parser.add_argument('--device', default='cuda')
    parser.add_argument('--count', type=int, default=4096)
    parser.add_argument('--repeats', type=int, default=10)
    parser.add_argument('--iterations', type=int, default=SynthesisConfig().iterations)
    parser.add_argument('--out', type=Path, required=True)
    options = parser.parse_args()
    figures = PARTS[options.part](options)
    options.out.write_text(json.dumps(figures), encoding='utf-8')
