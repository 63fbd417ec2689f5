"""The three messages of a camera as one `DepthFrame`."""

from __future__ import annotations

import numpy as np
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from dexgrasp_ros.bridge.compressed_images import as_image
from dexgrasp_ros.bridge.geometry import stamp_to_nanoseconds
from dexgrasp_ros.bridge.images import depth_array, label_array
from dexgrasp_ros.bridge.intrinsics import rectified_intrinsics
from dexgrasp_ros.bridge.rectification import rectification
from dexgrasp_ros.core.depth_frame import DepthFrame
from dexgrasp_ros.core.errors import InputError, quoted


def depth_frame(
    depth: Image | CompressedImage,
    info: CameraInfo,
    labels: Image | CompressedImage | None,
    *,
    min_depth: float = 0.0,
    max_depth: float = np.inf,
    assume_rectified: bool = False,
    assume_aligned: bool = False,
) -> DepthFrame:
    """Depth, camera_info and segmentation of one moment as a rectified `DepthFrame`.

    Frame and stamp are the depth image's. Pixels that the lens did not show are invalid, and
    background.

    Raises
    ------
    InputError
        INVALID_INPUT where depth and labels are of different cameras; what `as_image`,
        `depth_array`, `label_array`, `rectified_intrinsics` and `rectification` raise.
    """
    if not assume_aligned:
        frame_id = depth.header.frame_id
        check_same_camera('camera_info', info.header.frame_id, frame_id)
        if labels is not None:
            check_same_camera('segmentation image', labels.header.frame_id, frame_id)
    metres = depth_array(as_image(depth), min_depth=min_depth, max_depth=max_depth)
    numbers = None if labels is None else label_array(as_image(labels), metres.shape)
    lens = rectification(info, metres.shape, assume_rectified=assume_rectified)
    if lens is not None:
        metres = lens.rectified(metres)
        numbers = None if numbers is None else lens.rectified(numbers)
    return DepthFrame(
        depth=metres,
        labels=numbers,
        intrinsics=rectified_intrinsics(info, metres.shape),
        frame_id=depth.header.frame_id,
        stamp=stamp_to_nanoseconds(depth.header.stamp),
    )


def check_same_camera(what: str, frame_id: str, depth_frame_id: str) -> None:
    """Refuse what names another frame than the depth image does; an empty name tells nothing.

    Images of equal size may be of two cameras beside each other, and nothing else shows it.

    Raises
    ------
    InputError
        INVALID_INPUT.
    """
    own, depth = frame_id.lstrip('/'), depth_frame_id.lstrip('/')
    if own and depth and own != depth:
        raise InputError(
            f'The {what} is of the frame {quoted(own)}, the depth image of {quoted(depth)};'
            ' expected one camera for both. Take the depth that the driver aligns to the other'
            ' camera, with its own camera_info; if they are aligned and only named differently,'
            ' set assume_aligned.'
        )
