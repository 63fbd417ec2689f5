"""Whether hands get to grasps of one object, and out with it: a callback of the search."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.core.object_model import ObjectModel
from dexgrasp_ros.core.poses import invert, pose_to_matrix, transform_points
from dexgrasp_ros.motion.clearance import HandCloud
from dexgrasp_ros.motion.config import WayConfig
from dexgrasp_ros.motion.way import Approach, find_way
from dexgrasp_ros.object.distance import grid_distance

_CARRIED = 400  # points of the object that are looked at on the way out
# m that a hand or its object may come nearer to what they touch or nearly touch at the grasp
_SLACK = 0.001


class WayTest:
    """Looks for a way to each grasp, and lifts it, in the distance grids of the search.

    Poses are in the frame of the object's mesh, where its grids are.

    Parameters
    ----------
    hand, obj
        Hand and object; the object's `environment` is what else there is.
    config
        Margin and effort.
    start
        [7] where the root link is now; None: only the ends of ways are looked for.
    start_fingers
        [J] where the joints are now; None: as at the pre-grasp.
    lift
        [3] m, the way of the lift; zero: nothing is lifted.
    """

    def __init__(
        self,
        hand: HandModel,
        obj: ObjectModel,
        config: WayConfig,
        *,
        start: NDArray[np.float64] | None = None,
        start_fingers: NDArray[np.float64] | None = None,
        lift: NDArray[np.float64],
    ) -> None:
        self._hand, self._obj, self._config = hand, obj, config
        self._start, self._start_fingers, self._lift = start, start_fingers, lift
        length = np.linalg.norm(lift)
        self._up = lift / length if length > 0 else np.zeros(3)
        around = [] if obj.environment is None else [partial(grid_distance, obj.environment)]
        self._around = around
        self._fields = [partial(grid_distance, obj.distance), *around]
        every = max(1, len(obj.surface_points) // _CARRIED)
        self._carried = obj.surface_points[::every]

    def __call__(
        self,
        base_poses: NDArray[np.float64],
        pregrasp_base_poses: NDArray[np.float64],
        grasp: NDArray[np.float64],
        pregrasp: NDArray[np.float64],
    ) -> NDArray[np.bool_]:
        """Which grasps [N] have a clear way.

        Poses [N, 7] are of the root link at grasp and pre-grasp, joints [N, J] likewise.
        """
        rows = zip(base_poses, pregrasp_base_poses, grasp, pregrasp, strict=True)
        return np.array([self._is_clear(*row) for row in rows], dtype=bool)

    def _is_clear(
        self, base: NDArray, pregrasp_base: NDArray, grasp: NDArray, pregrasp: NDArray
    ) -> bool:
        if not self._lifts_out(base, grasp):
            return False
        wanted = Approach(
            pregrasp=pregrasp_base,
            grasp=base,
            fingers=pregrasp,
            up=self._up,
            start=self._start,
            start_fingers=self._start_fingers,
        )
        return find_way(self._hand, self._fields, wanted, self._config) is not None

    def _lifts_out(self, base: NDArray, grasp: NDArray) -> bool:
        """Whether hand and object leave straight along the lift without hitting anything."""
        if not self._around or not self._lift.any():
            return True
        carried = transform_points(invert(base), self._carried)
        cloud = HandCloud(self._hand, grasp, carried)
        steps = max(2, int(np.ceil(np.linalg.norm(self._lift) / self._config.step)) + 1)
        frames = np.tile(pose_to_matrix(base), (steps, 1, 1))
        frames[:, :3, 3] += np.linspace(0.0, 1.0, steps)[:, None] * self._lift
        gap = cloud.clearance(frames, self._around, self._config.margin)
        return bool((gap >= min(self._config.margin, gap[0]) - _SLACK).all())
