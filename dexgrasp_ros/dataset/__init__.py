"""Datasets of grasps, and grasps and recordings in the formats of others; nothing knows ROS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dexgrasp_ros.core.lazy import lazy_names

if TYPE_CHECKING:
    from dexgrasp_ros.dataset.formats.isaac_grasp import export_isaac_grasp, import_isaac_grasp
    from dexgrasp_ros.dataset.reading.reader import GraspDataset, open_dataset

__all__ = ['GraspDataset', 'export_isaac_grasp', 'import_isaac_grasp', 'open_dataset']

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        'formats.isaac_grasp': ('export_isaac_grasp', 'import_isaac_grasp'),
        'reading.reader': ('GraspDataset', 'open_dataset'),
    },
)
