"""Ways that are found by sampling: RRT-Connect of OMPL in SE(3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.poses import pose_to_matrix
from dexgrasp_ros.motion.config import WayConfig

_ASIDE = 0.4  # m that a way may lead beyond the box of its ends


def sample_way(
    is_clear: Callable[[NDArray[np.float64]], bool],
    start: NDArray[np.float64],
    end: NDArray[np.float64],
    config: WayConfig,
) -> NDArray[np.float64] | None:
    """Poses [K, 7] from `start` to `end`, both [7]; None where time was over before.

    The way has more corners than it needs.

    Parameters
    ----------
    is_clear
        Says of one frame [4, 4] whether nothing is touched there.
    start, end
        Where the way leads.
    config
        Time and seed.
    """
    from ompl import base, geometric, util

    util.setLogLevel(util.LOG_NONE)
    util.RNG.setSeed(config.random_seed + 1)  # 0 would be no seed
    space = base.SE3StateSpace()
    box = base.RealVectorBounds(3)
    for axis in range(3):
        low, high = sorted((start[axis], end[axis]))
        box.setLow(axis, float(low) - _ASIDE)
        box.setHigh(axis, float(high) + _ASIDE)
    space.setBounds(box)
    setup = geometric.SimpleSetup(space)
    setup.setStateValidityChecker(lambda state: is_clear(pose_to_matrix(_pose(state))))
    information = setup.getSpaceInformation()
    information.setStateValidityCheckingResolution(2 * config.step / space.getMaximumExtent())
    setup.setStartAndGoalStates(_state(space, start), _state(space, end))
    setup.setPlanner(geometric.RRTConnect(information))
    setup.solve(config.sampling_time)
    if not setup.haveExactSolutionPath():
        return None
    return np.array([_pose(state) for state in setup.getSolutionPath().getStates()])


def _state(space: Any, pose: NDArray[np.float64]) -> Any:
    state = space.allocState()
    state.setXYZ(*pose[:3].tolist())
    turn = state.rotation()
    turn.x, turn.y, turn.z, turn.w = pose[3:].tolist()
    return state


def _pose(state: Any) -> NDArray[np.float64]:
    turn = state.rotation()
    return np.array([state.getX(), state.getY(), state.getZ(), turn.x, turn.y, turn.z, turn.w])
