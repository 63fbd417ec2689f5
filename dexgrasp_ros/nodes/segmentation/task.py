"""The work of `tabletop_segmentation_node` that is done off its spinning thread: one image."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable
from dataclasses import dataclass

from geometry_msgs.msg import PointStamped
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, RegionOfInterest

from dexgrasp_ros.bridge.camera import depth_frame
from dexgrasp_ros.bridge.rectification import Rectification, rectification
from dexgrasp_ros.bridge.transforms import TransformListener
from dexgrasp_ros.core.depth_frame import DepthFrame
from dexgrasp_ros.core.poses import transform_points
from dexgrasp_ros.nodes.segmentation.color_source import ColorSource
from dexgrasp_ros.nodes.segmentation.parameters import TabletopSegmentationParameters
from dexgrasp_ros.perception.segmentation.tabletop import Segmentation, segment_tabletop


@dataclass(frozen=True, kw_only=True)
class Images:
    """One moment of the camera."""

    depth: Image | CompressedImage
    info: CameraInfo
    stamp: int  # ns
    arrival: float  # s, monotonic


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """Which object was asked for; neither: all of them."""

    box: RegionOfInterest | None = None  # in pixels of the depth image
    point: PointStamped | None = None


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A rectified frame, and how it was rectified; None where it came so."""

    frame: DepthFrame
    lens: Rectification | None


class SegmentationTask:
    """Labels images; all on one thread that is not the spinning one.

    Parameters
    ----------
    colors
        Where the colours of a depth image come from.
    transforms
        Where the camera's pose in the frame of a point is looked up.
    config
        Returns the present parameters.
    """

    def __init__(
        self,
        colors: ColorSource,
        transforms: TransformListener,
        config: Callable[[], TabletopSegmentationParameters],
    ) -> None:
        self._colors, self._transforms, self._config = colors, transforms, config

    def see(self, images: Images, color: Image | CompressedImage | None) -> Seen:
        """Make a frame of one moment.

        Raises
        ------
        InputError
            What `depth_frame` raises; colours that do not fit cost a warning only.
        """
        config = self._config()
        frame = depth_frame(
            images.depth,
            images.info,
            None,
            assume_rectified=config.assume_rectified,
            assume_aligned=config.assume_aligned,
        )
        lens = rectification(
            images.info, frame.depth.shape, assume_rectified=config.assume_rectified
        )
        if color is not None:
            frame = self._colors.added(frame, color, lens, assume_aligned=config.assume_aligned)
        return Seen(frame=frame, lens=lens)

    def segment(self, seen: Seen, prompt: Prompt, stop: threading.Event) -> Segmentation:
        """Label a frame, in the pixels of the image that came.

        Raises
        ------
        DexGraspError
            What `segment_tabletop`, `Rectification.rectified_box` and the transform raise.
        """
        frame, lens = seen.frame, seen.lens
        box = prompt.box
        pixels = None if box is None else (box.x_offset, box.y_offset, box.width, box.height)
        if pixels is not None and lens is not None:
            pixels = lens.rectified_box(pixels)
        found = segment_tabletop(
            frame,
            box=pixels,
            point=None if prompt.point is None else self._in_camera(frame, prompt.point, stop),
            config=self._config().segmentation,
        )
        if lens is None:
            return found
        return dataclasses.replace(found, labels=lens.distorted(found.labels))

    def _in_camera(
        self, frame: DepthFrame, message: PointStamped, stop: threading.Event
    ) -> tuple[float, float, float]:
        """Clicked point [m] in the camera's frame, at the moment of the image."""
        point = (message.point.x, message.point.y, message.point.z)
        source = message.header.frame_id.lstrip('/')
        if source in ('', frame.frame_id.lstrip('/')):
            return point
        pose = self._transforms.lookup(
            frame.frame_id.lstrip('/'),
            source,
            frame.stamp,
            self._config().tf_timeout,
            stop.is_set,
        )
        return tuple(transform_points(pose, [point])[0])
