"""From a depth frame with labels to one watertight mesh for each object."""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.config import check_ranges
from dexgrasp_ros.core.depth_frame import DepthFrame
from dexgrasp_ros.core.device_memory import device_memory
from dexgrasp_ros.core.errors import (
    DexGraspError,
    DexGraspWarning,
    ErrorCode,
    InputError,
    PerceptionError,
    choices,
)
from dexgrasp_ros.core.object_model import ObservedObject
from dexgrasp_ros.perception.carve import carve
from dexgrasp_ros.perception.completion.complete import complete
from dexgrasp_ros.perception.config import ReconstructionConfig
from dexgrasp_ros.perception.frame_checks import add_doubts, check_depth, frame_warnings
from dexgrasp_ros.perception.grid import make_axes
from dexgrasp_ros.perception.hidden import HiddenSide, hidden_sides
from dexgrasp_ros.perception.label_checks import (
    check_extent,
    hidden_warnings,
    label_warnings,
    without_table,
)
from dexgrasp_ros.perception.memory import ReconstructionMemory
from dexgrasp_ros.perception.mesh import extract_solid, solid_mesh
from dexgrasp_ros.perception.plane import choose_support, find_planes
from dexgrasp_ros.perception.points import clean_label
from dexgrasp_ros.perception.pose_checks import check_pose, tilt_warnings
from dexgrasp_ros.perception.scene import (
    ScenePoints,
    add_obstacles,
    observe_scene,
    obstacle_box,
)
from dexgrasp_ros.perception.surface import observe_surface
from dexgrasp_ros.perception.view import DepthWindow, whole_frame

# The window around an object reaches this far beyond it, in its own size, so that the free space
# beside it is known.
_WINDOW_MARGIN = 0.3
# A hand about an object reaches this far beyond it [m]: so near, others get in its way.
_NEIGHBOUR_RANGE = 0.2
# Others need no fine mesh: half the resolution is an eighth of the work.
_NEIGHBOUR_VOXELS = 1 / 8
_NEAR_SHARE = 0.02  # of its points: fewer are strays


@dataclass(frozen=True, kw_only=True)
class Reconstruction:
    """The objects of one frame, and why others are missing."""

    objects: tuple[ObservedObject, ...]  # by label
    failures: dict[int, DexGraspError] = field(default_factory=dict)  # by label
    support_plane: NDArray[np.float64] | None = None  # [4] n, d that most objects stand on
    timing: dict[str, float] = field(default_factory=dict)  # seconds for each phase
    phase_points: dict[str, int] = field(default_factory=dict)  # points left after a phase


def reconstruct(
    depth: NDArray[np.floating],
    labels: NDArray[np.integer],
    K: NDArray[np.floating],
    *,
    T_world_cam: NDArray[np.floating] | None = None,
    only: Sequence[int] | None = None,
    config: ReconstructionConfig | None = None,
) -> list[ObservedObject]:
    """Reconstruct the labelled objects of a depth image as watertight meshes.

    Parameters
    ----------
    depth
        [H, W] m along the optical axis; 0, NaN and Inf are invalid.
    labels
        [H, W] integers, 0 is background.
    K
        Intrinsics [3, 3] of the rectified image.
    T_world_cam
        Pose [4, 4] of the camera's optical frame in a world whose z is up; helps to tell the table
        from a wall.
    only
        Which labels; None for all but 0.
    config
        Settings; None for the defaults.

    Returns
    -------
    list
        The objects in the camera's optical frame, by label. A label that gives none is left out
        with a warning; `reconstruct_frame` says more.

    Raises
    ------
    InputError, PerceptionError
        As `reconstruct_frame`; the first label's error where no label gives an object.
    """
    frame = DepthFrame(depth=depth, labels=labels, intrinsics=K, T_world_cam=T_world_cam)
    result = reconstruct_frame(frame, labels=only, config=config)
    for label, error in result.failures.items():
        if not result.objects:
            raise error
        warnings.warn(f'label {label}: {error}', DexGraspWarning, stacklevel=2)
    return list(result.objects)


@device_memory()
def reconstruct_frame(
    frame: DepthFrame,
    *,
    labels: Sequence[int] | None = None,
    config: ReconstructionConfig | None = None,
    memory: ReconstructionMemory | None = None,
) -> Reconstruction:
    """Reconstruct the labelled objects of a depth frame as watertight meshes.

    Parameters
    ----------
    frame
        Depth, labels and intrinsics.
    labels
        Which labels; None for all but 0.
    config
        Settings; None for the defaults.
    memory
        Objects of earlier frames: what stands where it stood has the same mesh. None: all is made
        anew.

    Returns
    -------
    Reconstruction
        Meshes in the camera's optical frame, in metres. A label that gives no mesh stands in
        `failures` with its coded error; the others are not affected.

    Raises
    ------
    InputError
        INVALID_INPUT without a label image, OUT_OF_RANGE for a setting.
    PerceptionError
        NO_VALID_DEPTH; UNKNOWN_LABEL when a label asked for, or any label at all, is absent.
    DeviceError
        OUT_OF_MEMORY.
    """
    config = config or ReconstructionConfig()
    check_ranges(config)
    clock = _Clock()
    window = whole_frame(frame, config)
    check_depth(frame, window, config)
    wanted = wanted_labels(frame, labels)
    doubts = frame_warnings(frame, window, config)
    up = up_direction(frame)
    background = background_points(window, wanted, config)
    planes = find_planes(background, config)
    clock.lap('plane', len(background))
    scene = observe_scene(window, config)
    others = _neighbours(scene, wanted)
    coarse = replace(config, max_voxels=max(int(_NEIGHBOUR_VOXELS * config.max_voxels), 10000))
    clock.lap('scene', len(scene.points))

    def run(label: int) -> ObservedObject | DexGraspError:
        used = config if label in wanted else coarse
        known = None if memory is None else memory.find(frame, window, label, used)
        if known is not None:
            return known
        own = window.crop(window.labels == label, _WINDOW_MARGIN)
        try:
            made = _reconstruct_label(frame, window, own, label, planes, background, up, used)
        except DexGraspError as error:
            return error
        if memory is not None:
            memory.keep(frame, window, own, made, used)
        return made

    everything = wanted + others
    with ThreadPoolExecutor(min(config.threads, len(everything))) as pool:
        results = dict(zip(everything, pool.map(run, everything), strict=True))
    found = {k: r for k, r in results.items() if isinstance(r, ObservedObject)}
    clock.lap('objects', sum(len(o.points) for o in found.values()))
    objects = [found[k] for k in wanted if k in found]
    sides = _hidden_sides(window, everything, objects, up, config)
    clock.lap('hidden', sum(len(side.points) for side in sides))
    objects = add_obstacles(
        [replace(o, warnings=(*doubts, *o.warnings, *hidden_warnings(sides, o))) for o in objects],
        [found[k] for k in others if k in found],
        scene,
        sides,
        config,
    )
    clock.lap('obstacles', sum(len(o.obstacles) for o in objects))
    return Reconstruction(
        objects=objects,
        failures={
            k: add_doubts(r, doubts)
            for k, r in results.items()
            if k in wanted and isinstance(r, DexGraspError)
        },
        support_plane=_most_common([o.support_plane for o in objects]),
        timing={**clock.laps, 'total': sum(clock.laps.values())},
        phase_points=clock.points,
    )


def _hidden_sides(
    window: DepthWindow,
    labels: list[int],
    objects: list[ObservedObject],
    up: NDArray[np.float64],
    config: ReconstructionConfig,
) -> list[HiddenSide]:
    """Where labelled and other things around the objects may reach unseen."""
    if not objects:
        return []
    level = _most_common([o.support_plane for o in objects])
    if level is None:
        up = up / np.linalg.norm(up)
        level = np.append(up, -min(float((o.points @ up).min()) for o in objects))
    return hidden_sides(window, labels, level, obstacle_box(objects, config), config)


def _neighbours(scene: ScenePoints, wanted: list[int]) -> list[int]:
    """Labels that are not wanted and have points near one that is."""
    own = [scene.points[scene.labels == label] for label in wanted]
    # The bounds without the few stray pixels that cleaning would take.
    boxes = [np.percentile(p, [2.0, 98.0], axis=0) for p in own if len(p)]
    result = []
    for label in np.setdiff1d(scene.labels, [0, *wanted]):
        points = scene.points[scene.labels == label]
        outside = [np.maximum(low - points, points - high).max(axis=1) for low, high in boxes]
        if any((o < _NEIGHBOUR_RANGE).mean() > _NEAR_SHARE for o in outside):
            result.append(int(label))
    return result


def wanted_labels(
    frame: DepthFrame,
    labels: Sequence[int] | None,
) -> list[int]:
    """Return the labels that are asked for, in order; all but 0 for None.

    Raises
    ------
    InputError
        INVALID_INPUT: the frame has no labels, or none is asked for.
    PerceptionError
        UNKNOWN_LABEL.
    """
    if frame.labels is None:
        raise InputError('The frame has no label image; expected integer labels, 0 is background.')
    present = [int(v) for v in np.unique(frame.labels) if v != 0]
    if not present:
        raise PerceptionError(
            'All labels are 0 (background); expected at least one object.',
            ErrorCode.UNKNOWN_LABEL,
        )
    if labels is None:
        return present
    if not len(labels):
        raise InputError(
            f'The list of labels is empty; expected at least one of {choices(present)}.'
        )
    if unknown := sorted(set(labels) - set(present)):
        raise PerceptionError(
            f'There is no label {choices(unknown[:10])} in the frame; it has {choices(present)}.',
            ErrorCode.UNKNOWN_LABEL,
        )
    return sorted({int(v) for v in labels})


def up_direction(frame: DepthFrame) -> NDArray[np.float64]:
    """Return what is up in the camera's frame: the world's z where known, else the image's."""
    if frame.T_world_cam is not None:
        return check_pose(frame.T_world_cam)[2, :3]
    return np.array([0.0, -1.0, 0.0])


def background_points(
    window: DepthWindow, labels: list[int], config: ReconstructionConfig
) -> NDArray[np.float64]:
    """Points without a label within `plane_margin` of the box around each object."""
    valid = np.isfinite(window.depth)
    background = window.back_project(valid & (window.labels == 0))
    near = np.zeros(len(background), bool)
    for label in labels:
        own = window.back_project(valid & (window.labels == label))
        if len(own) >= config.min_points:
            lower, upper = np.percentile(own, [2.0, 98.0], axis=0)
            outside = np.maximum(lower - background, background - upper).max(axis=1)
            near |= outside < config.plane_margin
    return background[near]


def _reconstruct_label(
    frame: DepthFrame,
    whole: DepthWindow,
    window: DepthWindow,
    label: int,
    planes: list[NDArray[np.float64]],
    background: NDArray[np.float64],
    up: NDArray[np.float64],
    config: ReconstructionConfig,
) -> ObservedObject:
    clock = _Clock()
    pixels = clean_label(window, label, config)
    points = window.back_project(pixels.mask)
    warnings = [*pixels.warnings]
    clock.lap('points', len(points))

    plane = choose_support(planes, points, background, up, whole, config)
    if plane is None:
        warnings.append(
            'No support plane was found under the object; it ends at its lowest seen point.'
        )
    warnings += tilt_warnings(plane, frame.T_world_cam)
    warnings += label_warnings(whole, label, points, plane, config)
    mask = without_table(window, pixels.mask, plane, config)
    points = window.back_project(mask)
    clock.lap('scene', len(points))

    surface = observe_surface(window, mask, config)
    axes = make_axes(
        np.append(up / np.linalg.norm(up), 0.0) if plane is None else plane, points.mean(axis=0)
    )
    local = axes.to_local(points)
    grid, values = complete(surface, axes, local, plane is not None, config)
    clock.lap('completion')

    solid, more = extract_solid(
        values,
        (local - grid.lower) / grid.spacing,
        None if plane is None else -grid.lower[0] / grid.spacing,
        config.max_faces,
    )
    warnings += more
    clock.lap('mesh', solid.num_vert())
    solid, view, warning = carve(solid.transform(grid.to_camera_matrix()), window)
    warnings += [warning] if warning else []
    vertices, faces = solid_mesh(solid)
    check_extent(vertices, points, plane, config)
    fraction = view.observed_fraction(window)
    clock.lap('carve', len(vertices))
    return ObservedObject(
        label=label,
        name=f'object_{label}',
        frame_id=frame.frame_id,
        stamp=frame.stamp,
        vertices=vertices,
        faces=faces,
        points=points,
        support_plane=plane,
        observed_fraction=fraction,
        warnings=tuple(warnings),
        timing=clock.laps,
        phase_points=clock.points,
    )


def _most_common(planes: list[NDArray[np.float64] | None]) -> NDArray[np.float64] | None:
    known = [tuple(p) for p in planes if p is not None]
    return np.array(max(known, key=known.count)) if known else None


class _Clock:
    """Seconds of consecutive phases, and the points they left."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self.points: dict[str, int] = {}
        self._last = time.perf_counter()

    def lap(self, name: str, points: int | None = None) -> None:
        now = time.perf_counter()
        self.laps[name] = now - self._last
        if points is not None:
            self.points[name] = points
        self._last = now
