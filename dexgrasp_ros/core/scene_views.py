"""Scene files with several views of one scene."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dexgrasp_ros.core.archive import read_archive
from dexgrasp_ros.core.depth_frame import DepthFrame, depth_in_metres, load_scene
from dexgrasp_ros.core.doors import names_its_file
from dexgrasp_ros.core.errors import ErrorCode, InputError

_CHANNELS = 4  # of a picture at most


@names_its_file
def load_views(path: str | Path) -> list[DepthFrame]:
    """Read a scene file of one view, or of several on a first axis.

    Parameters
    ----------
    path
        An ``.npz`` as `load_scene` reads, or one with `depth` [V, H, W], `K` [3, 3] or [V, 3, 3],
        `T_world_cam` [V, 4, 4] (optional for a single view), and perhaps `seg` int [V, H, W] and
        `stamp` int [V] ns.

    Raises
    ------
    InputError
        As `load_scene`; WRONG_SHAPE where the counts of views differ, MISSING_KEY for integer
        depth without `depth_scale`.
    """
    data = read_archive(path, 'scene', ('depth', 'K'))
    depth = data['depth']
    # Nobody's images are so narrow: that last axis is of channels.
    if depth.ndim != 3 or 0 < depth.shape[2] <= _CHANNELS:
        return [load_scene(path)]
    count = len(depth)
    if count != 1:
        data = read_archive(path, 'scene', ('depth', 'K', 'T_world_cam'))
    for key in ('seg', 'T_world_cam'):
        if key in data and (data[key].ndim < 3 or len(data[key]) != count):
            raise InputError(
                f"'{key}' has shape {list(data[key].shape)}; expected a first axis of {count}"
                " views, as 'depth' has.",
                ErrorCode.WRONG_SHAPE,
            )
    depth = depth_in_metres(data)
    K = data['K']
    if K.ndim == 3 and len(K) != count:
        raise InputError(
            f"'K' has shape {list(K.shape)}; expected [3, 3] or [{count}, 3, 3].",
            ErrorCode.WRONG_SHAPE,
        )
    stamps = data.get('stamp', np.zeros(count, dtype=np.int64))
    if stamps.shape != (count,) or stamps.dtype.kind not in 'iu':
        raise InputError(
            f"'stamp' has type {stamps.dtype} and shape {list(stamps.shape)}; expected whole"
            f' numbers [ns], one for each of {count} views.',
            ErrorCode.WRONG_TYPE if stamps.shape == (count,) else ErrorCode.WRONG_SHAPE,
        )
    return [
        DepthFrame(
            depth=depth[i],
            labels=data['seg'][i] if 'seg' in data else None,
            intrinsics=K[i] if K.ndim == 3 else K,
            T_world_cam=data['T_world_cam'][i] if 'T_world_cam' in data else None,
            stamp=int(stamps[i]),
        )
        for i in range(count)
    ]
