"""From depth, labels and intrinsics to watertight meshes, support plane and obstacles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dexgrasp_ros.core.lazy import lazy_names

if TYPE_CHECKING:
    from dexgrasp_ros.perception.config import ReconstructionConfig
    from dexgrasp_ros.perception.fusion.all_views import reconstruct_views
    from dexgrasp_ros.perception.fusion.config import FusionConfig
    from dexgrasp_ros.perception.fusion.view_fusion import AddedView, ViewFusion
    from dexgrasp_ros.perception.reconstruction import (
        Reconstruction,
        reconstruct,
        reconstruct_frame,
    )
    from dexgrasp_ros.perception.segmentation.config import SegmentationConfig
    from dexgrasp_ros.perception.segmentation.tabletop import Segmentation, segment_tabletop

__all__ = [
    'AddedView',
    'FusionConfig',
    'Reconstruction',
    'ReconstructionConfig',
    'Segmentation',
    'SegmentationConfig',
    'ViewFusion',
    'reconstruct',
    'reconstruct_frame',
    'reconstruct_views',
    'segment_tabletop',
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        'config': ('ReconstructionConfig',),
        'fusion.all_views': ('reconstruct_views',),
        'fusion.config': ('FusionConfig',),
        'fusion.view_fusion': ('AddedView', 'ViewFusion'),
        'reconstruction': ('Reconstruction', 'reconstruct', 'reconstruct_frame'),
        'segmentation.config': ('SegmentationConfig',),
        'segmentation.tabletop': ('Segmentation', 'segment_tabletop'),
    },
)
