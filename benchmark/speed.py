"""How long a search takes, by kernel, by batch, by hand and by grid; on a CPU or a GPU.

    .venv/bin/python benchmark/speed.py [--device cuda] [--hand allegro] [--objects MESH …]
        [--batches 64 128 256 512] [--hands allegro barrett shadow] [--intervals 32 64 128]
        [--random-seeds 0 1 2] [--shake 0] [--out FILE.md]

Objects are by default those of the test data that settings may be chosen on. Four tables:

- a grasp-iteration by kernel: one engine, all iterations, the time inside each launch (on a CPU
  that of the thread, which other processes do not stretch; on CUDA with a synchronization after
  each launch, which costs a few microseconds of its own);
- a request by the number of seeds, all of which may be returned: seconds of each phase (on a CPU
  of all cores together, as below),
  candidates and grasps a second, peak memory; with ``--shake N`` so many of each object's
  grasps are shaken in MuJoCo, and grasps a second are multiplied by the share that held;
- a request of ``--seed-count`` seeds by hand, with its joints, geometries and points;
- the same by the intervals of the object's distance grid along its longest side.

Each is the median over objects and random seeds, with the least and the most. For figures that can
be compared nothing else may run on the machine.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import tyro
from records import TUNED
from timing import TimedEngine, changed, core_time, peak_memory, spread, title

from dexgrasp_ros import SynthesisConfig, evaluate, load_hand, load_object, synthesize
from dexgrasp_ros.core.grasp_set import GraspSet
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.core.object_model import ObjectModel
from dexgrasp_ros.object import ObjectConfig
from dexgrasp_ros.synthesis.device import resolve_device
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
    synthesize(model, loaded[0], changed(base, seed_count=8))  # compiles what is not compiled yet
    lines = [title(base, hand, loaded, random_seeds)]

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


# --- kernels -----------------------------------------------------------------------------------


def _kernel_table(
    hand: HandModel,
    objects: Sequence[ObjectModel],
    config: SynthesisConfig,
    random_seeds: Sequence[int],
) -> Iterable[str]:
    found: dict[str, list[float]] = defaultdict(list)
    for obj in objects:
        for seed in random_seeds:
            plan = changed(config, seed_count=_ENGINE, random_seed=seed)
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
        yield f'| `{name}` | {spread(times, 1)} |'


# --- requests ----------------------------------------------------------------------------------


def _requests(
    hand: HandModel,
    objects: Sequence[ObjectModel],
    config: SynthesisConfig,
    random_seeds: Sequence[int],
) -> list[tuple[ObjectModel, GraspSet]]:
    with core_time(config):
        return [
            (obj, synthesize(hand, obj, changed(config, random_seed=seed)))
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
        plan = changed(config, seed_count=count, max_grasps=count)
        made = _requests(hand, objects, plan, random_seeds)
        seconds = np.array([[g.timing[p] for p in _PHASES] for _, g in made])
        whole = seconds.sum(axis=1)
        returned = np.array([len(g) for _, g in made])
        phases = ', '.join(f'{v:.2f}' for v in np.median(seconds, axis=0))
        row = (
            f'| {count} | {phases} | {spread(1e3 * whole / count, 1)}'
            f' | {spread(count / whole, 0)} | {spread(returned, 0)}'
            f' | {spread(returned / whole, 1)} | {peak_memory(config):.0f} |'
        )
        if shake:
            good = [evaluate(g.select(slice(0, shake)), hand=hand, object=o) for o, g in made]
            share = np.array([e.held.mean() if len(e.held) else 0.0 for e in good])
            row += f' {100 * share.mean():.0f} % | {spread(share * returned / whole, 1)} |'
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
            f' | {spread(descent, 2)} | {spread(closing, 2)}'
            f' | {spread([len(g) for g in made], 0)} |'
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
            f'| {count} | {spread(nodes, 0)} | {spread(descent, 2)} | {spread(closing, 2)}'
            f' | {spread([len(g) for g in made], 0)} |'
        )


if __name__ == '__main__':
    tyro.cli(main)
