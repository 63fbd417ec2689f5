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

import itertools
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import tyro
from arguments import find_meshes
from markdown_tables import show, spread, table
from records import TUNED
from timing import TimedEngine, changed, core_time, peak_memory, title

from dexgrasp_ros import SynthesisConfig, evaluate, load_hand, load_object, synthesize
from dexgrasp_ros.core.grasp_set import GraspSet
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.core.object_model import ObjectModel
from dexgrasp_ros.object import ObjectConfig

_ENGINE = 32  # candidates of the engine whose kernels are timed: a CPU's chunk
_PHASES = ('seeds', 'optimize', 'finish')
_TIMES = ('descent [s]', 'closing [s]', 'returned')


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
    meshes = objects or tuple(find_meshes(None, TUNED).values())
    loaded, model = [load_object(mesh) for mesh in meshes], load_hand(hand)
    base = SynthesisConfig(device=device, seed_count=seed_count, iterations=iterations)
    synthesize(model, loaded[0], changed(base, seed_count=8))  # compiles what is not compiled yet
    usual = Requests(hand=model, objects=loaded, config=base, random_seeds=random_seeds)
    tables = (
        [title(base, hand, loaded, random_seeds)],
        _kernel_table(usual),
        _batch_table(usual, batches, shake),
        _hand_table(usual, hands),
        _grid_table(usual, meshes, intervals),
    )
    show((line for lines in tables for line in lines), out)


@dataclass(frozen=True, kw_only=True)
class Requests:
    """The same request for each object, with each random seed."""

    hand: HandModel
    objects: Sequence[ObjectModel]
    config: SynthesisConfig
    random_seeds: Sequence[int]

    def plans(self) -> Iterator[tuple[ObjectModel, SynthesisConfig]]:
        """Yield what is asked for."""
        for obj, seed in itertools.product(self.objects, self.random_seeds):
            yield obj, changed(self.config, random_seed=seed)

    def made(self) -> list[tuple[ObjectModel, GraspSet]]:
        """Search."""
        with core_time(self.config):
            return [(obj, synthesize(self.hand, obj, plan)) for obj, plan in self.plans()]

    def times(self) -> list[str]:
        """Cells of `_TIMES`."""
        made = [grasps for _, grasps in self.made()]
        times = [spread([g.timing[p] for g in made], ',.2f') for p in _PHASES[1:]]
        return [*times, spread([len(g) for g in made], ',.0f')]


def _kernel_table(usual: Requests) -> Iterator[str]:
    found: dict[str, list[float]] = defaultdict(list)
    for obj, plan in usual.plans():
        engine = TimedEngine(usual.hand, obj, changed(plan, seed_count=_ENGINE))
        for _ in range(plan.iterations):
            engine.step()
        for name, seconds in (engine.seconds | {'all': engine.seconds.total()}).items():
            found[name].append(1e6 * seconds / (_ENGINE * plan.iterations))
    order = sorted(found.items(), key=lambda item: -np.median(item[1]))
    rows = ([f'`{name}`', spread(times, ',.1f')] for name, times in order)
    yield from ('', *table(['kernel', 'µs for a grasp-iteration'], rows))


def _batch_table(usual: Requests, batches: Sequence[int], shake: int) -> Iterator[str]:
    head = ['seeds', 'seeds, descent, closing [s]', 'ms for a candidate', 'candidates a second',
            'returned', 'grasps a second', 'peak memory [MB]']  # fmt: skip
    if shake:
        head += ['shaken: held', 'grasps that hold a second']

    def cells(count: int) -> list[object]:
        config = changed(usual.config, seed_count=count, max_grasps=count)
        made = replace(usual, config=config).made()
        seconds = np.array([[g.timing[p] for p in _PHASES] for _, g in made])
        whole = seconds.sum(axis=1)
        returned = np.array([len(g) for _, g in made])
        found = [
            count,
            ', '.join(f'{v:.2f}' for v in np.median(seconds, axis=0)),
            spread(1e3 * whole / count, ',.1f'),
            *(spread(count / whole, ',.0f'), spread(returned, ',.0f')),
            spread(returned / whole, ',.1f'),
            f'{peak_memory(config):.0f}',
        ]
        if shake:
            some = [(o, g.select(slice(0, shake))) for o, g in made]
            good = [evaluate(g, hand=usual.hand, object=o) for o, g in some]
            held = np.array([e.held.mean() if len(e.held) else 0.0 for e in good])
            found += [f'{100 * held.mean():.0f} %', spread(held * returned / whole, ',.1f')]
        return found

    yield ''
    yield from table(head, map(cells, batches))


def _hand_table(usual: Requests, hands: Sequence[str]) -> Iterator[str]:
    def cells(name: str) -> list[object]:
        hand = load_hand(name)
        sizes = hand.joint_names, hand.group_names, hand.points, hand.self_collision_pairs
        return [Path(name).stem, *map(len, sizes), *replace(usual, hand=hand).times()]

    first = f'hand, {usual.config.seed_count} seeds'
    yield ''
    yield from table(
        [first, 'joints', 'geometries', 'points', 'pairs', *_TIMES], map(cells, hands)
    )


def _grid_table(
    usual: Requests, meshes: Sequence[Path], intervals: Sequence[int]
) -> Iterator[str]:
    def cells(count: int) -> list[object]:
        objects = [load_object(mesh, config=ObjectConfig(intervals=count)) for mesh in meshes]
        nodes = [o.distance.values[..., 0].size for o in objects]
        return [count, spread(nodes, ',.0f'), *replace(usual, objects=objects).times()]

    first = f'intervals, {usual.config.seed_count} seeds'
    yield ''
    yield from table([first, 'nodes', *_TIMES], map(cells, intervals))


if __name__ == '__main__':
    tyro.cli(main)
