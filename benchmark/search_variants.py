"""Ways to search that `searches.py` compares, and one search made in such a way."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from contact_fields import contact_field_seeds
from numpy.typing import NDArray
from quasi_newton import QuasiNewton

from dexgrasp_ros import SynthesisConfig, evaluate
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.core.object_model import ObjectModel
from dexgrasp_ros.evaluation.diversity import explained_variance
from dexgrasp_ros.synthesis.batches import join, take
from dexgrasp_ros.synthesis.clock import Clock
from dexgrasp_ros.synthesis.device import resolve_device
from dexgrasp_ros.synthesis.engine import Engine
from dexgrasp_ros.synthesis.grasp_set import make_grasp_set
from dexgrasp_ros.synthesis.look import Measurement
from dexgrasp_ros.synthesis.postures import radians
from dexgrasp_ros.synthesis.race import Candidates
from dexgrasp_ros.synthesis.ranking import distinct
from dexgrasp_ros.synthesis.search import Search
from dexgrasp_ros.synthesis.seeds import make_seeds
from dexgrasp_ros.synthesis.selection import Selection
from dexgrasp_ros.synthesis.upload import upload_hand, upload_object

BASE = 'Adam, 200 iterations'
BEST = 16
_CHUNK = 32  # candidates of one engine, as in `Search`


@dataclass(frozen=True, kw_only=True)
class Cut:
    """Who goes on from an iteration: those with the least energy."""

    iteration: int
    share: float
    group: int = 0  # of so many neighbours, drawn at random; 0: of all


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One way to search; without anything named all seeds go to the end by Adam."""

    config: dict[str, Any] = field(default_factory=dict)
    seeds: float = 1.0  # times as many as asked for
    field_draws: int = 0  # seeds from contact fields, each the best of so many; 0: as usual
    start: int = 0  # iteration of the schedule that the descent enters at
    cuts: tuple[Cut, ...] = ()
    quasi_newton: bool = False  # in place of Adam


_HALF, _LATER = Cut(iteration=40, share=0.5), Cut(iteration=100, share=0.5)
VARIANTS = {
    BASE: Variant(),
    'Adam, 100 iterations': Variant(config={'iterations': 100}),
    'Adam, 60 iterations': Variant(config={'iterations': 60}),
    'Adam, last 120 of 200': Variant(start=80),
    'half at 40': Variant(cuts=(_HALF,)),
    'half of each pair at 40': Variant(cuts=(Cut(iteration=40, share=0.5, group=2),)),
    'half at 40, half at 100': Variant(cuts=(_HALF, _LATER)),
    'twice the seeds, a quarter at 40': Variant(seeds=2, cuts=(Cut(iteration=40, share=0.25),)),
    'twice the seeds, half at 40, half at 100': Variant(seeds=2, cuts=(_HALF, _LATER)),
    'contact fields': Variant(field_draws=8),
    'contact fields, 100 iterations': Variant(field_draws=8, config={'iterations': 100}),
    'contact fields, last 120 of 200': Variant(field_draws=8, start=80),
    'BFGS, 200 gradients': Variant(quasi_newton=True),
    'BFGS, 100 gradients': Variant(quasi_newton=True, config={'iterations': 100}),
    'BFGS, 80 gradients': Variant(quasi_newton=True, config={'iterations': 80}),
    'BFGS, 60 gradients': Variant(quasi_newton=True, config={'iterations': 60}),
    'BFGS, 100 gradients, half at 20': Variant(
        quasi_newton=True, config={'iterations': 100}, cuts=(Cut(iteration=20, share=0.5),)
    ),
}


class Stopwatch:
    """Processor time by what it went for [s]."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Book what is done inside."""
        start = time.process_time()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.process_time() - start


def run(
    hand: HandModel, obj: ObjectModel, config: SynthesisConfig, variant: Variant, shake: bool
) -> dict[str, Any]:
    """Search in one thread; all that is approved, and the best of it."""
    count = round(config.seed_count * variant.seeds)
    config = dataclasses.replace(
        config,
        seed_count=count,
        max_grasps=count,
        duplicate_translation=0.0,
        duplicate_rotation=0.0,
        duplicate_joint=0.0,
        **variant.config,
    )
    trial = Trial(hand, obj, config, variant)
    return {**trial.run(), **trial.result(shake)}


class Trial:
    """One search in one way."""

    def __init__(
        self, hand: HandModel, obj: ObjectModel, config: SynthesisConfig, variant: Variant
    ) -> None:
        self._hand, self._object, self._config, self._variant = hand, obj, config, variant
        self._search, self._watch = Search(hand, obj, config), Stopwatch()
        self._search._workers = 1  # process time counts all threads; one does not wait for another
        self._selection = Selection(self._search, hand, config)
        self._stages = [*variant.cuts, Cut(iteration=config.iterations, share=1.0)]

    def run(self) -> dict[str, Any]:
        """How many came to the end, and the seconds of each step."""
        with self._watch('seeds'):
            palm, q = self._seeds()
        descend = self._descend_by_newton if self._variant.quasi_newton else self._descend
        candidates = descend(palm, q)
        with self._watch('closing'):
            self._selection.add(candidates)
        return {'to_the_end': len(candidates.q), **self._watch.seconds}

    def _seeds(self) -> tuple[NDArray, NDArray]:
        given = self._search, self._hand, self._object, self._config
        if self._variant.field_draws:
            return contact_field_seeds(*given, self._variant.field_draws)
        return make_seeds(*given)

    def _descend(self, palm: NDArray, q: NDArray) -> Candidates:
        """Descend from all seeds by Adam; what a cut drops is not in the result."""
        search = self._search
        with self._watch('descent'):
            index, begin, descent = np.arange(len(q)), self._variant.start, search.start(palm, q)
            for cut in self._stages:
                descent, energy = search.descend(
                    descent, begin, cut.iteration, report=lambda _iterations: None
                )
                kept, begin = least(energy, cut.share, cut.group), cut.iteration
                index, descent = index[kept], take(descent, kept)
            palm, q, found = search.arrive(descent)
        return Candidates(seed_index=index, palm=palm, q=q, found=found)

    def _descend_by_newton(self, palm: NDArray, q: NDArray) -> Candidates:
        """Likewise, by BFGS.

        Candidates do not influence each other. So those that go on after a cut start again from
        their seeds, in engines that are full, and only what they did not do before is booked.
        """
        hand, config, device = self._hand, self._config, resolve_device(self._config.device)
        uploads = upload_hand(hand, device), upload_object(self._object, device)
        index, begin = np.arange(len(q)), self._variant.start
        for cut in self._stages:
            descents: list[QuasiNewton] = []
            found: list[Measurement] = []
            for rows in np.array_split(index, -(-len(index) // _CHUNK)):
                engine = Engine(*uploads, config, len(rows), device)
                engine.set_state(palm[rows], q[rows])
                descent = QuasiNewton(engine, hand, config)
                for iteration in range(self._variant.start, begin):
                    descent.step(iteration)
                with self._watch('descent'):
                    for iteration in range(begin, cut.iteration):
                        descent.step(iteration)
                    if cut.iteration == config.iterations:
                        found.append(descent.finish())
                descents.append(descent)
            kept = least(np.concatenate([d.energy for d in descents]), cut.share, cut.group)
            index, begin = index[kept], cut.iteration
        palm, q = (np.concatenate([getattr(d, name) for d in descents]) for name in ('palm', 'q'))
        return Candidates(seed_index=index, palm=palm, q=q, found=join(found))

    def result(self, shake: bool) -> dict[str, Any]:
        """Count what was approved, and look at the best."""
        hand, obj, config, chosen = self._hand, self._object, self._config, self._selection.grasps
        if chosen is None:
            return {'approved': 0, 'distinct': 0, 'best': [], 'variance': [], 'held': 0}
        joints = chosen.closing.grasp / radians(hand)
        kept, _ = distinct(chosen.closing.palm, joints, SynthesisConfig(), limit=len(joints))
        best = take(chosen, kept[:BEST])
        variance = explained_variance(
            best.closing.palm, joints[kept[:BEST]], length=obj.characteristic_length
        )
        held = 0
        if shake:
            clock = Clock(config, None, None)
            grasps = make_grasp_set(hand, obj, config, best, clock, {}, self._search)
            held = int(evaluate(grasps, hand=hand, object=obj, processes=1).held.sum())
        return {
            'approved': len(chosen.score),
            'distinct': len(kept),
            'best': best.score.tolist(),
            'variance': variance[:5].tolist(),
            'held': held,
        }


def least(energy: NDArray, share: float, group: int) -> NDArray[np.int64]:
    """Rows of the least energies: a share of all, or of each `group` of consecutive ones."""
    energy, size = np.nan_to_num(energy, nan=np.inf), group or len(energy)
    order = [
        first + np.argsort(energy[first : first + size], kind='stable')
        for first in range(0, len(energy), size)
    ]
    return np.sort(np.concatenate([o[: max(1, round(share * len(o)))] for o in order]))
