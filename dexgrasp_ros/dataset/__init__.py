"""Datasets of grasps, and grasps and recordings in the formats of others; nothing knows ROS."""

from dexgrasp_ros.dataset.isaac_grasp import export_isaac_grasp, import_isaac_grasp
from dexgrasp_ros.dataset.reader import GraspDataset, open_dataset

__all__ = ['GraspDataset', 'export_isaac_grasp', 'import_isaac_grasp', 'open_dataset']
