"""What wishes add to the energy of one batch on one device: buffers and launches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import warp as wp
from numpy.typing import NDArray

from dexgrasp_ros.core.config import SynthesisConfig
from dexgrasp_ros.core.wishes import Region
from dexgrasp_ros.kernels import types
from dexgrasp_ros.kernels.wishes import (
    keep_clear,
    measure_lean,
    pull_back,
    soften_astray,
    turn_back,
)
from dexgrasp_ros.synthesis.wishes import Demand

_SHAPES = {'box': 0, 'sphere': 1, 'cylinder': 2, 'cone': 5}  # as `kernels.wishes` numbers them
_CONE_SHARE = 0.9  # of the half angle: the hand turns once more with an object that moves


class WishTerms:
    """Called by an engine at the places of an iteration where these terms act.

    Parameters
    ----------
    demand, config
        What is wished for, and the weights.
    settings
        The engine's.
    count
        Candidates that there is room for.
    device
        Where the engine is.
    launch
        Launches a kernel: kernel, dimensions, arguments.
    """

    def __init__(
        self,
        demand: Demand,
        config: SynthesisConfig,
        hand: types.Hand,
        settings: types.Settings,
        count: int,
        device: Any,
        *,
        launch: Callable[..., None],
    ) -> None:
        self._hand, self._settings, self._launch = hand, settings, launch
        wishes, self._groups = demand.wishes, len(demand.clear)
        self._has_regions = bool(wishes.hold_regions or wishes.avoid_regions)
        self._has_axis = wishes.approach_axis is not None
        self._wish = _upload(demand, config, count, device)

    def look(self, count: int, palm: wp.array, contacts: types.Contacts) -> None:
        """Add to the penalties once the closest points are known."""
        self._launch(keep_clear, (count, self._groups), self._wish, palm, contacts)
        if self._has_axis:
            self._launch(measure_lean, count, self._wish, palm)

    def soften(
        self, count: int, schedule: wp.array, counter: wp.array, contacts: types.Contacts
    ) -> None:
        """Change the compliance of contacts before they are solved for."""
        if self._has_regions:
            place = (schedule, counter)
            dim = (count, self._groups)
            self._launch(soften_astray, dim, self._hand, self._wish, *place, contacts)

    def differentiate(
        self,
        count: int,
        schedule: wp.array,
        counter: wp.array,
        palm: wp.array,
        forces: wp.array,
        contacts: types.Contacts,
    ) -> None:
        """Add to the contacts' gradients."""
        if self._has_regions:
            self._launch(
                pull_back,
                (count, self._groups),
                *(self._hand, self._wish, self._settings, schedule, counter),
                *(palm, forces, contacts),
            )

    def turn(
        self, count: int, schedule: wp.array, counter: wp.array, body_torque: wp.array
    ) -> None:
        """Add to the palm's gradient once it is summed."""
        if self._has_axis:
            self._launch(turn_back, count, self._wish, schedule, counter, body_torque)

    def lean(self, count: int) -> NDArray[np.float64]:
        """Copy what the palms' directions cost [N]; it is scaled as penalties are."""
        return self._wish.lean.numpy()[:count].astype(np.float64)


def _upload(demand: Demand, config: SynthesisConfig, count: int, device: Any) -> types.Wish:
    wishes, groups = demand.wishes, len(demand.clear)
    regions = [*wishes.hold_regions, *wishes.avoid_regions]
    s = types.Wish()
    s.clear = wp.array(demand.clear.astype(np.int32), dtype=int, device=device)
    s.weight, s.margin = config.wish_weight, config.wish_margin
    s.hold_count = len(wishes.hold_regions)
    kinds = np.array([_SHAPES[r.shape] for r in regions], dtype=np.int32)
    s.region_shapes = wp.array(kinds, dtype=int, device=device)
    sizes = np.array([_size(r) for r in regions], dtype=np.float32).reshape(-1, 3)
    s.region_sizes = wp.array(sizes, dtype=wp.vec3, device=device)
    poses = np.array([r.pose for r in regions], dtype=np.float32).reshape(-1, 7)
    s.region_poses = wp.array(poses, dtype=wp.transform, device=device)
    s.axis = wp.vec3(*(wishes.approach_axis or (0.0, 0.0, 1.0)))
    s.half_angle = _CONE_SHARE * wishes.approach_half_angle
    s.approach_weight = config.approach_weight
    s.astray = wp.zeros((count, groups), dtype=float, device=device)
    s.way_out = wp.zeros((count, groups), dtype=wp.vec3, device=device)
    s.lean = wp.zeros(count, dtype=float, device=device)
    s.lean_torque = wp.zeros(count, dtype=wp.vec3, device=device)
    return s


def _size(region: Region) -> tuple[float, float, float]:
    """Half extents, or radius and half height, as `kernels.primitives` has them."""
    if region.shape == 'box':
        x, y, z = region.size
        return x / 2, y / 2, z / 2
    if region.shape == 'sphere':
        return region.size[0], 0.0, 0.0
    height, radius = region.size
    return radius, height / 2, 0.0
