"""Signs that a frame's numbers are not what they should be: unit, kind of depth, intrinsics."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.depth_frame import DepthFrame
from dexgrasp_ros.core.errors import DexGraspError, ErrorCode, PerceptionError
from dexgrasp_ros.core.intrinsics import intrinsics_doubts
from dexgrasp_ros.perception.config import ReconstructionConfig
from dexgrasp_ros.perception.plane import find_planes
from dexgrasp_ros.perception.view import DepthWindow

_UNITS = {'millimetres': 0.001, 'tenths of a millimetre': 0.0001, 'centimetres': 0.01}  # m
# A plane must gather so many times as many points, and this share of all, before it tells that
# depth is of another kind: noise and clutter give and take a tenth.
_FLATTER, _FLAT_SHARE = 1.3, 0.3
_PROBED = 4000  # pixels of the background that tell
# Of so many pixels at most the values are looked at one by one; each level needs as many of them.
_VALUES, _VALUES_OF_LEVEL = 20_000, 16
# A picture has 256 levels at most; fewer than the least may be steps of a staircase.
_LEVELS, _FEWEST_LEVELS = 256, 32
_COARSE = 0.0015  # m between levels; integer depth has 1 mm
# A view of its whole width: parallel surfaces of things, seen along the normal, stand out more.
_SHALLOW = 0.02


def check_depth(frame: DepthFrame, window: DepthWindow, config: ReconstructionConfig) -> None:
    """Refuse a frame without valid depth, and say in which unit it would have some.

    Parameters
    ----------
    frame, window
        The frame, and the whole of it as `whole_frame` makes it.
    config
        Of which `min_depth` and `max_depth` act here.

    Raises
    ------
    PerceptionError
        NO_VALID_DEPTH.
    """
    if np.isfinite(window.depth).any():
        return
    raise PerceptionError(
        f'None of the {window.depth.size} depth values is valid; expected some between'
        f' {config.min_depth} and {config.max_depth} m.{_unit_advice(frame.depth, config)}',
        ErrorCode.NO_VALID_DEPTH,
    )


def frame_warnings(
    frame: DepthFrame, window: DepthWindow, config: ReconstructionConfig
) -> list[str]:
    """Warn of what makes all of a frame doubtful; parameters as for `check_depth`."""
    return [
        *intrinsics_doubts(frame.intrinsics, frame.depth.shape),
        *_value_warnings(frame.depth),
        *_relief_warnings(window),
        *_kind_warnings(window, config),
    ]


def add_doubts(error: DexGraspError, doubts: list[str]) -> DexGraspError:
    """Error that also tells what is doubtful about its frame, which may be why."""
    return type(error)(' '.join([str(error), *doubts]), error.code)


def _unit_advice(depth: NDArray[np.float32], config: ReconstructionConfig) -> str:
    with np.errstate(invalid='ignore'):
        some = depth[np.isfinite(depth) & (depth > 0)]
    if not len(some):
        return ' They are all 0, negative, NaN or Inf.'
    low, middle, high = np.percentile(some, [2.0, 50.0, 98.0])
    for name, unit in _UNITS.items():
        if config.min_depth <= middle * unit <= config.max_depth:
            cause = f'in {name}? Multiply by {unit:g}.'
            break
    else:
        cause = 'is their scale right?'
    return f' They are {low:.4g} to {high:.4g}: {cause}'


def _value_warnings(depth: NDArray[np.float32]) -> list[str]:
    with np.errstate(invalid='ignore'):
        some = depth[np.isfinite(depth) & (depth > 0)]
    if (some == np.rint(some)).all():
        return ['All depths are whole metres; were they rounded when they were stored?']
    if some.max() == 1.0:
        return [
            'The largest depth is exactly 1, as in pictures and depth buffers, which are'
            ' normalised; expected metres along the optical axis.'
        ]
    return _level_warnings(some)


def _level_warnings(some: NDArray[np.float32]) -> list[str]:
    """Warn where valid depths [m] have the levels of a picture: a few, one step apart.

    Levels of a sensor that are as coarse are not one step apart: disparities have equal ones.
    """
    values = some[:: max(1, len(some) // _VALUES)].astype(np.float64)
    levels = np.unique(values)
    most = min(_LEVELS, len(values) // _VALUES_OF_LEVEL)
    if not _FEWEST_LEVELS <= len(levels) <= most:
        return []
    step = np.diff(levels).min()
    if np.abs(np.diff(levels) / step % 1.0 - 0.5).min() < 0.4:
        return []
    # 255 units, whatever they are: a picture was taken for depth in units of its own.
    is_full = abs(some.max() / step - (_LEVELS - 1)) < 0.1
    if step < _COARSE and not is_full:
        return []
    return [
        f'All depths are {len(levels)} levels, {1000 * step:.3g} mm apart, up to {some.max():.3g}'
        ' m, as in 8-bit pictures: were they squeezed into one for a viewer? Use the image of 16'
        ' bits or of floats that the camera publishes; expected metres along the optical axis.'
    ]


def _relief_warnings(window: DepthWindow) -> list[str]:
    """Warn where all that is seen is as shallow as no scene with something to grasp."""
    seen = np.isfinite(window.depth)
    depth = window.depth[seen]
    rows, columns = (np.flatnonzero(seen.any(axis=axis)) for axis in (1, 0))
    size = np.array([np.ptp(columns), np.ptp(rows)]) / window.focal
    width = float(np.median(depth) * size.max())
    if np.ptp(depth) >= _SHALLOW * width:
        return []
    return [
        f'All depths lie between {depth.min():.4g} and {depth.max():.4g} m, in a view that would'
        f' be {width:.3g} m wide: were they squeezed into a narrow range, as for a viewer, or is'
        ' their scale wrong? Expected metres along the optical axis.'
    ]


def _kind_warnings(window: DepthWindow, config: ReconstructionConfig) -> list[str]:
    """Warn where a plane in the background is flat only if depth is of another kind."""
    background = np.isfinite(window.depth) & (window.labels == 0)
    points = window.back_project(background)
    points = points[:: max(1, len(points) // _PROBED)]
    if len(points) < config.min_points:
        return []
    least = max(_FLATTER * _largest_plane(points, config), _FLAT_SHARE * len(points))
    if least > len(points):
        return []
    depth = points[:, 2:]
    rays = points / depth
    # From distances along the rays the same pixels give these points.
    along = points / np.linalg.norm(rays, axis=1, keepdims=True)
    # On a plane a x + b y + c z = d the inverse depth is linear in the pixels, (a x/z + …) / d.
    inverse = np.hstack([np.median(depth) * rays[:, :2], depth])
    if _largest_plane(along, config) >= least:
        return [
            'The background is flat only if depth was measured along the rays, as the distance to'
            ' the camera; expected it along the optical axis: divide by the length of the ray'
            ' (x, y, 1).'
        ]
    if _largest_plane(inverse, config) >= least:
        return [
            'The background is flat only if these are inverse depths, such as disparities or those'
            " of a renderer's depth buffer; expected metres along the optical axis."
        ]
    return []


def _largest_plane(points: NDArray[np.float64], config: ReconstructionConfig) -> int:
    """Count of points on the plane that has most of them."""
    planes = find_planes(points, config)
    near = (np.abs(points @ p[:3] + p[3]) < config.plane_distance for p in planes)
    return max((int(n.sum()) for n in near), default=0)
