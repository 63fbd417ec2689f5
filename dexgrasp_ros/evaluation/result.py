"""What an evaluation returns."""

from __future__ import annotations

import dataclasses
import json
import zipfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.convex_pieces import FINE
from dexgrasp_ros.core.files import replacing
from dexgrasp_ros.core.grasp_set import GraspSet
from dexgrasp_ros.evaluation.intervals import wilson_interval
from dexgrasp_ros.evaluation.perturbation import Perturbation
from dexgrasp_ros.evaluation.shake_test import Cause

_KEY = 'evaluation_'  # before the names of the fields in files


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """N grasps, in the order in which they came, and what was found of each."""

    protocol: str
    grasps: GraspSet  # the grasps, with `epsilon` filled in

    # Shake test
    held: NDArray[np.bool_]  # [N] false where it was not shaken
    cause: NDArray[np.str_]  # [N] where it failed: a `Cause`
    motion: NDArray[np.str_]  # [N] what the object did then: a `Motion`
    # [N] m, of the object in the end, or once it is at rest; of the worst direction
    displacement: NDArray[np.float64]
    rotation: NDArray[np.float64]  # [N] rad, likewise
    closing_displacement: NDArray[np.float64]  # [N] m, once the hand had squeezed
    pregrasp_depth: NDArray[np.float64]  # [N] m, of the hand in the object's pieces or the floor
    piece_depth: NDArray[np.float64]  # [N] m, of the hand in the object's pieces at the grasp
    cpu_time: NDArray[np.float64]  # [N] s, of the shake test
    message: NDArray[np.str_]  # [N] of errors

    # At the grasp, on the true mesh
    epsilon: NDArray[np.float64]  # [N] Ferrari-Canny, see `wrenches`
    volume: NDArray[np.float64]  # [N] of the wrenches' hull
    penetration: NDArray[np.float64]  # [N] m
    self_penetration: NDArray[np.float64]  # [N] m; NaN where the shake test did not run
    contact_count: NDArray[np.int64]  # [N, 3] links within 1, 2, 5 mm
    contact_area: NDArray[np.float64]  # [N, 3] m^2 within 1, 2, 5 mm
    tip_distance: NDArray[np.float64]  # [N] m, mean of the fingertips, each at most 1 cm

    # Of all together
    explained_variance: NDArray[np.float64]  # cumulative, by principal component
    distinct_count: int
    volume_ratio: float  # of the object's convex pieces to its mesh
    piece_threshold: float = FINE  # that they were cut with
    torque_length: float  # m that torques were divided by
    friction: float  # of the wrench metrics
    touched_share: float = float('nan')  # of the surface, within 1 cm of any contact
    warnings: tuple[str, ...] = field(default=())
    perturbation: Perturbation | None = None  # of the object in the shake test
    physics: str = 'mujoco'  # what simulated it

    @property
    def shaken(self) -> NDArray[np.bool_]:
        """Which grasps [N] were shaken."""
        return self.cause != Cause.NOT_SHAKEN

    @property
    def success_rate(self) -> float:
        """Share of shaken grasps that held; NaN of none."""
        return float(self.held[self.shaken].mean()) if self.shaken.any() else float('nan')

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson interval of the success rate, 95 %."""
        return wilson_interval(int(self.held.sum()), int(self.shaken.sum()))

    def causes(self) -> dict[str, int]:
        """Count causes, with what the object did: ``{'held': 14, 'closing (moved)': 2}``."""
        texts = [
            f'{cause} ({motion})' if motion else str(cause)
            for cause, motion in zip(self.cause, self.motion, strict=True)
        ]
        return dict(Counter(texts).most_common())

    def summary(self) -> dict[str, Any]:
        """Numbers of the whole, for tables and JSON."""
        low, high = self.interval
        return {
            'protocol': self.protocol,
            'physics': self.physics,
            'perturbation': self.perturbation and dataclasses.asdict(self.perturbation),
            'grasps': len(self.held),
            'shaken': int(self.shaken.sum()),
            'held': int(self.held.sum()),
            'success_rate': self.success_rate,
            'interval': [low, high],
            'causes': self.causes(),
            'penetration_mean': _mean(self.penetration),
            'penetration_max': float(self.penetration.max(initial=0.0)),
            'self_penetration_mean': _mean(self.self_penetration),
            'epsilon_mean': _mean(self.epsilon),
            'volume_mean': _mean(self.volume),
            'displacement_mean_held': _mean(self.displacement[self.held]),
            'contact_count_mean': [_mean(c) for c in self.contact_count.T],
            'contact_area_mean': [_mean(c) for c in self.contact_area.T],
            'tip_distance_mean': _mean(self.tip_distance),
            'explained_variance': self.explained_variance.tolist(),
            'distinct': self.distinct_count,
            'touched_share': self.touched_share,
            'volume_ratio': self.volume_ratio,
            'piece_threshold': self.piece_threshold,
            'torque_length': self.torque_length,
            'friction': self.friction,
            'cpu_time_mean': _mean(self.cpu_time),
            'warnings': list(self.warnings),
        }

    def rows(self) -> list[dict[str, Any]]:
        """One mapping for each grasp, with every array that has a value for each."""
        names = [f.name for f in dataclasses.fields(self)]
        arrays = {n: getattr(self, n) for n in names if n != 'explained_variance'}
        per_grasp = {n: a.tolist() for n, a in arrays.items() if isinstance(a, np.ndarray)}
        return [{n: a[k] for n, a in per_grasp.items()} for k in range(len(self.held))]

    def save(self, path: str | Path) -> None:
        """Write the annotated grasps; the arrays of this class stand beside them.

        `GraspSet.load` reads the file; the keys of the arrays are ``evaluation_`` and their names;
        the perturbation is JSON text.
        """
        with replacing(Path(path)) as temporary:
            self.grasps.save(temporary)
            with zipfile.ZipFile(temporary, 'a', zipfile.ZIP_DEFLATED) as archive:
                for f in dataclasses.fields(self):
                    value = getattr(self, f.name)
                    if f.name == 'grasps':
                        continue
                    if f.name == 'perturbation':
                        value = json.dumps(value and dataclasses.asdict(value))
                    with archive.open(f'{_KEY}{f.name}.npy', 'w') as file:
                        np.lib.format.write_array(file, np.asarray(value), allow_pickle=False)


def _mean(values: NDArray) -> float:
    """Mean of what was measured; NaN of nothing."""
    values = values[np.isfinite(values)]
    return float(values.mean()) if len(values) else float('nan')
