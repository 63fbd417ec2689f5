"""From depth, labels and intrinsics to watertight meshes, support plane and obstacles."""

from dexgrasp_ros.perception.config import ReconstructionConfig
from dexgrasp_ros.perception.reconstruction import (
    Reconstruction,
    reconstruct,
    reconstruct_frame,
)

__all__ = ['Reconstruction', 'ReconstructionConfig', 'reconstruct', 'reconstruct_frame']
