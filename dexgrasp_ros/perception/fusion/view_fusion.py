"""Several views of a scene that stands still, fused in a fixed frame as they come."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.config import check_ranges
from dexgrasp_ros.core.depth_frame import DepthFrame
from dexgrasp_ros.core.errors import (
    DexGraspError,
    ErrorCode,
    InputError,
    PerceptionError,
    choices,
)
from dexgrasp_ros.core.object_model import ObservedObject
from dexgrasp_ros.perception.config import ReconstructionConfig
from dexgrasp_ros.perception.frame_checks import add_doubts
from dexgrasp_ros.perception.fusion.agreement import disagreements
from dexgrasp_ros.perception.fusion.association import associate
from dexgrasp_ros.perception.fusion.config import FusionConfig
from dexgrasp_ros.perception.fusion.fused_object import FusedEvidence, reconstruct_evidence
from dexgrasp_ros.perception.fusion.fused_surface import FusedSurface
from dexgrasp_ros.perception.fusion.fused_view import (
    FusedView,
    SeenObject,
    make_view,
    see_object,
    see_scene,
)
from dexgrasp_ros.perception.fusion.single_view import reconstruct_single
from dexgrasp_ros.perception.fusion.tsdf import TsdfVolume
from dexgrasp_ros.perception.fusion.viewpoints import is_near, redundant_view
from dexgrasp_ros.perception.reconstruction import Reconstruction
from dexgrasp_ros.perception.scene import add_bodies, thin


@dataclass(frozen=True, kw_only=True)
class AddedView:
    """What a view added to the fusion."""

    objects: dict[int, int]  # label of the object in the fusion for each label of the frame
    failures: dict[int, DexGraspError] = field(default_factory=dict)  # by label of the frame


@dataclass(kw_only=True)
class _Fused:
    """One object as fused so far."""

    volume: TsdfVolume
    points: NDArray[np.float64]  # [M, 3] m
    view_count: int = 0


class ViewFusion:
    """Views of a scene that stands still, fused in a fixed frame; safe to use from threads.

    Each view takes part in two ways. Distances to the surface that it saw of an object are
    averaged with those of other views (`TsdfVolume`), whoever comes first. And it is kept, since
    what it saw through is empty for all objects. Of more than `max_views` those that are close to
    others go; what they saw of objects stays.

    Parameters
    ----------
    frame_id
        Name of the fixed frame, whose z points up.
    config, fusion
        Settings; None for the defaults. The attribute `config` may be replaced: it counts for
        what is added and meshed from then on.

    Raises
    ------
    InputError
        OUT_OF_RANGE for a setting.
    """

    def __init__(
        self,
        *,
        frame_id: str = 'world',
        config: ReconstructionConfig | None = None,
        fusion: FusionConfig | None = None,
    ) -> None:
        self.frame_id = frame_id
        self.config = config or ReconstructionConfig()
        check_ranges(self.config)
        self._fusion = fusion or FusionConfig()
        self._lock = threading.Lock()
        self._forget()

    def clear(self) -> None:
        """Forget all views and objects."""
        with self._lock:
            self._forget()

    def _forget(self) -> None:
        self._views: list[FusedView] = []
        self._objects: dict[int, _Fused] = {}
        self._failures: dict[int, DexGraspError] = {}
        self._view_count = 0

    @property
    def view_count(self) -> int:
        """Views fused since the last `clear`."""
        return self._view_count

    @property
    def labels(self) -> tuple[int, ...]:
        """Labels of the objects seen so far."""
        with self._lock:
            return tuple(sorted(self._objects))

    def is_news(self, T_world_cam: NDArray[np.floating], *, distance: float, angle: float) -> bool:
        """Whether a camera is farther than `distance` [m] or `angle` [rad] from all views kept.

        Frames that stream from a camera at rest say the same again and again, and would outvote
        all other views.
        """
        T = np.asarray(T_world_cam, dtype=np.float64)
        with self._lock:
            kept = [view.T_world_cam for view in self._views]
        return not any(is_near(T, pose, distance=distance, angle=angle) for pose in kept)

    def add(self, frame: DepthFrame, *, labels: Sequence[int] | None = None) -> AddedView:
        """Fuse a frame. What cannot be used is refused as a whole and changes nothing.

        Parameters
        ----------
        frame
            With labels and `T_world_cam`, the pose of its camera in the fixed frame at its stamp.
            A stamp of 0 is an unknown one.
        labels
            Labels of the frame that are objects; None for all but 0.

        Returns
        -------
        AddedView
            Which objects the labels are. A label with too few points is among `failures`; its
            free space counts all the same.

        Raises
        ------
        InputError
            INVALID_INPUT without labels, or for a pose that is no rigid motion.
        PerceptionError
            TRANSFORM_UNAVAILABLE without a pose; NO_VALID_DEPTH; STALE_DATA for an image that
            was fused already or is more than `max_interval` from another.
        """
        view = make_view(frame, self.config)
        wanted = [int(v) for v in np.unique(view.window.labels) if v != 0]
        wanted = wanted if labels is None else sorted({int(v) for v in labels} & set(wanted))
        seen: dict[int, SeenObject] = {}
        failures: dict[int, DexGraspError] = {}
        for label in wanted:
            try:
                seen[label] = see_object(view, label, self.config)
            except DexGraspError as error:
                failures[label] = error
        with self._lock:
            self._check_time(view)
            matches = associate(
                {label: s.points for label, s in seen.items()},
                {label: o.points for label, o in self._objects.items()},
                self._fusion,
            )
            for label, fused in matches.items():
                try:
                    self._fuse(fused, view, seen[label])
                except DexGraspError as error:
                    failures[label] = error
            matches = {label: fused for label, fused in matches.items() if label not in failures}
            self._failures.update(failures)
            if matches:
                points = np.concatenate([seen[label].points for label in matches])
                view.names.update({fused: label for label, fused in matches.items()})
                view.scene.update(see_scene(view, matches, points, self.config))
            self._keep(view)
        return AddedView(objects=matches, failures=failures)

    def _check_time(self, view: FusedView) -> None:
        stamped = [v for v in self._views if v.stamp]
        if not view.stamp or not stamped:
            return
        if any((v.stamp, v.frame_id) == (view.stamp, view.frame_id) for v in stamped):
            raise PerceptionError(
                f"The image of '{view.frame_id}' at {view.stamp} ns was fused already.",
                ErrorCode.STALE_DATA,
            )
        newest = max(v.stamp for v in stamped)
        interval = abs(view.stamp - newest) / 1e9
        if 0.0 < self._fusion.max_interval < interval:
            raise PerceptionError(
                f'The view is {interval:.2f} s from the newest one; expected at most'
                f" {self._fusion.max_interval:g} s ('max_interval'), or a clear before it.",
                ErrorCode.STALE_DATA,
            )

    def _fuse(self, label: int, view: FusedView, seen: SeenObject) -> None:
        fused = self._objects.get(label)
        if fused is None:
            spacing = self._spacing(seen.points)
            truncation = self._fusion.truncation * spacing
            volume = TsdfVolume(spacing, truncation, self._fusion.max_blocks)
            fused = _Fused(volume=volume, points=np.empty((0, 3)))
        fused.volume.integrate(seen.surface, seen.mask, seen.points, view.T_world_cam)
        fused.points = thin(np.concatenate([fused.points, seen.points]), fused.volume.spacing)
        fused.view_count += 1
        self._objects[label] = fused
        view.objects[label] = seen

    def _spacing(self, points: NDArray[np.float64]) -> float:
        """Voxel edge for an object of which a first view saw `points`."""
        size = float(np.ptp(points, axis=0).max())
        # Half as large again in each direction: what is still to be seen.
        return max(self.config.spacing, 1.5 * size / np.cbrt(self.config.max_voxels))

    def _keep(self, view: FusedView) -> None:
        """Add a view; if there are too many, forget the older of the two closest ones."""
        self._views.append(view)
        self._view_count += 1
        if len(self._views) > self._fusion.max_views:
            del self._views[redundant_view([v.T_world_cam for v in self._views])]

    def reconstruct(self, labels: Sequence[int] | None = None) -> Reconstruction:
        """Mesh the objects as fused so far.

        Views can be added meanwhile; they count the next time.

        Parameters
        ----------
        labels
            Objects, by their label in the fusion; None for all.

        Returns
        -------
        Reconstruction
            Meshes in the fixed frame, in metres. With a single view they are what
            `reconstruct_frame` makes of it.

        Raises
        ------
        PerceptionError
            NO_IMAGES before the first view, UNKNOWN_LABEL when a label asked for, or any at all,
            is absent.
        """
        start = time.perf_counter()
        with self._lock:
            views = tuple(self._views)
            wanted = self._wanted(labels)
            failures = {k: e for k, e in self._failures.items() if k not in self._objects}
            if labels is not None:
                failures = {k: e for k, e in failures.items() if k in labels}
            evidence = [self._evidence(label, views) for label in wanted]
        if len(views) == 1 and wanted:
            made = reconstruct_single(views[0], wanted, self.frame_id, self.config)
            return dataclasses.replace(made, failures=failures | made.failures)

        def run(one: FusedEvidence) -> ObservedObject | DexGraspError:
            try:
                return reconstruct_evidence(one, self.frame_id, self.config)
            except DexGraspError as error:
                return error

        with ThreadPoolExecutor(self.config.threads) as pool:
            results = dict(zip(wanted, pool.map(run, evidence), strict=True))
        doubts = [*dict.fromkeys(w for view in views for w in view.warnings)]
        doubts += disagreements(views)
        failures.update(
            {k: add_doubts(r, doubts) for k, r in results.items() if isinstance(r, DexGraspError)}
        )
        found = [
            dataclasses.replace(r, warnings=(*doubts, *r.warnings))
            for r in results.values()
            if isinstance(r, ObservedObject)
        ]
        objects = add_bodies(found, self.config)
        return Reconstruction(
            objects=objects,
            failures=failures,
            support_plane=next(
                (o.support_plane for o in objects if o.support_plane is not None), None
            ),
            timing={'total': time.perf_counter() - start},
        )

    def _wanted(self, labels: Sequence[int] | None) -> list[int]:
        if not self._views:
            raise PerceptionError(
                'There is no view yet; expected at least one.', ErrorCode.NO_IMAGES
            )
        known = {*self._objects, *self._failures}
        if labels is not None and not len(labels):
            raise InputError(f'The list of labels is empty; expected some of {choices(known)}.')
        unknown = sorted(set(labels or ()) - known)
        if unknown or not known:
            raise PerceptionError(
                f'No view has label {choices(unknown)}; they have {choices(known)}.',
                ErrorCode.UNKNOWN_LABEL,
            )
        return sorted({int(v) for v in (labels or self._objects)} & set(self._objects))

    def _evidence(self, label: int, views: Sequence[FusedView]) -> FusedEvidence:
        fused = self._objects[label]
        return FusedEvidence(
            surface=FusedSurface(
                views=views,
                label=label,
                distance=fused.volume.snapshot(),
                truncation=fused.volume.truncation,
                margin=self._fusion.free_margin,
            ),
            points=fused.points,
            view_count=fused.view_count,
        )
