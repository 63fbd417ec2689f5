"""Objects that are not quite where, and not quite what, a grasp was planned for."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.transform import Rotation

from dexgrasp_ros.core.errors import ErrorCode, InputError


@dataclass(frozen=True, kw_only=True)
class Perturbation:
    """Errors of perception that a grasp is to survive in the shake test.

    Every grasp meets an object that starts moved by exactly `translation` in a random direction,
    turned by exactly `rotation` about a random axis through its centre of mass, and whose surface
    is grown by `growth` for one half of the grasps and shrunk by it for the other, by lot (see
    `grow_surface`). Mass and inertia stay.
    """

    translation: float = 0.003  # m
    rotation: float = math.radians(3.0)  # rad
    growth: float = 0.002  # m
    random_seed: int = 0

    def __post_init__(self) -> None:
        for name in ('translation', 'rotation', 'growth'):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0.0):
                raise InputError(
                    f"'{name}' of the perturbation is {value}; expected 0 or more.",
                    ErrorCode.OUT_OF_RANGE,
                )
        if self.random_seed < 0:
            raise InputError(
                f"'random_seed' of the perturbation is {self.random_seed}; expected 0 or more.",
                ErrorCode.OUT_OF_RANGE,
            )

    @property
    def growths(self) -> tuple[float, ...]:
        """Growths [m] of the surfaces that are needed."""
        return (self.growth, -self.growth) if self.growth else (0.0,)

    def draw(self, count: int, center: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Draw where the object starts for each grasp, and with which surface.

        Parameters
        ----------
        count
            Of grasps.
        center
            Centre of mass [3] in the mesh's frame, m.

        Returns
        -------
        tuple
            Poses [count, 7] of the mesh's frame, and indices [count] into `growths`.
        """
        rng = np.random.default_rng(self.random_seed)
        shift, axis = _unit_vectors(rng, count), _unit_vectors(rng, count)
        turn = Rotation.from_rotvec(self.rotation * axis)
        center = np.asarray(center, dtype=np.float64)
        origin = center + self.translation * shift - turn.apply(np.tile(center, (count, 1)))
        surface = rng.permutation(np.arange(count) % len(self.growths))
        return np.hstack([origin, turn.as_quat()]), surface


def _unit_vectors(rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    """Directions [count, 3], even over the sphere."""
    vectors = rng.standard_normal((count, 3))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
