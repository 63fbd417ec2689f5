"""From depth, labels and intrinsics to watertight meshes, support plane and obstacles."""

from dexgrasp_ros.perception.config import ReconstructionConfig
from dexgrasp_ros.perception.reconstruction import (
    Reconstruction,
    reconstruct,
    reconstruct_frame,
)
from dexgrasp_ros.perception.segmentation import Segmentation, segment_tabletop
from dexgrasp_ros.perception.segmentation_config import SegmentationConfig

__all__ = [
    'Reconstruction',
    'ReconstructionConfig',
    'Segmentation',
    'SegmentationConfig',
    'reconstruct',
    'reconstruct_frame',
    'segment_tabletop',
]
