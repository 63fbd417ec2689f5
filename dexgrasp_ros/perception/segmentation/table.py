"""The plane that most objects of a frame stand on, and how far each pixel rises above it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull

from dexgrasp_ros.core.errors import PerceptionError
from dexgrasp_ros.perception.config import ReconstructionConfig
from dexgrasp_ros.perception.plane import find_planes
from dexgrasp_ros.perception.segmentation.components import find_components
from dexgrasp_ros.perception.segmentation.config import SegmentationConfig
from dexgrasp_ros.perception.view import DepthWindow

# Up in the camera's frame where nobody says: as if it were pitched down by 45 degrees. At every
# pitch from level to straight down a table's normal lies within 45 degrees of it; that of a wall
# ahead lies farther away than 53 degrees, which is `_MIN_LEVEL`, once the pitch exceeds 8 degrees.
_USUAL_UP = np.array([0.0, -1.0, -1.0]) / np.sqrt(2.0)
_MIN_LEVEL = 0.6  # cosine between the normal of a support plane and up, at least
# Of structured light: 1.5 to 2 mm/m² times z² (Nguyen et al. 2012, Khoshelham and Elberink 2012).
_NOISE_GROWTH = 0.002  # 1/m
# A depth camera bends planes by some millimetres, smoothly over the image.
_MAX_BEND = 0.015  # m; what is farther from the plane is no bend
_BEND_ROUNDS = 3
_BEND_STRIDE = 3  # px
_LEAST_REACH = 0.006  # m, of the last round: three times the noise at 1 m
_HULL_STRIDE = 7  # px
_PIECE_SHARE = 0.05  # of the plane's largest piece; smaller ones do not say how far it reaches

# What has points nearer to the plane than this stands on it: depth is seldom measured right down
# to the table.
STANDING = 0.025  # m


@dataclass(frozen=True, kw_only=True)
class Tabletop:
    """A support plane and the height of each pixel above it."""

    plane: NDArray[np.float64]  # [4] n, d: free side n·x + d > 0, |n| = 1
    height: NDArray[np.float32]  # [H, W] m, NaN without depth
    threshold: NDArray[np.float32]  # [H, W] m; what rises higher is no noise of the plane
    hull: NDArray[np.float64]  # [E, 3] lines a·p + b <= 0 around the seen plane; see `is_over`

    @property
    def rising(self) -> NDArray[np.bool_]:
        """Pixels [H, W] that rise above the plane's noise."""
        with np.errstate(invalid='ignore'):
            return self.height > self.threshold

    def is_over(self, point: NDArray[np.float64]) -> bool:
        """Whether a point [3] is above what was seen of the plane, not beyond its edges."""
        flat = _axes(self.plane) @ point
        return bool((self.hull[:, :2] @ flat + self.hull[:, 2]).max(initial=-np.inf) <= 0.0)


def find_tabletop(
    window: DepthWindow, up: NDArray[np.float64] | None, config: SegmentationConfig
) -> Tabletop:
    """Find the plane that objects stand on.

    Of the planes found by RANSAC those count that are about level. Of these the one wins that has
    most pixels, divided by its squared distance and weighted by how level it is: a table wins
    over the floor behind it.

    Parameters
    ----------
    window
        The whole frame.
    up
        Upward direction [3] in the camera's frame; None: a camera that looks down somewhat.
    config
        Of which `plane_distance` and `min_height` act here.

    Raises
    ------
    PerceptionError
        RECONSTRUCTION_FAILED where no plane is level.
    """
    valid = np.isfinite(window.depth)
    points = window.back_project(valid)
    plane = _choose_plane(points, up, config)
    height = np.full(window.depth.shape, np.nan, np.float32)
    height[valid] = points @ plane[:3] + plane[3]
    height -= _bend(window, height)
    seen = window.back_project(_large_pieces(window, height, config))[::_HULL_STRIDE]
    return Tabletop(
        plane=plane,
        height=height,
        threshold=config.min_height + _NOISE_GROWTH * window.depth**2,
        hull=ConvexHull(seen @ _axes(plane).T).equations,
    )


def _choose_plane(
    points: NDArray[np.float64], up: NDArray[np.float64] | None, config: SegmentationConfig
) -> NDArray[np.float64]:
    search = ReconstructionConfig(
        plane_distance=config.plane_distance, random_seed=config.random_seed
    )
    planes = find_planes(points, search)
    up = _USUAL_UP if up is None else up / np.linalg.norm(up)
    best, best_score = None, 0.0
    for plane in planes:
        level = float(plane[:3] @ up)
        near = np.abs(points @ plane[:3] + plane[3]) < config.plane_distance
        score = level * float(near.sum()) / float(np.median(points[near, 2])) ** 2
        if level >= _MIN_LEVEL and score > best_score:
            best, best_score = plane, score
    if best is None:
        raise PerceptionError(
            f'None of {len(planes)} planes in the frame is level; expected a table or floor that'
            ' covers at least 5 % of the pixels with valid depth. Is the camera upright?'
        )
    return best


def _large_pieces(
    window: DepthWindow, height: NDArray[np.float32], config: SegmentationConfig
) -> NDArray[np.bool_]:
    """Pixels of the plane [H, W], without specks where something beyond it is as high as it."""
    with np.errstate(invalid='ignore'):
        flat = np.abs(height) < config.plane_distance
    pieces = find_components(window.depth, flat, config)
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    return (sizes >= _PIECE_SHARE * sizes.max())[pieces]


def _axes(plane: NDArray[np.float64]) -> NDArray[np.float64]:
    """Two unit vectors [2, 3] in a plane."""
    side = np.cross(plane[:3], np.eye(3)[np.abs(plane[:3]).argmin()])
    side /= np.linalg.norm(side)
    return np.stack([side, np.cross(plane[:3], side)])


def _bend(window: DepthWindow, height: NDArray[np.float32]) -> NDArray[np.float32]:
    """Heights [H, W] that the sensor gives to points of the plane: a quadric, fitted robustly."""
    v, u = np.indices(height.shape, dtype=np.float32)
    x, y = (u - window.center[0]) / window.focal[0], (v - window.center[1]) / window.focal[1]
    terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1).astype(np.float32)
    some = terms[::_BEND_STRIDE, ::_BEND_STRIDE].reshape(-1, 6)
    measured = height[::_BEND_STRIDE, ::_BEND_STRIDE].ravel()
    bend, reach = np.zeros(6, np.float32), _MAX_BEND
    for _ in range(_BEND_ROUNDS):
        with np.errstate(invalid='ignore'):
            near = np.abs(measured - some @ bend) < reach
        bend = np.linalg.lstsq(some[near], measured[near], rcond=None)[0]
        reach = max(reach / 2, _LEAST_REACH)
    return np.clip(terms @ bend, -_MAX_BEND, _MAX_BEND)
