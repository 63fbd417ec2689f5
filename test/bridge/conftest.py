"""A hand-made grasp set for conversions, and a node in a context of its own."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from dexgrasp_ros.core.grasp_set import GraspSet


@pytest.fixture
def node(ros_domain):
    """Give a node that nobody spins."""
    import rclpy
    from rclpy.context import Context

    context = Context()
    rclpy.init(context=context, domain_id=ros_domain)
    node = rclpy.create_node('node', context=context)
    yield node
    node.destroy_node()
    context.try_shutdown()


@pytest.fixture
def grasp_set() -> GraspSet:
    """Two grasps of two joints; the second has one contact, the first two."""
    nan = np.nan
    turn = Rotation.from_euler('z', 90, degrees=True).as_quat()
    return GraspSet(
        hand='pincer',
        urdf='',
        joint_names=('left', 'right'),
        link_names=('palm', 'finger', 'thumb'),
        hand_frame='palm',
        base_pose=np.array([[0.1, 0, 0, 0, 0, 0, 1], [0, 0.2, 0, *turn]]),
        pregrasp_base_pose=np.array([[0.15, 0, 0, 0, 0, 0, 1], [0, 0.25, 0, *turn]]),
        pregrasp=np.array([[0.0, 0.0], [0.1, 0.1]]),
        grasp=np.array([[0.5, 1.0], [0.2, 0.3]]),
        squeeze=np.array([[0.6, 1.2], [0.3, 0.4]]),
        opening_width=np.array([0.06, nan]),
        least_friction=np.array([0.2, nan]),
        largest_pull=np.array([11.0, nan]),
        locked_joints={'wrist': 0.25},
        joint_stiffness=np.array([5.0, 6.0]),
        score=np.array([0.9, 0.8]),
        residual=np.array([0.05, 0.1]),
        penetration=np.array([0.001, 0.0]),
        epsilon=np.array([nan, nan]),
        contact_count=np.array([2, 1]),
        contact_links=np.array([[1, 2], [2, -1]]),
        contact_points=np.array([[[0.0, 0.01, 0], [0, -0.01, 0]], [[0.01, 0, 0], [nan] * 3]]),
        contact_normals=np.array([[[0.0, -1, 0], [0, 1, 0]], [[-1, 0, 0], [nan] * 3]]),
        contact_forces=np.array([[[0.0, -9, 0], [0, 9, 0]], [[-4, 0, 0], [nan] * 3]]),
    )
