"""A descent by BFGS within a trust radius, for many candidates at once, on the search's energy.

Unknowns are counted in the first steps of Adam, and the radius bounds the largest of them. The
schedule goes on with each gradient, and closest points and contact forces jump, so a rise is no
proof of a bad step: it is taken unless the energy rises by more than `_TOLERANCE` of itself. A
step that is not taken is made again, shorter; after some in a row what was learned of the
curvature is dropped. Each step costs one gradient.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from dexgrasp_ros import SynthesisConfig
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.synthesis.engine import Engine
from dexgrasp_ros.synthesis.look import Measurement
from dexgrasp_ros.synthesis.postures import radians

_TOLERANCE = 0.3
_LEAST_RADIUS, _MOST_RADIUS = 0.02, 4.0  # in first steps of Adam; it starts at 1
_GROW, _SHRINK = 1.5, 0.4
_PATIENCE = 4  # steps in a row that are not taken, before the curvature is dropped
_RADIUS_AGAIN = 0.3  # and the radius then
_LEAST_CURVATURE = 1e-3  # cosine between a step and its change of gradient


class QuasiNewton:
    """Moves an engine's candidates by one gradient of the schedule after another."""

    def __init__(self, engine: Engine, hand: HandModel, config: SynthesisConfig) -> None:
        self._engine, self._hand, self._config = engine, hand, config
        self._unit = np.concatenate(
            [
                np.full(3, config.step_translation),
                np.full(3, config.step_rotation),
                config.step_joint * radians(hand),
            ]
        )
        count, size = engine.count, len(self._unit)
        self.palm, self.q = engine.get_state()
        self.energy = np.full(count, np.inf)  # [N] of the states that were taken
        self._slope = np.zeros((count, size))
        self._trial = np.zeros((count, size))  # step from there to where the engine is
        self._inverse = np.tile(np.eye(size), (count, 1, 1))  # of the Hessian
        self._knows = np.zeros(count, dtype=bool)  # whether that has a scale
        self._radius = np.ones(count)
        self._refused = np.zeros(count, dtype=int)  # steps in a row

    def step(self, iteration: int) -> None:
        """Judge the step that was made, at a place of the schedule, and make another."""
        self._engine.seek(iteration)
        energy, slope = self._engine.gradient(sweeps=self._config.sweeps)
        energy, slope = np.nan_to_num(energy, nan=np.inf), np.nan_to_num(slope) * self._unit
        if iteration:
            self._learn(self._trial, slope - self._slope)
        # Of energies that are not finite none is greater: such a candidate takes any way out.
        taken = ~(energy > (1.0 + _TOLERANCE) * self.energy)
        palm, q = self._engine.get_state()
        self.palm[taken], self.q[taken] = palm[taken], q[taken]
        self.energy[taken], self._slope[taken] = energy[taken], slope[taken]
        if iteration:
            factor = np.where(taken, _GROW, _SHRINK)
            self._radius = np.clip(self._radius * factor, _LEAST_RADIUS, _MOST_RADIUS)
        self._refused = np.where(taken, 0, self._refused + 1)
        self._forget(self._refused >= _PATIENCE)
        self._move(self._direction())

    def finish(self) -> Measurement:
        """Measure the states that were taken last, at the end of the schedule."""
        self._engine.set_state(self.palm, self.q)
        self._engine.seek(self._config.iterations)
        return self._engine.measure(sweeps=self._config.ranking_sweeps)

    def _direction(self) -> NDArray[np.float64]:
        """Step [N, 6 + J] in units; joints at a limit that would go beyond it stay."""
        held = np.zeros(self._slope.shape, dtype=bool)
        down, up = self._slope[:, 6:] > 0.0, self._slope[:, 6:] < 0.0
        held[:, 6:] = ((self.q <= self._hand.lower) & down) | ((self.q >= self._hand.upper) & up)
        slope = np.where(held, 0.0, self._slope)
        step = np.where(held, 0.0, -np.einsum('nij,nj->ni', self._inverse, slope))
        uphill = (step * slope).sum(axis=1) >= 0.0
        step[uphill] = -slope[uphill]
        longest = np.maximum(np.abs(step).max(axis=1), 1e-12)
        factor = self._radius / longest
        # Before anything is known of the curvature a step is as long as the radius.
        return step * np.where(self._knows, np.minimum(factor, 1.0), factor)[:, None]

    def _move(self, step: NDArray) -> None:
        metric = step * self._unit
        palm = self.palm.copy()
        palm[:, :3] += metric[:, :3]
        turn = Rotation.from_rotvec(metric[:, 3:6])
        palm[:, 3:] = (turn * Rotation.from_quat(palm[:, 3:])).as_quat()
        q = np.clip(self.q + metric[:, 6:], self._hand.lower, self._hand.upper)
        self._trial = step.copy()
        self._trial[:, 6:] = (q - self.q) / self._unit[6:]
        self._engine.set_state(palm, q)

    def _learn(self, step: NDArray, change: NDArray) -> None:
        """BFGS's update of the inverse Hessian where the curvature along a step is positive.

        H + (1 + yᵀHy/sᵀy) ssᵀ/sᵀy − (Hy sᵀ + s yᵀH)/sᵀy, with the step s and the change y of the
        gradient; before the first one H is scaled by sᵀy/yᵀy.
        """
        curvature = (step * change).sum(axis=1)
        size = np.linalg.norm(step, axis=1) * np.linalg.norm(change, axis=1)
        rows = np.flatnonzero((curvature > _LEAST_CURVATURE * size) & (size > 0.0))
        first = rows[~self._knows[rows]]
        scale = curvature[first] / (change[first] ** 2).sum(axis=1)
        self._inverse[first] *= scale[:, None, None]
        self._knows[rows] = True
        s, y, sy = step[rows], change[rows], curvature[rows, None]
        hy = np.einsum('nij,nj->ni', self._inverse[rows], y)
        along = 1.0 + (y * hy).sum(axis=1, keepdims=True) / sy
        both = np.einsum('ni,nj->nij', s * along, s)
        mixed = np.einsum('ni,nj->nij', hy, s)
        self._inverse[rows] += (both - mixed - np.swapaxes(mixed, 1, 2)) / sy[..., None]

    def _forget(self, rows: NDArray[np.bool_]) -> None:
        self._inverse[rows] = np.eye(self._slope.shape[1])
        self._knows[rows] = False
        self._radius[rows] = _RADIUS_AGAIN
        self._refused[rows] = 0
