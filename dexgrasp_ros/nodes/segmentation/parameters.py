"""Parameters of `tabletop_segmentation_node`."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from dexgrasp_ros.bridge.image_topics import TRANSPORTS
from dexgrasp_ros.core.config import check_ranges, setting
from dexgrasp_ros.nodes.shared.parameter_texts import (
    ASSUME_ALIGNED,
    ASSUME_RECTIFIED,
    AUTOSTART,
    TRANSPORT,
)
from dexgrasp_ros.perception.segmentation.config import SegmentationConfig


@dataclass(frozen=True, kw_only=True)
class TabletopSegmentationParameters:
    """Parameters of `tabletop_segmentation_node`."""

    autostart: bool = setting(True, '-', AUTOSTART, read_on='start')
    transport: str = setting('auto', '-', TRANSPORT, allowed=TRANSPORTS, read_on='activation')
    assume_rectified: bool = setting(False, '-', ASSUME_RECTIFIED)
    assume_aligned: bool = setting(False, '-', ASSUME_ALIGNED)
    rate: float = setting(2.0, 'Hz', 'label images published each second at most', 0.01, 100.0)
    sync_queue_size: int = setting(
        30, '1', 'messages of a topic that wait', 1, 1000, read_on='activation'
    )
    sync_slop: float = setting(
        0.05, 's', 'distance of matching stamps', 0.0, 10.0, read_on='activation'
    )
    color_wait: float = setting(
        0.1, 's', 'wait for the colours of a depth image, where somebody publishes them', 0.0, 10.0
    )
    tf_timeout: float = setting(1.0, 's', 'wait for the transform of a point', 0.0, 60.0)
    segmentation: SegmentationConfig = dataclasses.field(default_factory=SegmentationConfig)

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_ranges(self)
        check_ranges(self.segmentation)
