"""Our search beside a stand-in of the explicit method, on one core; run it again and it goes on.

    OMP_NUM_THREADS=1 .venv/bin/python benchmark/side_by_side.py [--objects 025_mug …]
        [--random-seeds 0 1] [--candidates 8] [--ours 10 25 50 100 200] [--theirs 300 1000 3000]
        [--points 512] [--velocities 7] [--step 1e-4] [--joint-step 10] [--out FILE.jsonl]

For each object and random seed both methods, in turns and with each number of iterations, start
from the same candidates (those of our search: the best of eight draws by our energy) with the same
hand. Then all candidates of both are treated alike, and shaken by the same test:

- *bare*: fingers 0.2 rad more open before, 0.2 rad more closed after; the explicit method had no
  closing of its own;
- *planned*: the closing that our search plans, once more from where it ends in its simulation, the
  gentler of the two; what comes to no finite postures is a failure.

Nothing is ranked, rejected or left out: held is of all that were attempted. Times are those of
the processor (`time.process_time`), so that other processes do not count; uploads and compilation
are not in them, the draw of the starts is in both methods'.
Ours feels all points of the hand against a distance grid, the other `--points` of them against the
mesh. Each result is one line of JSON in ``--out``, and lines that are there are not made again.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tyro
from arguments import Folder, find_meshes
from explicit_method import (
    BATCH,
    PUBLISHED_ITERATIONS,
    ExplicitMethod,
    ExplicitSettings,
    explicit_search,
)
from markdown_tables import interval, share, show, spread, table
from numpy.typing import NDArray
from records import Record, Records, machine

from dexgrasp_ros import SynthesisConfig, evaluate, load_hand, load_object
from dexgrasp_ros.core.grasp_set import GraspSet
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.core.object_model import ObjectModel
from dexgrasp_ros.core.poses import compose, invert
from dexgrasp_ros.synthesis.batches import join, take
from dexgrasp_ros.synthesis.closing import plan_closing, replan_closing
from dexgrasp_ros.synthesis.closing_simulation import Outcome
from dexgrasp_ros.synthesis.search import Search
from dexgrasp_ros.synthesis.seeds import make_seeds

OURS, THEIRS = 'ours', 'explicit'
TREATMENTS = ('planned', 'bare')
# Steps were tuned on the first two and 010_potted_meat_can, the third had no part in it.
OBJECTS = ('077_rubiks_cube', '025_mug', '006_mustard_bottle')
_BARE = 0.2  # rad
_HEAD = (
    'method, iterations',
    'ms for an iteration of a candidate',
    's for a candidate',
    'with closing',
    'planned: held',
    's for a grasp that holds',
    'bare: held',
)
_KEY = ('hand', 'object', 'random_seed', 'candidates', 'protocol', 'method', 'settings')


def main(
    folder: Folder = None,
    *,
    hand: str = 'allegro',
    objects: tuple[str, ...] = OBJECTS,
    random_seeds: tuple[int, ...] = (0, 1),
    candidates: int = 8,
    ours: tuple[int, ...] = (10, 25, 50, 100, 200),
    theirs: tuple[int, ...] = (300, 1000, 3000),
    points: int = ExplicitSettings.point_count,
    velocities: int = ExplicitSettings.velocity_count,
    step: float = ExplicitSettings.step,
    joint_step: float = ExplicitSettings.joint_step,
    depth_weight: float = ExplicitSettings.depth_weight,
    protocol: str = 'fc',
    out: Path = Path('out/side_by_side.jsonl'),
) -> None:
    """Make what is missing, then print the tables of what was asked for."""
    meshes, stored, model = find_meshes(folder, objects), Records(out, _KEY), load_hand(hand)
    explicit = [
        ExplicitSettings(
            iterations=n,
            point_count=points,
            velocity_count=velocities,
            step=step,
            joint_step=joint_step,
            depth_weight=depth_weight,
        )
        for n in theirs
    ]
    records = []
    with one_core():
        for name in meshes:
            obj = load_object(meshes[name])
            if name == objects[0]:
                _warm_up(model, obj, explicit[:1])
            for seed in random_seeds:
                config = SynthesisConfig(seed_count=candidates, random_seed=seed, device='cpu')
                bout = Bout(model, obj, config, protocol)
                for contest in _in_turns(ours, explicit):
                    head = {
                        'hand': Path(hand).stem,
                        'object': name,
                        'random_seed': seed,
                        'candidates': candidates,
                        'protocol': protocol,
                        **_contest_names(contest),
                    }
                    if head not in stored:
                        record = stored.add(head | bout.run(contest))
                        print(_progress(record), flush=True)
                    records.append(stored[head])
    title = f'{hand}, {protocol}, {candidates} candidates each, {", ".join(objects)}'
    seeds = f'random seeds {", ".join(map(str, random_seeds))}'
    show([f'\n{title}; {seeds}\n', *_table(records), '', *_comparison(records)])


@contextlib.contextmanager
def one_core() -> Iterator[None]:
    """Keep this process, and those it starts, on one core: our search has a thread for each."""
    if not hasattr(os, 'sched_setaffinity'):
        raise SystemExit('this machine cannot keep a process on one core; expected Linux')
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(allowed)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def _warm_up(hand: HandModel, obj: ObjectModel, explicit: Sequence[ExplicitSettings]) -> None:
    """Compile and load what is measured."""
    config = SynthesisConfig(seed_count=2, device='cpu')
    bout = Bout(hand, obj, config, 'fc')
    for contest in (2, *(dataclasses.replace(e, iterations=2) for e in explicit)):
        bout.search(contest)


_Contest = int | ExplicitSettings  # iterations of ours, or the other's settings


def _in_turns(ours: Sequence[int], theirs: Sequence[ExplicitSettings]) -> Iterator[_Contest]:
    """One of ours, one of theirs, and so on: what disturbs disturbs both."""
    for i in range(max(len(ours), len(theirs))):
        yield from ours[i : i + 1]
        yield from theirs[i : i + 1]


def _contest_names(contest: _Contest) -> dict[str, Any]:
    if isinstance(contest, int):
        return {'method': OURS, 'iterations': contest, 'settings': str(contest)}
    return {'method': THEIRS, 'iterations': contest.iterations, 'settings': str(contest)}


class Bout:
    """One object and random seed: the same starts, treatments and test for both methods."""

    def __init__(
        self, hand: HandModel, obj: ObjectModel, config: SynthesisConfig, protocol: str
    ) -> None:
        self._hand, self._object, self._config, self._protocol = hand, obj, config, protocol
        self._search = Search(hand, obj, config)
        self.seeds, self._seed_seconds = _timed(
            lambda: make_seeds(self._search, hand, obj, config)
        )

    def run(self, contest: _Contest) -> dict[str, Any]:
        """Search, treat and shake; seconds are of all candidates together."""
        palm, q, planned, seconds, closing_seconds = self.search(contest)
        return {
            'seed_seconds': self._seed_seconds,
            'search_seconds': seconds,
            'closing_seconds': closing_seconds,
            'planned': self._held(planned),
            'bare': self._held(self._bare(palm, q)),
            'machine': machine(),
        }

    def search(self, contest: _Contest) -> tuple[NDArray, NDArray, GraspSet, float, float]:
        """Palms and joints, the grasps planned from them, and the seconds of both steps."""
        (palm, q), seconds = _timed(self._descent(contest))
        planned, closing_seconds = _timed(lambda: self._planned(palm, q))
        return palm, q, planned, seconds, closing_seconds

    def _descent(self, contest: _Contest) -> Callable[[], tuple[NDArray, NDArray]]:
        """Prepare, so that only the descent is timed: uploads and buffers are not."""
        if isinstance(contest, int):
            config = dataclasses.replace(self._config, iterations=contest)
            search = Search(self._hand, self._object, config)
            return lambda: search.optimize(*self.seeds)[:2]
        method = ExplicitMethod(self._hand, self._object, contest)
        return lambda: explicit_search(method, *self.seeds)

    def _planned(self, palm: NDArray, q: NDArray) -> GraspSet:
        """Plan the closing, and again from where it ends in simulation; the gentler one counts."""
        hand, config, search = self._hand, self._config, self._search
        palm, q = _finite(palm, q)
        with np.errstate(divide='ignore', invalid='ignore'):  # what touches nothing has no plan
            found = search.measure(palm, q)
            closing = plan_closing(search, hand, config, palm, q, found)
            outcome = search.simulate(closing)
            again = replan_closing(search, hand, config, outcome)
            cost = np.array([_motion(o, config) for o in (outcome, search.simulate(again))])
        rows = cost.argmin(axis=0) * len(q) + np.arange(len(q))
        c = take(join([closing, again]), rows)
        return self._grasp_set(c.pregrasp_palm, c.palm, c.pregrasp, c.grasp, c.squeeze)

    def _bare(self, palm: NDArray, q: NDArray) -> GraspSet:
        """Open every joint that closes the hand a little before, close it a little after."""
        palm, q = _finite(palm, q)
        move = _BARE * self._hand.closing
        return self._grasp_set(palm, palm, q - move, q, q + move)

    def _grasp_set(
        self, before: NDArray, palm: NDArray, pregrasp: NDArray, grasp: NDArray, squeeze: NDArray
    ) -> GraspSet:
        """Put together what the shake test needs of those postures that are finite."""
        hand = self._hand
        sound = np.isfinite(np.hstack([before, palm, pregrasp, grasp, squeeze])).all(axis=1)
        count = int(sound.sum())
        vectors, numbers = np.empty((count, 0, 3)), np.full(count, np.nan)
        to_root = invert(hand.palm_pose)
        return GraspSet(
            hand=hand.name,
            urdf=hand.urdf,
            joint_names=hand.joint_names,
            link_names=hand.link_names,
            hand_frame=hand.hand_frame,
            base_pose=compose(palm[sound], to_root),
            pregrasp_base_pose=compose(before[sound], to_root),
            pregrasp=np.clip(pregrasp[sound], hand.lower, hand.upper),
            grasp=grasp[sound],
            squeeze=np.clip(squeeze[sound], hand.lower, hand.upper),
            joint_stiffness=hand.joint_stiffness,
            **dict.fromkeys(('score', 'residual', 'penetration', 'epsilon'), numbers),
            **dict.fromkeys(('contact_points', 'contact_normals', 'contact_forces'), vectors),
            contact_count=np.zeros(count, dtype=np.int64),
            contact_links=np.empty((count, 0), dtype=np.int64),
        )

    def _held(self, grasps: GraspSet) -> dict[str, Any]:
        """How many were shaken, how many held, and why the others did not."""
        if not len(grasps):
            return {'shaken': 0, 'held': 0, 'causes': {}, 'penetration': []}
        result = evaluate(
            grasps,
            hand=self._hand,
            object=self._object,
            protocol=self._protocol,
            processes=1,
        )
        return {
            'shaken': len(grasps),
            'held': int(result.held.sum()),
            'causes': result.causes(),
            'penetration': result.penetration.tolist(),
        }


def _finite(palm: NDArray, q: NDArray) -> tuple[NDArray, NDArray]:
    """Candidates that did not diverge."""
    sound = np.isfinite(palm).all(axis=1) & np.isfinite(q).all(axis=1)
    return palm[sound], q[sound]


def _motion(outcome: Outcome, config: SynthesisConfig) -> NDArray[np.float64]:
    """[N] how far the object went in a simulated closing, by what is allowed."""
    moved = outcome.displacement / config.max_displacement
    return np.nan_to_num(moved + outcome.rotation / config.max_rotation, nan=np.inf)


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    start = time.process_time()
    result = work()
    return result, time.process_time() - start


# --- tables ------------------------------------------------------------------------------------


def _progress(record: Record) -> str:
    what = f'{record["object"]} seed {record["random_seed"]} {record["method"]}'
    held = ', '.join(f'{t} {record[t]["held"]}' for t in TREATMENTS)
    seconds = record['search_seconds'] / record['candidates']
    return f'{what} {record["iterations"]}: {seconds:.3f} s for a candidate; held: {held}'


def _seconds(record: Record, *, closing: bool = False) -> float:
    """Seconds for a candidate: seeds and descent, and the planned closing."""
    names = ['seed_seconds', 'search_seconds', *(['closing_seconds'] if closing else [])]
    return sum(record[n] for n in names) / record['candidates']


def _grouped(records: Sequence[Record]) -> dict[tuple[str, int], list[Record]]:
    groups: dict[tuple[str, int], list[Record]] = {}
    for record in records:
        groups.setdefault((record['method'], record['iterations']), []).append(record)
    return dict(sorted(groups.items()))


def _share(records: Sequence[Record], treatment: str) -> float:
    """Share that held of all that were attempted."""
    held = sum(r[treatment]['held'] for r in records)
    return held / sum(r['candidates'] for r in records)


def _table(records: Sequence[Record]) -> Iterable[str]:
    """Yield a row for each method and number of iterations, over all objects and seeds."""
    rows = []
    for (method, iterations), own in _grouped(records).items():
        per_step = [1e3 * r['search_seconds'] / r['candidates'] / iterations for r in own]
        held = sum(r['planned']['held'] for r in own)
        spent = sum(_seconds(r, closing=True) * r['candidates'] for r in own)
        rows.append(
            [
                f'{method}, {iterations}',
                _spread(per_step),
                _spread([_seconds(r) for r in own]),
                _spread([_seconds(r, closing=True) for r in own]),
                _share_text(own, 'planned'),
                f'{spent / held:.3g}' if held else '–',
                _share_text(own, 'bare'),
            ]
        )
    return table(_HEAD, rows)


def _share_text(records: Sequence[Record], treatment: str) -> str:
    held, tried = sum(r[treatment]['held'] for r in records), sum(r['candidates'] for r in records)
    return f'{share(held, tried, 0)} ({interval(held, tried)})'


def _comparison(records: Sequence[Record]) -> Iterator[str]:
    """Say what each method takes to come to the best that the explicit one comes to."""
    groups = _grouped(records)
    theirs = {n: g for (method, n), g in groups.items() if method == THEIRS}
    ours = {n: g for (method, n), g in groups.items() if method == OURS}
    if not theirs or not ours:
        return
    for treatment in TREATMENTS:
        best = max(theirs, key=lambda n: (_share(theirs[n], treatment), -n))
        goal = _share(theirs[best], treatment)
        enough = [n for n in ours if _share(ours[n], treatment) >= goal]
        yield f'**{treatment}**: explicit holds {100 * goal:.0f} % at best, in {best} iterations.'
        if not goal:
            yield 'It never holds anything; there is no ratio.'
            continue
        if not enough:
            yield 'Ours does not reach that with any number of iterations that was asked for.'
            continue
        n = min(enough)
        yield f'Ours holds {100 * _share(ours[n], treatment):.0f} % after {n} iterations.'
        pairs = list(zip(theirs[best], ours[n], strict=True))
        yield _ratio('seconds for a candidate', [_seconds(t) / _seconds(o) for t, o in pairs])
        closing = treatment == 'planned'
        yield _ratio(
            'seconds for a grasp that holds',
            [
                _cost(t, treatment, closing) / _cost(o, treatment, closing)
                for t, o in pairs
                if t[treatment]['held'] or o[treatment]['held']
            ],
        )
        scale = PUBLISHED_ITERATIONS / best
        yield _ratio(
            f'EXTRAPOLATED to {PUBLISHED_ITERATIONS} iterations, seconds for a candidate',
            [scale * t['search_seconds'] / t['candidates'] / _seconds(o) for t, o in pairs],
        )
    yield f'(Batches of {BATCH} there; ratios are explicit : ours, by object and random seed.)'


def _cost(record: Record, treatment: str, closing: bool) -> float:
    """Seconds for a grasp that holds; infinite where none does."""
    held = record[treatment]['held']
    return _seconds(record, closing=closing) * record['candidates'] / held if held else np.inf


def _ratio(what: str, values: Sequence[float]) -> str:
    return f'- {what}: {_spread(values)} times'


def _spread(values: Sequence[float]) -> str:
    """Lower median, which may stand beside infinite values, least and most."""
    return spread(values, '.3g', lambda v: np.sort(v)[(len(v) - 1) // 2])


if __name__ == '__main__':
    tyro.cli(main)
