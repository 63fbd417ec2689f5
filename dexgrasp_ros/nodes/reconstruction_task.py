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
from dexgrasp_ros.core.poses import pose_to_matrix
from dexgrasp_ros.nodes.configuration import ReconstructionParameters
from dexgrasp_ros.nodes.frame_source import FrameSource
from dexgrasp_ros.perception import Reconstruction, reconstruct_frame
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
    """

    def __init__(
        self,
        source: FrameSource,
        transforms: TransformListener,
        config: Callable[[], ReconstructionParameters],
        is_wanted: Callable[[], bool],
    ) -> None:
        self._source, self._transforms = source, transforms
        self._config, self._is_wanted = config, is_wanted
        self._fixed_frame = config().fixed_frame
        self._tracker = ObjectTracker(config().tracking)

    def answer(self, labels: Sequence[int] | None, max_age: float) -> Outcome:
        """Mesh the newest frame, or some of its labels, because somebody asked; always news.

        Raises
        ------
        DexGraspError
            What `FrameSource.wait`, the transform and `reconstruct_frame` raise.
        """
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

    def _reconstruct(
        self, labels: Sequence[int] | None, max_age: float, *, is_asked: bool
    ) -> Outcome:
        config = self._config()
        frame = self._source.wait(max_age, config.image_timeout, self._is_wanted)
        frame, pose = self._posed(frame, config.tf_timeout)
        made = reconstruct_frame(frame, labels=labels, config=config.perception)
        seen = [sighting(found, pose) for found in made.objects]
        tracked = self._tracker.update(seen, is_whole=labels is None)
        is_news = is_asked or tracked.is_news
        if is_news:
            self._tracker.mark_published(tracked.ids)
        return Outcome(
            made=made,
            objects=object_array_message(made.objects, frame.frame_id, frame.stamp, tracked.ids),
            is_news=is_news,
        )

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
