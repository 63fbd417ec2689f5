"""Scene files with several views of one scene."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dexgrasp_ros.core.archive import read_archive
from dexgrasp_ros.core.depth_frame import DepthFrame, load_scene
from dexgrasp_ros.core.doors import names_its_file
from dexgrasp_ros.core.errors import ErrorCode, InputError, quoted


@names_its_file
def load_views(path: str | Path) -> list[DepthFrame]:
    """Read a scene file of one view, or of several on a first axis.

    Parameters
    ----------
    path
        An ``.npz`` as `load_scene` reads, or one with `depth` [V, H, W] (float m, or integers
        with `depth_scale`, metres for each unit), `K` [3, 3] or [V, 3, 3], `T_world_cam`
        [V, 4, 4], and perhaps `seg` int [V, H, W] and `stamp` int [V] ns.

    Raises
    ------
    InputError
        As `load_scene`; WRONG_SHAPE where the counts of views differ, MISSING_KEY for integer
        depth without `depth_scale`.
    """
    data = read_archive(path, 'scene', ('depth', 'K'))
    depth = data['depth']
    if depth.ndim != 3:
        return [load_scene(path)]
    data = read_archive(path, 'scene', ('depth', 'K', 'T_world_cam'))
    count = len(depth)
    for key in ('seg', 'T_world_cam'):
        if key in data and (data[key].ndim != 3 or len(data[key]) != count):
            raise InputError(
                f"'{key}' has shape {list(data[key].shape)}; expected a first axis of {count}"
                " views, as 'depth' has.",
                ErrorCode.WRONG_SHAPE,
            )
    if depth.dtype.kind in 'iu':
        if 'depth_scale' not in data:
            raise InputError(
                f"'depth' has dtype {depth.dtype} and there is no 'depth_scale'; expected it, in"
                ' metres for each unit, or float depth in metres.',
                ErrorCode.MISSING_KEY,
            )
        scale = data['depth_scale']
        if scale.size != 1 or scale.dtype.kind not in 'fiu' or not 0 < scale.item() <= 1:
            raise InputError(
                f"'depth_scale' is {quoted(scale.tolist())}; expected one number, metres for each"
                ' unit of the depth.',
                ErrorCode.OUT_OF_RANGE,
            )
        depth = depth * np.float32(scale.item())
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
            T_world_cam=data['T_world_cam'][i],
            stamp=int(stamps[i]),
        )
        for i in range(count)
    ]
