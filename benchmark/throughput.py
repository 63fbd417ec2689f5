"""Grasps a second in large batches, beside published figures, and how near to the roofline.

    .venv/bin/python benchmark/throughput.py --device cuda [--hand allegro] [--objects MESH …]
        [--batches 256 1024 4096 16384 65536] [--sample 256] [--repeats 10] [--out FILE.md]

The same on ``--device cpu``, where smaller batches tell as much. Objects are by default those of
the test data that settings may be chosen on. Three tables:

- batches: so many seeds, all followed to the end, each object once. *Candidates a second* and
  memory are those of the whole search. *Valid* grasps are counted as Lightning Grasp counts its
  effective ones, by analysis alone: the search leaves out simulated closings and duplicates stay;
  what it returns is neither deeper in the object than ``max_penetration`` nor in itself than
  ``max_self_penetration``, has opposed contacts from two fingers and a clear way; of a random
  sample the share counts whose contacts are in force closure (Ferrari and Canny's ε > 0 with the
  configured friction, cones of 8 edges). *Held* grasps are those of the search with simulated
  closings, times the share of a random sample that the shake test ``fc`` could not shake off;
- a request for 16 grasps of 128 seeds: seconds, over repeats of each object;
- each kernel of an iteration: bytes and operations for a candidate, what is the least time for
  them at the bandwidth and the rate of arithmetic that this device shows here, and the time taken.

Published, on one GPU: BODex 49 grasps a second (RTX 3090), Lightning Grasp 300 to 1,000 effective
grasps a second (A100). The latter's thresholds are its own; those here are stated above.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import tyro
import warp as wp
from arguments import find_meshes
from markdown_tables import show, spread, table
from records import TUNED
from roofline import copy_bandwidth, multiply_rate, roofline_shares
from timing import TimedEngine, changed, peak_memory, title

from dexgrasp_ros import SynthesisConfig, evaluate, load_hand, load_object, synthesize
from dexgrasp_ros.core.grasp_set import GraspSet
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.core.object_model import ObjectModel
from dexgrasp_ros.evaluation.wrenches import contact_wrenches, hull_quality
from dexgrasp_ros.synthesis.device import resolve_device
from dexgrasp_ros.synthesis.upload import upload_hand

PUBLISHED = 'published: BODex 49 grasps a second, Lightning Grasp 300 to 1,000 effective ones'
_ALL = {'duplicate_translation': 0.0, 'duplicate_rotation': 0.0, 'duplicate_joint': 0.0}
_REQUEST = {'max_grasps': 16, 'seed_count': 128}


def main(
    *,
    device: str = 'auto',
    hand: str = 'allegro',
    objects: tuple[Path, ...] = (),
    batches: tuple[int, ...] = (256, 1024, 4096, 16384, 65536),
    sample: int = 256,
    repeats: int = 10,
    iterations: int = SynthesisConfig().iterations,
    random_seed: int = 0,
    out: Path | None = None,
) -> None:
    """Print the tables."""
    meshes = objects or find_meshes(None, TUNED).values()
    loaded, model = [load_object(mesh) for mesh in meshes], load_hand(hand)
    config = SynthesisConfig(device=device, iterations=iterations, random_seed=random_seed)
    synthesize(model, loaded[0], changed(config, seed_count=8))  # compiles what is not yet
    tables = (
        [title(config, hand, loaded, [random_seed])],
        _batch_table(model, loaded, config, batches, sample),
        _request_table(model, loaded, config, repeats),
        _kernel_table(model, loaded[0], config, max(batches)),
    )
    show((line for lines in tables for line in lines), out)


def timed(hand: HandModel, obj: ObjectModel, config: SynthesisConfig) -> tuple[GraspSet, float]:
    """Search; return the grasps and the seconds."""
    start = time.perf_counter()
    grasps = synthesize(hand, obj, config)
    return grasps, time.perf_counter() - start


def _batch_table(
    hand: HandModel,
    objects: Sequence[ObjectModel],
    config: SynthesisConfig,
    batches: Sequence[int],
    sample: int,
) -> Iterator[str]:
    rng = np.random.default_rng(config.random_seed)

    def cells(count: int) -> list[str]:
        plan = changed(config, seed_count=count, max_grasps=count, **_ALL)
        rates, valid, held = [], [], []
        for obj in objects:
            # The simulation is what valid grasps of others go without.
            bare, bare_seconds = timed(hand, obj, changed(plan, simulate_closing=False))
            whole, seconds = timed(hand, obj, plan)
            rates.append(count / seconds)
            closed = closed_share(_some(bare, sample, rng), obj, config.friction)
            valid.append((closed * len(bare) / count, closed * len(bare) / bare_seconds))
            shaken = evaluate(_some(whole, sample, rng), hand=hand, object=obj)
            share = shaken.held.mean() if len(shaken.held) else 0.0
            held.append((share * len(whole) / count, share * len(whole) / seconds))
        found = [f'{count:,}', spread(rates, ',.0f')]
        for shares, a_second in (np.transpose(valid), np.transpose(held)):
            found += [f'{100 * np.median(shares):.0f} %', spread(a_second, ',.1f')]
        return [*found, f'{peak_memory(config):,.0f}']

    head = ('seeds', 'candidates a second', 'valid', 'valid a second', 'held', 'held a second')
    yield f'\n{PUBLISHED}\n'
    yield from table((*head, 'MB'), map(cells, batches))


def _some(grasps: GraspSet, count: int, rng: np.random.Generator) -> GraspSet:
    """Return a random sample, best first."""
    index = rng.permutation(len(grasps))[:count]
    return grasps.select(np.sort(index))


def closed_share(grasps: GraspSet, obj: ObjectModel, friction: float) -> float:
    """Share of grasps whose contacts resist every wrench."""
    closed = []
    for points, normals, count in zip(
        grasps.contact_points, grasps.contact_normals, grasps.contact_count, strict=True
    ):
        wrenches = contact_wrenches(
            points[:count],
            normals[:count],
            friction=friction,
            center=obj.center_of_mass,
            length=obj.characteristic_length,
        )
        closed.append(hull_quality(wrenches)[0] > 0.0)
    return float(np.mean(closed)) if closed else 0.0


def _request_table(
    hand: HandModel, objects: Sequence[ObjectModel], config: SynthesisConfig, repeats: int
) -> Iterator[str]:
    made = [
        timed(hand, obj, changed(config, random_seed=seed, **_REQUEST))
        for obj in objects
        for seed in range(repeats)
    ]
    yield ''
    yield from table(
        ['a request for 16 grasps of 128 seeds', ''],
        [
            ['seconds', spread([seconds for _, seconds in made], ',.3f')],
            ['returned', spread([len(g) for g, _ in made], ',.0f')],
        ],
    )


def _kernel_table(
    hand: HandModel, obj: ObjectModel, config: SynthesisConfig, count: int
) -> Iterator[str]:
    device = resolve_device(config.device)
    bandwidth, rate = copy_bandwidth(device), multiply_rate(device)
    yield (
        f'\nmeasured: {bandwidth / 1e9:,.0f} GB/s copied, {rate / 1e9:,.0f} Gflop/s of'
        f' multiplications and additions; {count:,} candidates\n'
    )
    taken = kernel_times(hand, obj, config, count)
    rows = [
        [
            f'`{name}`',
            f'{share.work.bytes:,.0f}',
            f'{share.work.operations:,.0f}',
            f'{1e9 * share.least:,.1f}',
            share.bound,
            f'{1e9 * share.taken:,.1f}',
            f'{100 * share.least / share.taken:.0f} %',
        ]
        for name, share in roofline_shares(
            upload_hand(hand, device), config, taken, bandwidth, rate
        )
    ]
    head = ('kernel', 'bytes', 'operations', 'least ns', 'bound by', 'ns taken', 'least / taken')
    yield from table(head, rows)


def kernel_times(
    hand: HandModel, obj: ObjectModel, config: SynthesisConfig, count: int
) -> dict[str, float]:
    """Seconds that each kernel takes for a candidate's iteration, the mean over a descent."""
    plan = changed(config, seed_count=count)
    engine = TimedEngine(hand, obj, plan)
    engine.step()
    engine.seconds.clear()
    for _ in range(plan.iterations - 1):
        engine.step()
    wp.synchronize_device(resolve_device(config.device))
    made = count * max(plan.iterations - 1, 1)
    return {name: seconds / made for name, seconds in engine.seconds.most_common()}


if __name__ == '__main__':
    tyro.cli(main)
