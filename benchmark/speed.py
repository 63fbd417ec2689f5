"""How long a search takes, by kernel, by batch, by hand and by grid; on a CPU or a GPU.

    .venv/bin/python benchmark/speed.py [--device cuda] [--hand allegro] [--objects MESH …]
        [--batches 64 128 256 512] [--hands allegro barrett shadow] [--intervals 32 64 128]
        [--random-seeds 0 1 2] [--shake 0] [--out FILE.md]

Objects are by default those of the test data that settings may be chosen on. Four tables:

- a grasp-iteration by kernel: one engine, all iterations, the time inside each launch (on a CPU
  that of the thread, which other processes do not stretch; on CUDA with a synchronization after
  each launch, which costs a few microseconds of its own);
- a request by the number of seeds, all of which may be returned: seconds of each phase,
  candidates and grasps a second, peak memory; with ``--shake N`` so many of each object's
  grasps are shaken in MuJoCo, and grasps a second are multiplied by the share that held;
- a request of ``--seed-count`` seeds by hand, with its joints, geometries and points;
- the same by the intervals of the object's distance grid along its longest side.

Each is the median over objects and random seeds, with the least and the most. For figures that can
be compared nothing else may run on the machine.
"""

from __future__ import annotations

import os
import platform
import resource
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tyro
import warp as wp
from records import TUNED

from dexgrasp_ros import SynthesisConfig, evaluate, load_hand, load_object, synthesize
from dexgrasp_ros.core.grasp_set import GraspSet
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.core.object_model import ObjectModel
from dexgrasp_ros.object import ObjectConfig
from dexgrasp_ros.synthesis.device import resolve_device
from dexgrasp_ros.synthesis.engine import Engine
from dexgrasp_ros.synthesis.search import Search
from dexgrasp_ros.synthesis.seeds import make_seeds
from dexgrasp_ros.synthesis.upload import upload_hand, upload_object

_ENGINE = 32  # candidates of the engine whose kernels are timed: a CPU's chunk
_PHASES = ('seeds', 'optimize', 'finish')


def main(
    *,
    device: str = 'auto',
    hand: str = 'allegro',
    objects: tuple[Path, ...] = (),
    batches: tuple[int, ...] = (64, 128, 256, 512),
    hands: tuple[str, ...] = ('allegro', 'barrett', 'shadow'),
    intervals: tuple[int, ...] = (32, 64, 128),
    random_seeds: tuple[int, ...] = (0, 1, 2),
    seed_count: int = SynthesisConfig().seed_count,
    iterations: int = SynthesisConfig().iterations,
    shake: int = 0,
    out: Path | None = None,
) -> None:
    """Print the tables."""
    data = Path(os.environ.get('DEXGRASP_TEST_DATA', '../shared/data'))
    meshes = objects or tuple(data / 'objects' / f'{name}.obj' for name in TUNED)
    loaded = [load_object(mesh) for mesh in meshes]
    base = SynthesisConfig(device=device, seed_count=seed_count, iterations=iterations)
    model = load_hand(hand)
    synthesize(model, loaded[0], _changed(base, seed_count=8))  # compiles what is not compiled yet
    lines = [_title(base, hand, loaded, random_seeds)]

    def show(rows: Iterable[str]) -> None:
        for row in rows:
            lines.append(row)
            print(row, flush=True)

    print(lines[0])
    show(_kernel_table(model, loaded, base, random_seeds))
    show(_batch_table(model, loaded, base, batches, random_seeds, shake))
    show(_hand_table(hands, loaded, base, random_seeds))
    show(_grid_table(model, meshes, base, intervals, random_seeds))
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text('\n'.join(lines) + '\n')


def _changed(config: SynthesisConfig, **changes: Any) -> SynthesisConfig:
    return SynthesisConfig(**{**vars(config), **changes})


def _title(
    config: SynthesisConfig, hand: str, objects: Sequence[ObjectModel], seeds: Sequence[int]
) -> str:
    device = resolve_device(config.device)
    where = f'{platform.machine()}, {os.cpu_count()} cores' if device.is_cpu else device.name
    names = ', '.join(o.name for o in objects)
    return f'{where}; {hand}; {names}; random seeds {", ".join(map(str, seeds))}'


# --- kernels -----------------------------------------------------------------------------------


class TimedEngine(Engine):
    """Books the time of each kernel's launches."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.seconds: Counter[str] = Counter()
        self._clock: Callable[[], float] = time.thread_time
        if not self._device.is_cpu:
            self._clock = time.perf_counter

    def _launch(self, kernel: Any, dim: Any, *arguments: Any) -> None:
        start = self._clock()
        super()._launch(kernel, dim, *arguments)
        wp.synchronize_device(self._device)
        self.seconds[kernel.key] += self._clock() - start


def _kernel_table(
    hand: HandModel,
    objects: Sequence[ObjectModel],
    config: SynthesisConfig,
    random_seeds: Sequence[int],
) -> Iterable[str]:
    found: dict[str, list[float]] = defaultdict(list)
    for obj in objects:
        for seed in random_seeds:
            plan = _changed(config, seed_count=_ENGINE, random_seed=seed)
            device = resolve_device(plan.device)
            uploads = upload_hand(hand, device), upload_object(obj, device)
            engine = TimedEngine(*uploads, plan, _ENGINE, device)
            engine.set_state(*make_seeds(Search(hand, obj, plan), hand, obj, plan))
            for _ in range(plan.iterations):
                engine.step()
            for name, seconds in (engine.seconds | {'all': engine.seconds.total()}).items():
                found[name].append(1e6 * seconds / (_ENGINE * plan.iterations))
    yield '\n| kernel | µs for a grasp-iteration |\n| --- | --- |'
    for name, times in sorted(found.items(), key=lambda item: -np.median(item[1])):
        yield f'| `{name.rpartition(".")[2]}` | {_spread(times, 1)} |'


# --- requests ----------------------------------------------------------------------------------


def _requests(
    hand: HandModel,
    objects: Sequence[ObjectModel],
    config: SynthesisConfig,
    random_seeds: Sequence[int],
) -> list[tuple[ObjectModel, GraspSet]]:
    return [
        (obj, synthesize(hand, obj, _changed(config, random_seed=seed)))
        for obj in objects
        for seed in random_seeds
    ]


def _batch_table(
    hand: HandModel,
    objects: Sequence[ObjectModel],
    config: SynthesisConfig,
    batches: Sequence[int],
    random_seeds: Sequence[int],
    shake: int,
) -> Iterable[str]:
    held = ' shaken: held | grasps that hold a second |' if shake else ''
    yield (
        '\n| seeds | seeds, descent, closing [s] | ms for a candidate | candidates a second'
        f' | returned | grasps a second | peak memory [MB] |{held}'
    )
    yield '|' + ' --- |' * (9 if shake else 7)
    for count in batches:
        plan = _changed(config, seed_count=count, max_grasps=count)
        made = _requests(hand, objects, plan, random_seeds)
        seconds = np.array([[g.timing[p] for p in _PHASES] for _, g in made])
        whole = seconds.sum(axis=1)
        returned = np.array([len(g) for _, g in made])
        phases = ', '.join(f'{v:.2f}' for v in np.median(seconds, axis=0))
        row = (
            f'| {count} | {phases} | {_spread(1e3 * whole / count, 1)}'
            f' | {_spread(count / whole, 0)} | {_spread(returned, 0)}'
            f' | {_spread(returned / whole, 1)} | {_peak_memory(config):.0f} |'
        )
        if shake:
            good = [evaluate(g.select(slice(0, shake)), hand=hand, object=o) for o, g in made]
            share = np.array([e.held.mean() if len(e.held) else 0.0 for e in good])
            row += f' {100 * share.mean():.0f} % | {_spread(share * returned / whole, 1)} |'
        yield row


def _hand_table(
    hands: Sequence[str],
    objects: Sequence[ObjectModel],
    config: SynthesisConfig,
    random_seeds: Sequence[int],
) -> Iterable[str]:
    yield (
        f'\n| hand, {config.seed_count} seeds | joints | geometries | points | pairs'
        ' | descent [s] | closing [s] | returned |\n|' + ' --- |' * 8
    )
    for name in hands:
        hand = load_hand(name)
        made = [g for _, g in _requests(hand, objects, config, random_seeds)]
        descent, closing = ([g.timing[p] for g in made] for p in _PHASES[1:])
        yield (
            f'| {Path(name).stem} | {len(hand.joint_names)} | {len(hand.group_names)}'
            f' | {len(hand.points)} | {len(hand.self_collision_pairs)}'
            f' | {_spread(descent, 2)} | {_spread(closing, 2)}'
            f' | {_spread([len(g) for g in made], 0)} |'
        )


def _grid_table(
    hand: HandModel,
    meshes: Sequence[Path],
    config: SynthesisConfig,
    intervals: Sequence[int],
    random_seeds: Sequence[int],
) -> Iterable[str]:
    yield (
        f'\n| intervals, {config.seed_count} seeds | nodes'
        ' | descent [s] | closing [s] | returned |'
    )
    yield '|' + ' --- |' * 5
    for count in intervals:
        objects = [load_object(mesh, config=ObjectConfig(intervals=count)) for mesh in meshes]
        nodes = [o.distance.values[..., 0].size for o in objects]
        made = [g for _, g in _requests(hand, objects, config, random_seeds)]
        descent, closing = ([g.timing[p] for g in made] for p in _PHASES[1:])
        yield (
            f'| {count} | {_spread(nodes, 0)} | {_spread(descent, 2)} | {_spread(closing, 2)}'
            f' | {_spread([len(g) for g in made], 0)} |'
        )


def _spread(values: Sequence[float] | np.ndarray, digits: int) -> str:
    """Median, least and most."""
    values = np.asarray(values, dtype=float)
    low, high = values.min(), values.max()
    return f'{np.median(values):,.{digits}f} ({low:,.{digits}f} to {high:,.{digits}f})'


def _peak_memory(config: SynthesisConfig) -> float:
    """Most that this process has taken so far [MB]: of the machine, or of the GPU."""
    device = resolve_device(config.device)
    if device.is_cpu:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return (device.total_memory - device.free_memory) / 2**20


if __name__ == '__main__':
    tyro.cli(main)
