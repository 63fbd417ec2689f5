"""Batches of training: views of objects, hands on their way to grasps, and hands gone astray."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.spatial.transform import Rotation

from dexgrasp_ros.core.errors import InputError
from dexgrasp_ros.learning.config import TrainingConfig
from dexgrasp_ros.learning.hand_tokens import SCALE, HandTokens
from dexgrasp_ros.learning.starts import draw_starts
from dexgrasp_ros.learning.training_objects import (
    TrainingObject,
    TrainingView,
    draw_view,
)

_ASTRAY = (0.02, 0.06)  # m, by which a grasp is moved to be none
_TURNED = (0.5, 1.5)  # rad, by which it is turned about the object's middle instead
_TRIES = 100  # views that are drawn until one has grasps


@dataclass(frozen=True, kw_only=True)
class Batch:
    """B views with G grasps each of one hand; lengths in the networks' scale."""

    hand: str
    groups: NDArray[np.float32]  # [B, T, P, 3]
    centers: NDArray[np.float32]  # [B, T, 6]
    table: NDArray[np.float32]  # [B, 2]
    time: NDArray[np.float32]  # [B, G] 0 … 1
    state: NDArray[np.float32]  # [B, G, K, STATE] on the way
    end: NDArray[np.float32]  # [B, G, K, STATE] grasps
    judged: NDArray[np.float32]  # [B, G, K, STATE] grasps and such that are none
    holds: NDArray[np.float32]  # [B, G] whether these hold


class TrainingBatches:
    """Batches by their number: each depends on that and on the seed, so that training resumes.

    Parameters
    ----------
    training, validation
        Objects to learn from, and others to look at only.
    hands
        By the names that the objects' grasps have.
    config
        Settings.

    Raises
    ------
    InputError
        INVALID_INPUT: there are no grasps to train on by one of the hands.
    """

    def __init__(
        self,
        training: Sequence[TrainingObject],
        validation: Sequence[TrainingObject],
        hands: Mapping[str, HandTokens],
        config: TrainingConfig,
    ) -> None:
        self.hands, self._config = hands, config
        self.training, self.validation = list(training), list(validation)
        self._of_hand = {
            name: [obj for obj in self.training if name in obj.grasps] for name in hands
        }
        if not hands or not all(self._of_hand.values()):
            raise InputError(
                f'There are {len(training)} objects to train on, with grasps by'
                f' {sorted(n for n, o in self._of_hand.items() if o) or "no hand"}; expected'
                f' grasps by each of {sorted(hands) or "one hand or more"}.'
            )
        self._views: dict[tuple[str, int], TrainingView | None] = {}

    def training_batch(self, number: int) -> Batch:
        """Return the batch of a step; hands take turns."""
        names = sorted(self.hands)
        name = names[number % len(names)]
        rng = np.random.default_rng([self._config.random_seed, 1, number])
        return self._batch(name, self._of_hand[name], rng, self._config.view_batch)

    def validation_batches(self) -> list[Batch]:
        """Return a batch for each hand that objects kept for validation have grasps by."""
        found = []
        for name in sorted(self.hands):
            objects = [obj for obj in self.validation if name in obj.grasps]
            rng = np.random.default_rng([self._config.random_seed, 2, zlib.crc32(name.encode())])
            if objects:
                found.append(self._batch(name, objects, rng, 4 * self._config.view_batch))
        return found

    def _batch(
        self, hand: str, objects: list[TrainingObject], rng: np.random.Generator, count: int
    ) -> Batch:
        rows = []
        for _ in range(count):
            view = self._view_with_grasps(hand, objects, rng)
            rows.append((view.seen, *self._grasps(view, hand, rng)))
        seen, time, state, end, judged, holds = zip(*rows, strict=True)
        return Batch(
            hand=hand,
            groups=np.stack([s.groups for s in seen]),
            centers=np.stack([s.centers for s in seen]),
            table=np.stack([s.table for s in seen]),
            time=np.stack(time),
            state=np.stack(state),
            end=np.stack(end),
            judged=np.stack(judged),
            holds=np.stack(holds),
        )

    def _view_with_grasps(
        self, hand: str, objects: list[TrainingObject], rng: np.random.Generator
    ) -> TrainingView:
        for _ in range(_TRIES):
            obj = objects[rng.integers(len(objects))]
            view = self._view(obj, int(rng.integers(self._config.views_per_object)))
            if view is not None and (view.held[hand] != 0).any():
                return view
        raise InputError(
            f"{_TRIES} views of {len(objects)} objects have no grasp by '{hand}'; expected objects"
            ' that a camera sees, with grasps that held or were not shaken.'
        )

    def _view(self, obj: TrainingObject, number: int) -> TrainingView | None:
        key = (obj.key, number)
        if key not in self._views:
            seed = [self._config.random_seed, 3, number, zlib.crc32(obj.key.encode())]
            rng = np.random.default_rng(seed)
            others = self.validation if obj in self.validation else self.training
            neighbour = others[rng.integers(len(others))] if rng.random() < 0.5 else None
            self._views[key] = draw_view(obj, self.hands, rng, neighbour)
        return self._views[key]

    def _grasps(
        self, view: TrainingView, hand: str, rng: np.random.Generator
    ) -> tuple[NDArray[np.float32], ...]:
        count = self._config.grasp_batch
        places, held = view.places[hand], view.held[hand]
        good = np.flatnonzero(held != 0)
        end = places[good[rng.integers(len(good), size=count)]]
        start = draw_starts(self.hands[hand], view.seen, count, rng)
        start = start[_nearest_pairs(start, end)]
        time = rng.random(count).astype(np.float32)
        share = time[:, None, None, None, None]
        state = (1.0 - share) * start + share * end
        some = rng.integers(len(places), size=count)
        judged, holds = places[some].copy(), (held[some] != 0).astype(np.float32)
        astray = rng.random(count) < 0.5
        judged[astray] = _led_astray(judged[astray], rng)
        holds[astray] = 0.0
        return time, *(a.reshape(*a.shape[:2], -1) for a in (state, end, judged)), holds


def _nearest_pairs(start: NDArray[np.float32], end: NDArray[np.float32]) -> NDArray[np.int64]:
    """Which start goes to which end, so that all ways together are shortest.

    Straight ways that do not cross are learnt with fewer steps (minibatch optimal transport,
    Tong and others 2024, arXiv 2302.00482).
    """
    a, b = (p[:, :, 1].reshape(len(p), -1) for p in (start, end))
    cost = ((a[:, None] - b[None]) ** 2).sum(axis=-1)
    rows, columns = linear_sum_assignment(cost)
    return rows[np.argsort(columns)]


def _led_astray(places: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Grasps moved or turned so far that they hold nothing, or something else."""
    count = len(places)
    way = rng.normal(size=(count, 3))
    way *= rng.uniform(*_ASTRAY, (count, 1)) / SCALE / np.linalg.norm(way, axis=1, keepdims=True)
    axis = rng.normal(size=(count, 3))
    axis *= rng.uniform(*_TURNED, (count, 1)) / np.linalg.norm(axis, axis=1, keepdims=True)
    turned = rng.random(count) < 0.5
    rotation = Rotation.from_rotvec(axis * turned[:, None]).as_matrix()
    moved = np.einsum('nij,n...j->n...i', rotation, places)
    return (moved + (way * ~turned[:, None])[:, None, None, None]).astype(np.float32)
