"""The work of `reconstruction_node` that is done off its spinning thread: one frame to objects."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dexgrasp_msgs.msg import ObjectArray, ObjectFailure
from dexgrasp_msgs.srv import ReconstructObjects
from dexgrasp_ros.bridge.errors import error_fields
from dexgrasp_ros.bridge.grasps import phase_times
from dexgrasp_ros.bridge.objects import object_array_message
from dexgrasp_ros.bridge.transforms import TransformListener
from dexgrasp_ros.core.depth_frame import DepthFrame
from dexgrasp_ros.core.errors import ErrorCode, InputError
from dexgrasp_ros.core.poses import pose_to_matrix
from dexgrasp_ros.nodes.reconstruction.frame_source import FrameSource
from dexgrasp_ros.nodes.reconstruction.parameters import ReconstructionParameters
from dexgrasp_ros.perception import Reconstruction, ViewFusion, reconstruct_frame
from dexgrasp_ros.perception.memory import ReconstructionMemory
from dexgrasp_ros.perception.tracking import ObjectTracker, sighting


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of one frame."""

    made: Reconstruction
    objects: ObjectArray
    is_news: bool  # whether it is to be published


class ReconstructionTask:
    """Meshes frames and knows their objects again; all on one thread that is not the spinning one.

    Parameters
    ----------
    source
        Where frames come from.
    transforms
        Where the camera's pose in the fixed frame is looked up.
    config
        Returns the present parameters.
    is_wanted
        Asked while something is waited for.
    name_of
        Gives the name of a label; empty where it has none.
    """

    def __init__(
        self,
        source: FrameSource,
        transforms: TransformListener,
        config: Callable[[], ReconstructionParameters],
        is_wanted: Callable[[], bool],
        name_of: Callable[[int], str],
    ) -> None:
        self._source, self._transforms = source, transforms
        self._config, self._is_wanted, self._name_of = config, is_wanted, name_of
        self._fixed_frame = config().fixed_frame
        self._tracker = ObjectTracker(config().tracking)
        self._memory = ReconstructionMemory(config().keep_distance)
        self._fusion = ViewFusion(
            frame_id=self._fixed_frame, config=config().perception, fusion=config().fusion
        )

    def answer(self, labels: Sequence[int] | None, max_age: float) -> Outcome:
        """Mesh the newest frame, or some of its labels, because somebody asked; always news.

        Where views were fused, they are meshed instead, in the fixed frame; `max_age` [s] and the
        frame's own labels have no part in it.

        Raises
        ------
        InputError
            OUT_OF_RANGE for an age that is none.
        DexGraspError
            What `FrameSource.wait`, the transform, `reconstruct_frame` and
            `ViewFusion.reconstruct` raise.
        """
        if not max_age >= 0:  # nor NaN
            raise InputError(
                f"'max_age' is {max_age}; expected seconds, or 0 for the node's own.",
                ErrorCode.OUT_OF_RANGE,
            )
        return self._reconstruct(labels, max_age or self._config().max_age, is_asked=True)

    def follow(self) -> Outcome:
        """Mesh the newest frame unasked; news if an object came, went or changed.

        Raises
        ------
        DexGraspError
            As `answer`.
        """
        return self._reconstruct(None, self._config().max_age, is_asked=False)

    def forget(self) -> None:
        """Take every object for a new one from now on."""
        self._tracker.clear()
        self._memory.clear()

    def fuse(self) -> str:
        """Fuse the newest frame, because somebody asked; return a sentence about it.

        Raises
        ------
        InputError
            INVALID_INPUT without a fixed frame.
        DexGraspError
            What `FrameSource.wait`, the transform and `ViewFusion.add` raise.
        """
        config = self._present_config()
        if not self._fixed_frame:
            raise InputError(
                "The parameter 'fixed_frame' is empty; expected the frame that views are fused in."
            )
        frame = self._source.wait(config.max_age, config.image_timeout, self._is_wanted)
        added = self._fusion.add(self._posed(frame, config.tf_timeout)[0])
        failures = ''.join(f' Label {label}: {error}' for label, error in added.failures.items())
        return (
            f'View {self._fusion.view_count} shows objects'
            f' {sorted(added.objects.values())}.{failures}'
        )

    def fuse_if_new(self) -> None:
        """Fuse the newest frame if its camera is where none of the fused ones was.

        Raises
        ------
        DexGraspError
            As `fuse`.
        """
        config = self._present_config()
        frame = self._source.wait(config.max_age, config.image_timeout, self._is_wanted)
        frame, _ = self._posed(frame, config.tf_timeout)
        if self._fusion.is_news(
            frame.T_world_cam, distance=config.fuse_distance, angle=config.fuse_angle
        ):
            self._fusion.add(frame)

    def clear_views(self) -> None:
        """Forget all fused views; the newest frame alone counts again."""
        self._fusion.clear()

    @property
    def view_count(self) -> int:
        """Views fused since the last `clear_views`."""
        return self._fusion.view_count

    def _reconstruct(
        self, labels: Sequence[int] | None, max_age: float, *, is_asked: bool
    ) -> Outcome:
        config = self._present_config()
        if self._fusion.view_count:
            made, pose = self._fusion.reconstruct(labels), None
            frame_id = self._fixed_frame
            stamp = max((found.stamp for found in made.objects), default=0)
        else:
            frame = self._source.wait(max_age, config.image_timeout, self._is_wanted)
            frame, pose = self._posed(frame, config.tf_timeout)
            frame_id, stamp = frame.frame_id, frame.stamp
            made = reconstruct_frame(
                frame, labels=labels, config=config.perception, memory=self._memory
            )
        seen = [sighting(found, pose) for found in made.objects]
        tracked = self._tracker.update(seen, is_whole=labels is None)
        is_news = is_asked or tracked.is_news
        if is_news:
            self._tracker.mark_published(tracked.ids)
        named = [
            dataclasses.replace(o, name=self._name_of(o.label) or o.name) for o in made.objects
        ]
        return Outcome(
            made=made,
            objects=object_array_message(named, frame_id, stamp, tracked.ids),
            is_news=is_news,
        )

    def _present_config(self) -> ReconstructionParameters:
        """Return the present parameters, and let what works by them have them as well."""
        config = self._config()
        self._tracker.config, self._fusion.config = config.tracking, config.perception
        self._memory.limit = config.keep_distance
        return config

    def _posed(
        self, frame: DepthFrame, timeout: float
    ) -> tuple[DepthFrame, NDArray[np.float64] | None]:
        """Frame with its camera's pose in the fixed frame, and that pose [7]; None without one."""
        if not self._fixed_frame:
            return frame, None
        pose = self._transforms.lookup(
            self._fixed_frame,
            frame.frame_id,
            frame.stamp,
            timeout,
            lambda: not self._is_wanted(),
        )
        return dataclasses.replace(frame, T_world_cam=pose_to_matrix(pose)), pose


def fill_response(response: ReconstructObjects.Response, outcome: Outcome) -> None:
    """Write what came of a request into its response."""
    made = outcome.made
    response.objects = outcome.objects
    response.timing = phase_times(made.timing, made.phase_points)
    for label, error in made.failures.items():
        code, message = error_fields(error)
        response.failures.append(
            ObjectFailure(label=label, error_code=code, error_message=message)
        )
    if not made.objects:
        response.error_code = response.failures[0].error_code
        response.error_message = ' '.join(f.error_message for f in response.failures)
