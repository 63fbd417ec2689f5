"""Parameters of `reconstruction_node`."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from dexgrasp_ros.bridge.image_topics import TRANSPORTS
from dexgrasp_ros.core.config import check_ranges, setting
from dexgrasp_ros.core.errors import InputError
from dexgrasp_ros.nodes.shared.parameter_texts import (
    ASSUME_ALIGNED,
    ASSUME_RECTIFIED,
    AUTOSTART,
    TRANSPORT,
)
from dexgrasp_ros.perception.config import ReconstructionConfig
from dexgrasp_ros.perception.fusion.config import FusionConfig
from dexgrasp_ros.perception.tracking import TrackingConfig


@dataclass(frozen=True, kw_only=True)
class ReconstructionParameters:
    """Parameters of `reconstruction_node`."""

    autostart: bool = setting(True, '-', AUTOSTART, read_on='start')
    input: str = setting(
        'depth',
        '-',
        'where depth comes from: images, or point clouds',
        allowed=('depth', 'points'),
        read_on='activation',
    )
    rate: float = setting(
        0.0,
        'Hz',
        'reconstruct so often unasked; 0: on request only',
        0.0,
        100.0,
        read_on='activation',
    )
    fixed_frame: str = setting(
        '',
        '-',
        "frame in which objects are tracked, its z up; empty: the camera's",
        read_on='activation',
    )
    tf_timeout: float = setting(1.0, 's', 'wait for a transform', 0.0, 60.0)
    fuse: bool = setting(False, '-', 'fuse views as they come; needs fixed_frame')
    fuse_distance: float = setting(
        0.02, 'm', 'a view counts when its camera moved so far from all others …', 0.0, 10.0
    )
    fuse_angle: float = setting(0.1, 'rad', '… or turned so far', 0.0, 3.2)
    transport: str = setting('auto', '-', TRANSPORT, allowed=TRANSPORTS, read_on='activation')
    assume_rectified: bool = setting(False, '-', ASSUME_RECTIFIED)
    assume_aligned: bool = setting(False, '-', ASSUME_ALIGNED)
    exact_sync: bool = setting(
        False, '-', 'match messages of equal stamps only', read_on='activation'
    )
    sync_queue_size: int = setting(
        30, '1', 'messages of a topic that wait', 1, 1000, read_on='activation'
    )
    sync_slop: float = setting(
        0.05, 's', 'distance of matching stamps', 0.0, 10.0, read_on='activation'
    )
    max_age: float = setting(5.0, 's', 'older images are refused', 0.01, 1e9)
    image_timeout: float = setting(3.0, 's', 'a request waits this long for images', 0.0, 3600.0)
    keep_distance: float = setting(
        0.002,
        'm',
        'a mesh is kept while its object is seen to have moved by no more; 0: all are made anew',
        0.0,
        0.1,
    )
    perception: ReconstructionConfig = dataclasses.field(default_factory=ReconstructionConfig)
    tracking: TrackingConfig = dataclasses.field(default_factory=TrackingConfig)
    fusion: FusionConfig = dataclasses.field(
        default_factory=FusionConfig, metadata={'read_on': 'activation'}
    )

    def __post_init__(self) -> None:
        """Check the ranges, and that fusion has its frame."""
        check_ranges(self)
        check_ranges(self.perception)
        if self.fuse and not self.fixed_frame:
            raise InputError(
                "'fuse' is set and 'fixed_frame' is empty; expected the frame that views are"
                ' fused in.'
            )
