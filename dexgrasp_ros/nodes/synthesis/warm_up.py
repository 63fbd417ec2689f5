"""Loading the kernels before the first goal needs them."""

from __future__ import annotations

import dataclasses
import time

import numpy as np

from dexgrasp_ros.core.config import SynthesisConfig
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.object import ObjectConfig, load_object
from dexgrasp_ros.synthesis import load_closing_kernels, synthesize

_SIZE = 0.06  # m; a cube that any hand can be put beside
_COARSE = ObjectConfig(intervals=8)  # nobody looks at what is found


def warm_up(hand: HandModel, config: SynthesisConfig) -> float:
    """Run the smallest possible search, so that all kernels are there; return its time [s].

    Raises
    ------
    DeviceError
        DEVICE_UNAVAILABLE.
    """
    start = time.perf_counter()
    obj = load_object(_cube(), name='cube', config=_COARSE)
    few = {'seed_count': 2, 'iterations': 2, 'max_grasps': 1, 'time_limit': 0.0}
    smallest = dataclasses.replace(config, **few, seed_source='geometric')
    synthesize(hand, obj, smallest)
    # So small a search ends before a closing is simulated.
    load_closing_kernels(config.device)
    return time.perf_counter() - start


def _cube() -> tuple[np.ndarray, np.ndarray]:
    import trimesh

    box = trimesh.creation.box((_SIZE, _SIZE, _SIZE))
    return np.array(box.vertices), np.array(box.faces)
