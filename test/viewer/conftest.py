"""A pincer at a brick, whose grasps can be worked out on paper."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from scipy.spatial.transform import Rotation

from dexgrasp_ros.core.grasp_set import GraspSet
from dexgrasp_ros.hand import load_hand_text
from dexgrasp_ros.viewer import ShownGrasps, ShownObject

BAR = """<link name="{0}">
    <visual><origin xyz="0 0 0.04"/><geometry><box size="0.01 0.01 0.08"/></geometry></visual>
    <collision><origin xyz="0 0 0.04"/>
      <geometry><box size="0.01 0.01 0.08"/></geometry></collision>
  </link>
  <joint name="{1}" type="prismatic"><parent link="palm"/><child link="{0}"/>
    <origin xyz="{2} 0 0.01"/><axis xyz="{3} 0 0"/>
    <limit lower="0" upper="0.05" effort="10" velocity="0.1"/></joint>"""
URDF = f"""<robot name="pincer"><link name="palm">
    <visual><geometry><box size="0.14 0.03 0.02"/></geometry></visual>
    <collision><geometry><box size="0.14 0.03 0.02"/></geometry></collision></link>
  {BAR.format('finger', 'left', -0.06, 1)}{BAR.format('thumb', 'right', 0.06, -1)}</robot>"""
# The palm above the brick, its fingers down.
DOWN = Rotation.from_euler('x', 180, degrees=True)


@pytest.fixture(scope='session')
def pincer():
    return load_hand_text(URDF, name='pincer')


@pytest.fixture
def grasps(pincer) -> GraspSet:
    """Two grasps: of the long side from straight above, and a turned one of the short side."""
    turned = (Rotation.from_euler('z', 90, degrees=True) * DOWN).as_quat()
    base = np.array([[0, 0, 0.13, *DOWN.as_quat()], [0, 0, 0.12, *turned]])
    nan = np.full(3, np.nan)
    return GraspSet(
        hand='pincer',
        urdf=pincer.urdf,
        joint_names=pincer.joint_names,
        link_names=pincer.link_names,
        hand_frame='palm',
        base_pose=base,
        pregrasp_base_pose=base + np.array([0, 0, 0.08, 0, 0, 0, 0]),
        pregrasp=np.array([[0.0, 0.0], [0.0, 0.01]]),
        grasp=np.array([[0.025, 0.025], [0.015, 0.015]]),
        squeeze=np.array([[0.03, 0.03], [0.017, 0.019]]),
        joint_stiffness=np.array([1000.0, 1000.0]),
        score=np.array([0.9, 0.4]),
        residual=np.array([0.05, 0.1]),
        penetration=np.array([0.001, 0.0]),
        epsilon=np.array([np.nan, 0.25]),
        contact_count=np.array([2, 1]),
        contact_links=np.array([[1, 2], [2, -1]]),
        contact_points=np.array([[[-0.03, 0, 0.05], [0.03, 0, 0.05]], [[0, 0.04, 0.05], nan]]),
        contact_normals=np.array([[[1.0, 0, 0], [-1, 0, 0]], [[0, -1, 0], nan]]),
        contact_forces=np.array([[[5.0, 0, 0], [-5, 3, 0]], [[0, -2, 0], nan]]),
    )


@pytest.fixture
def shown(pincer, grasps) -> ShownGrasps:
    return ShownGrasps(
        hand=pincer, grasps=grasps, objects=['brick', 'brick'], sources=['first', 'second']
    )


@pytest.fixture
def brick() -> ShownObject:
    """6 x 8 x 10 cm, on the plane z = 0."""
    mesh = trimesh.creation.box((0.06, 0.08, 0.1))
    vertices = np.array(mesh.vertices) + np.array([0, 0, 0.05])
    return ShownObject(
        name='brick',
        vertices=vertices,
        faces=np.array(mesh.faces),
        points=vertices,
        support_plane=np.array([0, 0, 1.0, 0]),
        about='100 % of its surface seen',
    )
