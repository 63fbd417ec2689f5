"""Grasps and recordings in the file formats of other software; nothing here knows ROS."""

from dexgrasp_ros.dataset.isaac_grasp import export_isaac_grasp, import_isaac_grasp

__all__ = ['export_isaac_grasp', 'import_isaac_grasp']
