"""Whether a hand that has closed holds: the object is pulled while friction fades."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import warp as wp
from numpy.typing import NDArray

from dexgrasp_ros.core.config import SynthesisConfig
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.core.object_model import ObjectModel
from dexgrasp_ros.core.progress import StopCallback
from dexgrasp_ros.core.pulls import (
    ACCELERATION,
    DIRECTIONS,
    MAX_DISPLACEMENT,
    MAX_ROTATION,
)
from dexgrasp_ros.kernels import types
from dexgrasp_ros.kernels.closing import Motion
from dexgrasp_ros.kernels.holding import Limits, watch_object
from dexgrasp_ros.synthesis.batches import take
from dexgrasp_ros.synthesis.closing_simulation import ClosingSimulation, upload_dynamics
from dexgrasp_ros.synthesis.postures import Closing

_STEP = 0.02  # s, of a pull: what it begins as goes on, so that long steps tell as much
_STEPS = 24  # of a pull
# kg m/(s N): creep times the object's mass, since contacts of MuJoCo are as soft as what they move
# is light. Of usual softness (time constant 20 ms, impedance 0.95) and with light fingers about
# 2 cm/s for each newton at 0.1 kg.
_CREEP = 0.002
# What follows was chosen on a can, a banana and a tile by how well slip orders the verdicts of the
# slippery shake test (docs/method.md, "Tried and dropped"), not derived.
_ACCELERATION = 2.0 * ACCELERATION  # m/s^2: what bears twice the test's pull holds with a margin
# Friction at first and in the end, of that which is asked about. From 0.3 it goes from 0.5, which
# holds most that close well, to 0.1, which holds what encloses the object.
_FADING = (5.0 / 3.0, 1.0 / 3.0)
# Pull at first and in the end, of that above: at 0.1 kg from 0.6 N, less than the weight, to 20 N,
# more than friction of 0.3 bears of a squeeze of 25 N.
_GROWING = (0.3, 10.0)
# Since the pull began. Contacts that hold creep by up to half of it: 2 N on three of them for the
# 0.48 s of a pull are 6 mm.
_LOST = {'displacement': 0.01, 'rotation': 0.15}  # m, rad
# Steps from where forces do not balance any more to where the object is lost, at most: what is
# reported is rather too cautious than too bold.
_DELAY = 2


@dataclass(frozen=True, kw_only=True)
class Holding:
    """How N closed hands hold."""

    slip: NDArray[np.float64]  # [N] mean over the pull, of the worst direction and of their mean
    least_friction: NDArray[np.float64]  # [N] NaN where the object is lost from the first


class HoldingSimulation:
    """Squeezes N objects and pulls each of them in six directions.

    Parameters
    ----------
    hand, obj, config
        As the search has them.
    uploaded
        Both on the device.
    """

    def __init__(
        self,
        hand: HandModel,
        obj: ObjectModel,
        config: SynthesisConfig,
        uploaded: tuple[types.Hand, types.Object],
        device: Any,
        *,
        should_stop: StopCallback | None = None,
    ) -> None:
        self._uploaded, self._config, self._device = uploaded, config, device
        self._should_stop = should_stop
        creep = _CREEP / config.object_mass
        self._squeezing = upload_dynamics(hand, obj, config, device, creep=creep)
        self._pulling = upload_dynamics(hand, obj, config, device, step=_STEP, creep=creep)
        self._limits = _limits(obj.center_of_mass)

    def fade(self, closing: Closing) -> Holding:
        """Pull with one force while friction fades, about `holding_friction`."""
        friction = self._config.friction_held * np.geomspace(*_FADING, _STEPS)
        pull = np.full(_STEPS, _ACCELERATION * self._config.object_mass)
        slip, lost = self._pull(closing, friction, pull)
        return Holding(
            slip=slip.max(axis=1) + slip.mean(axis=1),
            least_friction=_last_held(friction, lost.min(axis=1)),
        )

    def largest_pull(self, closing: Closing) -> NDArray[np.float64]:
        """[N] force [N] that every direction bears at `holding_friction`; NaN for none."""
        pull = _ACCELERATION * self._config.object_mass * np.geomspace(*_GROWING, _STEPS)
        friction = np.full(_STEPS, self._config.friction_held)
        _slip, lost = self._pull(closing, friction, pull)
        return _last_held(pull, lost.min(axis=1))

    def _pull(
        self, closing: Closing, friction: NDArray, pull: NDArray
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Slip [N, 6], and the step [N, 6] in which the object was lost; `_STEPS` where never."""
        count, ways = len(closing.grasp), len(DIRECTIONS)
        if not count:
            return np.zeros((0, ways)), np.zeros((0, ways), dtype=np.int64)
        hand, obj = self._uploaded
        squeezing = ClosingSimulation(
            *(hand, obj, self._squeezing, self._config, count, self._device),
            should_stop=self._should_stop,
        )
        squeezing.squeeze(closing, friction=float(friction[0]))
        slip = wp.zeros(count * ways, dtype=float, device=self._device)
        lost = wp.full(count * ways, _STEPS, dtype=int, device=self._device)
        pulling = squeezing.copies(ways, self._pulling)
        begun = wp.clone(pulling.poses)

        def watch(motion: Motion, counter: wp.array) -> wp.Launch:
            inputs = [self._limits, motion, begun, counter, slip, lost]
            dim, device = count * ways, self._device
            return wp.launch(watch_object, dim=dim, inputs=inputs, device=device, record_cmd=True)

        pulling.hold(
            take(closing, np.repeat(np.arange(count), ways)),
            np.tile(DIRECTIONS, (count, 1)),
            friction.tolist(),
            pull.tolist(),
            watch,
        )
        shape = (count, ways)
        return slip.numpy().astype(np.float64).reshape(shape) / _STEPS, lost.numpy().reshape(shape)


def _limits(center: NDArray) -> Limits:
    limits = Limits()
    limits.center = wp.vec3(*center.tolist())
    limits.slipped, limits.turned = MAX_DISPLACEMENT, MAX_ROTATION
    for name, value in _LOST.items():
        setattr(limits, name, value)
    return limits


def _last_held(values: NDArray[np.float64], lost: NDArray[np.int64]) -> NDArray[np.float64]:
    """Of the values of each step, the last one that surely held; NaN where none did."""
    last = lost - 1 - _DELAY  # also at the end: what is not lost yet may be about to
    return np.where(last >= 0, values[np.maximum(last, 0)], np.nan)
