"""Training: flow matching on the anchors of grasps, and an evaluator of what is judged.

With a start x₀ (a hand that faces the object), an end x₁ (a grasp) and a time t, the network sees
x_t = (1 − t) x₀ + t x₁ and says x₁; its squared error is the loss, which has its least value where
(x₁ − x_t) / (1 − t) is the mean velocity of the flow (Lipman and others 2023, arXiv 2210.02747).
The evaluator's loss is the cross entropy.
"""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dexgrasp_ros.core.errors import DeviceError, ErrorCode, InputError
from dexgrasp_ros.learning.batches import Batch, TrainingBatches
from dexgrasp_ros.learning.checkpoint import read_checkpoint, write_checkpoint
from dexgrasp_ros.learning.config import TrainingConfig
from dexgrasp_ros.learning.curves import draw_curves
from dexgrasp_ros.learning.export import export_model
from dexgrasp_ros.learning.hand_tokens import HandTokens
from dexgrasp_ros.learning.networks import GraspNetworks
from dexgrasp_ros.learning.training_objects import TrainingObject

CHECKPOINT = 'training.safetensors'
_SAVE_EVERY = 60.0  # s between checkpoints
_CLIP = 1.0  # norm of the gradient at most


@dataclass(frozen=True, kw_only=True)
class TrainingMoment:
    """Where a training stands."""

    step: int
    steps: int
    losses: dict[str, float]  # the newest of each curve


def train(
    training: Sequence[TrainingObject],
    validation: Sequence[TrainingObject],
    hands: Mapping[str, HandTokens],
    out: Path,
    config: TrainingConfig | None = None,
    *,
    device: str = 'cpu',
    progress: Callable[[TrainingMoment], None] = lambda moment: None,
) -> dict[str, Any]:
    """Train a model, or go on where a training in that folder was stopped.

    Parameters
    ----------
    training, validation
        Objects to learn from, and others to look at only.
    hands
        By the names that the objects' grasps have.
    out
        Folder for ``training.safetensors``, ``curves.png`` and, at the end, ``model/``.
    config
        Settings; the defaults without it.
    device
        Of PyTorch: 'cpu', 'cuda' …
    progress
        Called after each step.

    Returns
    -------
    dict
        What `model.json` says of the training.

    Raises
    ------
    InputError
        INVALID_INPUT: the folder has a training of other settings or objects; OUT_OF_RANGE: a
        loss that is not finite; or as from `TrainingBatches` and `read_checkpoint`.
    DeviceError
        DEVICE_UNAVAILABLE.
    """
    config = config or TrainingConfig()
    batches = TrainingBatches(training, validation, hands, config)
    run = _Run(batches, config, _device(device), _identity(training, validation, hands, config))
    path = out / CHECKPOINT
    if path.exists():
        run.restore(path)
    saved = time.monotonic()
    while run.step < config.steps:
        run.advance()
        progress(TrainingMoment(step=run.step, steps=config.steps, losses=run.losses()))
        if time.monotonic() - saved > _SAVE_EVERY or run.step == config.steps:
            run.save(path)
            draw_curves(run.history, out / 'curves.png')
            saved = time.monotonic()
    facts = run.facts()
    export_model(
        run.averaged.cpu(), out / 'model', {n: t.hand.digest for n, t in hands.items()}, facts
    )
    return facts


class _Run:
    """Networks, their averages, optimizer and curves; all of it goes to the checkpoint."""

    def __init__(
        self,
        batches: TrainingBatches,
        config: TrainingConfig,
        device: torch.device,
        identity: dict[str, Any],
    ) -> None:
        torch.manual_seed(config.random_seed)
        self._batches, self._config, self._device = batches, config, device
        self._identity = identity
        self.networks = GraspNetworks(config.width, config.heads, config.layers).to(device)
        self.averaged = copy.deepcopy(self.networks).requires_grad_(False)
        self._features = {
            name: torch.from_numpy(tokens.features).to(device)
            for name, tokens in batches.hands.items()
        }
        self._optimizer = torch.optim.AdamW(
            self.networks.parameters(),
            lr=config.learning_rate,
            weight_decay=config.weight_decay,
        )
        self.step, self.seconds = 0, 0.0
        self.history: dict[str, list[tuple[int, float]]] = {}

    def advance(self) -> None:
        start = time.monotonic()
        batch = self._batches.training_batch(self.step)
        for group in self._optimizer.param_groups:
            group['lr'] = self._config.learning_rate * _schedule(self.step, self._config)
        flow, evaluator = self._losses(self.networks, batch)
        if not (torch.isfinite(flow) and torch.isfinite(evaluator)):
            raise InputError(
                f'At step {self.step + 1} the losses are {flow.item():g} and '
                f'{evaluator.item():g}; expected finite ones. The last checkpoint is whole; train '
                "anew with a smaller 'learning_rate', in another folder.",
                ErrorCode.OUT_OF_RANGE,
            )
        self._optimizer.zero_grad(set_to_none=True)
        (flow + 0.1 * evaluator).backward()
        torch.nn.utils.clip_grad_norm_(self.networks.parameters(), _CLIP)
        self._optimizer.step()
        keep = min(self._config.averaging, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            pairs = zip(self.averaged.parameters(), self.networks.parameters(), strict=True)
            for average, value in pairs:
                average.lerp_(value, 1.0 - keep)
        self.step += 1
        if self.step % 10 == 0 or self.step == 1:
            self._note('flow, training', flow.item())
            self._note('evaluator, training', evaluator.item())
        if self.step % self._config.validate_every == 0 or self.step == self._config.steps:
            self._validate()
        self.seconds += time.monotonic() - start

    def losses(self) -> dict[str, float]:
        return {name: curve[-1][1] for name, curve in self.history.items()}

    def facts(self) -> dict[str, Any]:
        return {
            'settings': self._config.as_dict(),
            'training_objects': len(self._batches.training),
            'validation_objects': len(self._batches.validation),
            'grasps': {
                name: sum(
                    len(obj.grasps[name].held)
                    for obj in self._batches.training
                    if name in obj.grasps
                )
                for name in sorted(self._batches.hands)
            },
            'seconds': round(self.seconds, 1),
            'losses': self.losses(),
        }

    def save(self, path: Path) -> None:
        tensors = {f'networks.{n}': t for n, t in self.networks.state_dict().items()}
        tensors |= {f'averaged.{n}': t for n, t in self.averaged.state_dict().items()}
        for number, state in self._optimizer.state_dict()['state'].items():
            tensors |= {f'optimizer.{number}.{n}': t for n, t in state.items()}
        told = {
            'identity': self._identity,
            'step': self.step,
            'seconds': self.seconds,
            'history': self.history,
        }
        write_checkpoint(path, {n: t.cpu() for n, t in tensors.items()}, told)

    def restore(self, path: Path) -> None:
        tensors, told = read_checkpoint(path)
        if told.get('identity') != self._identity:
            raise InputError(
                f"'{path}' is of a training with other settings, objects or hands; expected"
                f' {self._identity}, found {told.get("identity")}. Take another folder.'
            )
        parts: dict[str, dict[str, Tensor]] = {}
        for name, tensor in tensors.items():
            part, _, rest = name.partition('.')
            parts.setdefault(part, {})[rest] = tensor
        self.networks.load_state_dict(parts['networks'])
        self.averaged.load_state_dict(parts['averaged'])
        state: dict[int, dict[str, Tensor]] = {}
        for name, tensor in parts['optimizer'].items():
            number, _, key = name.partition('.')
            state.setdefault(int(number), {})[key] = tensor
        groups = self._optimizer.state_dict()['param_groups']
        self._optimizer.load_state_dict({'state': state, 'param_groups': groups})
        self.step, self.seconds = told['step'], told['seconds']
        self.history = {n: [tuple(p) for p in curve] for n, curve in told['history'].items()}

    def _losses(self, networks: GraspNetworks, batch: Batch) -> tuple[Tensor, Tensor]:
        features = self._features[batch.hand]
        given = {
            name: torch.from_numpy(getattr(batch, name)).to(self._device)
            for name in ('groups', 'centers', 'table', 'time', 'state', 'end', 'judged', 'holds')
        }
        memory = networks.encoder(given['groups'], given['centers'], given['table'])
        end = networks.flow(given['state'], given['time'], features, memory)
        odds = networks.evaluator(given['judged'], features, memory)
        return (
            torch.nn.functional.mse_loss(end, given['end']),
            torch.nn.functional.binary_cross_entropy_with_logits(odds, given['holds']),
        )

    def _validate(self) -> None:
        found = []
        with torch.no_grad():
            for batch in self._batches.validation_batches():
                found.append([v.item() for v in self._losses(self.averaged, batch)])
        if found:
            flow, evaluator = np.mean(found, axis=0)
            self._note('flow, validation', float(flow))
            self._note('evaluator, validation', float(evaluator))

    def _note(self, name: str, value: float) -> None:
        self.history.setdefault(name, []).append((self.step, value))


def _schedule(step: int, config: TrainingConfig) -> float:
    """Share of the learning rate: up in a line, down as a cosine does."""
    rise = min((step + 1) / config.warm_up, 1.0)
    return rise * (0.02 + 0.98 * 0.5 * (1.0 + math.cos(math.pi * step / config.steps)))


def _identity(
    training: Sequence[TrainingObject],
    validation: Sequence[TrainingObject],
    hands: Mapping[str, HandTokens],
    config: TrainingConfig,
) -> dict[str, Any]:
    """Tell what must be the same for a training to go on."""
    return {
        'settings': config.as_dict(),
        'hands': {name: tokens.hand.digest for name, tokens in sorted(hands.items())},
        'training': _digest(training),
        'validation': _digest(validation),
    }


def _digest(objects: Sequence[TrainingObject]) -> str:
    """SHA-256 of objects and all of their grasps."""
    found = hashlib.sha256()
    for obj in objects:
        found.update(obj.key.encode())
        for array in (obj.vertices, obj.faces, *obj.planes):
            found.update(np.ascontiguousarray(array).tobytes())
        for name, grasps in sorted(obj.grasps.items()):
            found.update(name.encode())
            for field in dataclasses.fields(grasps):
                found.update(np.ascontiguousarray(getattr(grasps, field.name)).tobytes())
    return found.hexdigest()


def _device(name: str) -> torch.device:
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise DeviceError(
            f"PyTorch has no device '{name}' ({str(error).splitlines()[0]}); expected 'cpu', or"
            " 'cuda' where there is a GPU."
        ) from error
    return device
