"""Whether views agree on what is where, and if not, what their poses were mistaken for."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.perception.fusion.fused_view import FusedView

_NEAR = 0.02  # m along the ray that poses and noise may put two views apart
_MOST_DENIED = 0.25  # share of denials that edges, noise and a moved thing may cause
_FEWEST_SHARED = 0.02  # share of the points that another view can tell about
# A camera's frame in which x is right, y up, z back (OpenGL), and x forward, y left, z up (ROS).
_OPENGL = np.diag([1.0, -1.0, -1.0, 1.0])
_BODY = np.array([[0.0, 0, 1, 0], [-1, 0, 0, 0], [0, -1, 0, 0], [0, 0, 0, 1]])
_AXES = (
    ('', np.eye(4)),
    ('of a camera with y up and z back, as in OpenGL', _OPENGL),
    ('of a camera with x forward and z up, not of its optical frame', _BODY),
)
_UNITS = (('', 1.0), ('in millimetres', 0.001), ('in centimetres', 0.01))
_WAYS = (('', False), ('of the world in the camera (invert them)', True))


def disagreements(views: Sequence[FusedView]) -> list[str]:
    """Warn of views that deny each other, or that share nothing, and name the likely cause.

    A point that one view shows is confirmed by another that measured a surface there, and denied
    by one that saw through it.

    Parameters
    ----------
    views
        Those that are to be fused.
    """
    if len(views) < 2:
        return []
    poses = [view.T_world_cam for view in views]
    shared, denied = _compare(views, poses)
    if shared >= _FEWEST_SHARED and denied <= _MOST_DENIED:
        return []
    if shared < _FEWEST_SHARED:
        apart = max(np.linalg.norm(a[:3, 3] - b[:3, 3]) for a in poses for b in poses)
        what = (
            'By their poses, the views show nothing in common; their cameras are up to'
            f' {apart:.3g} m apart.'
        )
    else:
        what = (
            f'The views contradict each other: {100 * denied:.0f} % of what one shows lies where'
            ' another saw through.'
        )
    return [f'{what} {_cause(views)}']


def _cause(views: Sequence[FusedView]) -> str:
    """Name what the poses are if that makes the views agree."""
    best, cause = _MOST_DENIED, ''
    for (way, inverted), (unit, metres), (axes, turn) in itertools.product(_WAYS, _UNITS, _AXES):
        named = [name for name in (way, unit, axes) if name]
        poses = [_read(view.T_world_cam, inverted, metres, turn) for view in views]
        shared, denied = _compare(views, poses)
        if named and shared >= _FEWEST_SHARED and denied < best:
            best, cause = denied, ' and '.join(named)
    expected = "expected poses of the cameras' optical frames in one fixed frame [m]."
    if cause:
        return f"They agree if 'T_world_cam' is taken for poses {cause}; {expected}"
    return f"Is 'T_world_cam' right, and did the scene stand still? {expected.capitalize()}"


def _read(
    T: NDArray[np.float64], inverted: bool, metres: float, turn: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Pose [4, 4] of the optical frame if T was written in another way."""
    T = T.copy()
    T[:3, 3] *= metres
    return (np.linalg.inv(T) if inverted else T) @ turn


def _compare(
    views: Sequence[FusedView], poses: Sequence[NDArray[np.float64]]
) -> tuple[float, float]:
    """Share of points that another view can tell about, and of those the share it denies."""
    told, confirmed, denied = 0, 0, 0
    for (a, T_a), (b, T_b) in itertools.permutations(zip(views, poses, strict=True), 2):
        T = np.linalg.inv(T_b) @ T_a
        points = a.probes @ T[:3, :3].T + T[:3, 3]
        pixels, z = b.window.project(points[points[:, 2] > 0.0])
        height, width = b.window.depth.shape
        inside = (pixels > -0.5).all(axis=1) & (pixels < np.array([width, height]) - 0.5).all(
            axis=1
        )
        u, v = np.rint(pixels[inside]).astype(np.int64).T
        gap = b.window.depth[v, u] - z[inside]
        told += len(a.probes)
        confirmed += int((np.abs(gap) < _NEAR).sum())
        denied += int((gap >= _NEAR).sum())
    return (confirmed + denied) / max(told, 1), denied / max(confirmed + denied, 1)
