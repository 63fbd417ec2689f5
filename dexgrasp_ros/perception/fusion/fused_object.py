"""From what several views saw of an object to its mesh in the fixed frame."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from dexgrasp_ros.core.errors import PerceptionError
from dexgrasp_ros.core.object_model import ObservedObject
from dexgrasp_ros.perception.completion.complete import complete
from dexgrasp_ros.perception.config import ReconstructionConfig
from dexgrasp_ros.perception.fusion.fused_surface import FusedSurface
from dexgrasp_ros.perception.fusion.fused_view import FusedView
from dexgrasp_ros.perception.grid import Grid, make_axes
from dexgrasp_ros.perception.mesh import extract_solid, solid_mesh
from dexgrasp_ros.perception.plane import fit_plane
from dexgrasp_ros.perception.scene import thin
from dexgrasp_ros.perception.visibility import MeshView

_PHASES = ('plane', 'completion', 'mesh', 'scene')
_UP = np.array([0.0, 0.0, 1.0])
_LEVEL = np.cos(np.radians(5.0))  # a fit that tilts more follows the noise of few points
_LOWEST = 2.0  # percentile of heights that counts as the lowest point, against outliers
_MAX_SUNK = 0.015  # m that this point may lie under its support plane: noise of plane and points


@dataclass(frozen=True, kw_only=True)
class FusedEvidence:
    """One object and all views, ready to be meshed."""

    surface: FusedSurface
    points: NDArray[np.float64]  # [M, 3] m, what the views saw of the object
    view_count: int  # views that saw the object, forgotten ones too

    @property
    def views(self) -> Sequence[FusedView]:
        """The views that are kept."""
        return self.surface.views

    @property
    def label(self) -> int:
        """Of the object."""
        return self.surface.label


def reconstruct_evidence(
    evidence: FusedEvidence, frame_id: str, config: ReconstructionConfig
) -> ObservedObject:
    """Mesh of an object, of which only that is guessed what no view saw.

    Raises
    ------
    PerceptionError
        RECONSTRUCTION_FAILED where nothing is left that could be inside, or no view is left
        that saw the object.
    """
    if not any(evidence.label in view.objects for view in evidence.views):
        raise PerceptionError(
            f'All views that saw label {evidence.label} have been replaced by others; it must be'
            ' seen again.'
        )
    marks = [time.perf_counter()]
    points = evidence.points
    plane = _find_support(evidence, config)
    marks.append(time.perf_counter())

    direction = _main_direction(evidence)
    axes = make_axes(np.append(_UP, 0.0) if plane is None else plane, direction)
    local = axes.to_local(points)
    grid, values = complete(evidence.surface, axes, local, plane is not None, config)
    floor = float(np.percentile(local[:, 0], 1.0)) if plane is None else 0.0
    values = _fill_between(values, grid, floor, evidence.surface)
    values = _fill_cavities(values, grid, floor)
    marks.append(time.perf_counter())

    solid, warnings = extract_solid(
        values,
        (local - grid.lower) / grid.spacing,
        None if plane is None else -grid.lower[0] / grid.spacing,
        config.max_faces,
    )
    vertices, faces = solid_mesh(solid.transform(grid.to_camera_matrix()))
    marks.append(time.perf_counter())
    fraction = _observed_fraction(vertices, faces, evidence.views)
    obstacles = _find_obstacles(evidence, plane, grid, values, config)
    marks.append(time.perf_counter())
    return ObservedObject(
        label=evidence.label,
        name=f'object_{evidence.label}',
        frame_id=frame_id,
        stamp=max(view.stamp for view in evidence.views),
        vertices=vertices,
        faces=faces,
        points=points,
        support_plane=plane,
        obstacles=obstacles,
        observed_fraction=fraction,
        warnings=(*_warnings(evidence, plane), *warnings),
        timing=dict(zip(_PHASES, np.diff(marks).tolist(), strict=True)),
        view_count=evidence.view_count,
    )


def _main_direction(evidence: FusedEvidence) -> NDArray[np.float64]:
    """From the camera to the object [3] in the view that saw most of it.

    The completion judges slices by where lines of sight graze the object; those of no real view
    graze it nowhere.
    """
    views = [view for view in evidence.views if evidence.label in view.objects]
    best = max(views, key=lambda view: len(view.objects[evidence.label].points))
    return best.objects[evidence.label].points.mean(axis=0) - best.T_world_cam[:3, 3]


def _find_support(
    evidence: FusedEvidence, config: ReconstructionConfig
) -> NDArray[np.float64] | None:
    """Level plane [n, d] just under the object with most points around it, or None.

    Of all heights the one with most points within `plane_distance`, then least squares.
    """
    points = evidence.points
    lower, upper = (
        points.min(axis=0) - config.plane_margin,
        points.max(axis=0) + config.plane_margin,
    )
    lowest = np.percentile(points[:, 2], _LOWEST)
    lower[2], upper[2] = lowest - config.plane_gap, lowest + _MAX_SUNK
    lower[2] -= config.plane_distance
    upper[2] += config.plane_distance
    parts = [view.scene[0].astype(np.float64) for view in evidence.views if 0 in view.scene]
    around = np.concatenate([np.empty((0, 3)), *parts])
    around = around[((around > lower) & (around < upper)).all(axis=1)]
    around = thin(around, config.obstacle_spacing)
    heights = np.sort(around[:, 2])
    above = np.searchsorted(heights, heights + 2.0 * config.plane_distance)
    count = above - np.arange(len(heights))
    if not len(heights) or count.max() < config.min_points:
        return None
    level = np.array([0.0, 0.0, 1.0, -heights[count.argmax()] - config.plane_distance])
    plane = level
    for _ in range(3):
        plane = fit_plane(around[np.abs(around @ plane[:3] + plane[3]) < config.plane_distance])
        plane = plane if plane[2] > 0.0 else -plane
    return plane if plane[2] > _LEVEL else level


def _fill_between(
    values: NDArray[np.float32], grid: Grid, floor: float, surface: FusedSurface
) -> NDArray[np.float32]:
    """Field in which what is hidden between two seen sides is inside; its border stays outside."""
    asked = np.zeros(values.shape, bool)
    asked[1:-1, 1:-1, 1:-1] = values[1:-1, 1:-1, 1:-1] > 0.0
    asked[grid.coordinates(0) < floor] = False
    nodes = grid.axes.to_camera(grid.nodes()[asked])
    hidden = surface.shadow(nodes)
    hidden[hidden < 0.0] = np.where(
        surface.between(nodes[hidden < 0.0]), hidden[hidden < 0.0], 1.0
    )
    filled = values.copy()
    filled[asked] = np.where(hidden < 0.0, hidden, values[asked])
    return filled


def _fill_cavities(values: NDArray[np.float32], grid: Grid, floor: float) -> NDArray[np.float32]:
    """Field in which what the object encloses is inside: no view could look into it."""
    outside = values > 0.0
    outside[grid.coordinates(0) < floor] = False
    numbers, count = ndimage.label(outside)
    if count < 2:
        return values
    shell = np.ones_like(outside)
    shell[1:-1, 1:-1, 1:-1] = False
    open_ = np.zeros(count + 1, bool)
    open_[np.unique(numbers[shell])] = True
    return np.where(outside & ~open_[numbers], -values, values)


def _observed_fraction(
    vertices: NDArray[np.float64], faces: NDArray[np.int64], views: Sequence[FusedView]
) -> float:
    seen = np.zeros(len(faces), bool)
    for view in views:
        mesh = MeshView(view.to_camera(vertices), faces)
        seen |= mesh.seen_faces(view.window)
    return float(mesh.areas[seen].sum() / mesh.areas.sum())


def _find_obstacles(
    evidence: FusedEvidence,
    plane: NDArray[np.float64] | None,
    grid: Grid,
    values: NDArray[np.float32],
    config: ReconstructionConfig,
) -> NDArray[np.float64]:
    """Points [K, 3] near the object that are neither it nor its support plane."""
    parts = [
        points.astype(np.float64)
        for view in evidence.views
        for owner, points in view.scene.items()
        if owner != evidence.label
    ]
    others = np.concatenate([np.empty((0, 3)), *parts])
    if plane is not None:
        others = others[others @ plane[:3] + plane[3] > 1.5 * config.plane_distance]
    others = thin(others, config.obstacle_spacing)
    if not len(others):
        return others
    distance, _ = cKDTree(thin(evidence.points, 2.0 * config.obstacle_spacing)).query(
        others, distance_upper_bound=config.obstacle_range
    )
    others = others[np.isfinite(distance)]
    # Where views disagree, a neighbour's points can lie within the object.
    at = ((grid.axes.to_local(others) - grid.lower) / grid.spacing).T
    field = ndimage.map_coordinates(values, at, order=1, mode='constant', cval=np.inf)
    return others[field > 0.0]


def _warnings(evidence: FusedEvidence, plane: NDArray[np.float64] | None) -> list[str]:
    seen = [v.objects[evidence.label] for v in evidence.views if evidence.label in v.objects]
    result = []
    doubtful = sum(bool(s.warnings) for s in seen)
    if 2 * doubtful > len(seen):
        result.append(
            f'In {doubtful} of {len(seen)} views some points form clusters away from the object'
            ' and were left out; the label may cover something else too.'
        )
    if all(s.at_border for s in seen):
        result.append(
            'The object touches the border of the image in each view; what lies beyond is not'
            ' known.'
        )
    if plane is None:
        result.append(
            'No support plane was found under the object; it ends at its lowest seen point.'
        )
    return result
