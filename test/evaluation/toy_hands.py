"""Hands that hold by their shape, and sets of grasps made by hand."""

from __future__ import annotations

import numpy as np
import trimesh

from dexgrasp_ros.core.grasp_set import GraspSet
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.core.object_model import ObjectModel
from dexgrasp_ros.hand import load_hand_text
from dexgrasp_ros.object import load_object

RADIUS = 0.03  # m, of the sphere
LID_OPEN = 0.06  # m, of the lid; the sphere can then rise by 61 mm

_WALL = """<link name="{name}"><collision><geometry><box size="{size}"/></geometry></collision>
  </link><joint name="{name}_joint" type="fixed"><parent link="base"/><child link="{name}"/>
  <origin xyz="{place}"/></joint>"""


def cage_urdf() -> str:
    """Return a box around the origin, 1 mm wider than the sphere, with a lid that slides shut."""
    # Walls of 10 mm whose inner faces are 31 mm from the centre.
    walls = [
        _WALL.format(name=f'wall{k}', size=size, place=place)
        for k, (size, place) in enumerate(
            [
                ('0.01 0.08 0.08', '0.036 0 0'),
                ('0.01 0.08 0.08', '-0.036 0 0'),
                ('0.08 0.01 0.08', '0 0.036 0'),
                ('0.08 0.01 0.08', '0 -0.036 0'),
            ]
        )
    ]
    lid = f"""<link name="lid"><collision><geometry><box size="0.06 0.06 0.01"/></geometry>
      </collision></link><joint name="lid_joint" type="prismatic"><parent link="base"/>
      <child link="lid"/><origin xyz="0 0 0.036"/><axis xyz="0 0 1"/>
      <limit lower="-0.005" upper="{LID_OPEN}" effort="20" velocity="1"/></joint>"""
    return f"""<robot name="cage"><link name="base"><collision><origin xyz="0 0 -0.036"/>
      <geometry><box size="0.08 0.08 0.01"/></geometry></collision></link>
      {''.join(walls)}{lid}</robot>"""


def light_jaws(effort: float) -> HandModel:
    """Return a gripper of two jaws of 16 g with four pads each, closed at 0, 40 mm of way each."""
    jaws = ''
    for name, side in (('left', 1), ('right', -1)):
        boxes = [(0.0, 0.007 * side, 0.03, '0.02 0.004 0.06')]  # a backbone, and pads before it
        boxes += [(x, 0.0025 * side, z, '0.009 0.005 0.012') for x in (-5e-3, 5e-3)
                  for z in (0.04, 0.054)]  # fmt: skip
        shapes = ''.join(
            f'<collision><origin xyz="{x} {y} {z}"/><geometry><box size="{size}"/></geometry>'
            '</collision>'
            for x, y, z, size in boxes
        )
        mimic = '' if side > 0 else '<mimic joint="left_joint"/>'
        jaws += f"""<link name="{name}">{shapes}</link><joint name="{name}_joint" type="prismatic">
          <parent link="base"/><child link="{name}"/><axis xyz="0 {side} 0"/>
          <limit lower="0" upper="0.04" effort="{effort}" velocity="0.2"/>{mimic}</joint>"""
    return load_hand_text(
        f"""<robot name="jaws"><link name="base"><collision><origin xyz="0 0 -0.02"/><geometry>
        <box size="0.05 0.15 0.04"/></geometry></collision></link>{jaws}</robot>"""
    )


def turntable() -> tuple[HandModel, ObjectModel]:
    """Return two cheeks on a turning link, and a bar that lies between them."""
    cheeks = ''.join(
        f"""<collision><origin xyz="0 {y} 0"/><geometry><box size="0.08 0.01 0.02"/></geometry>
        </collision>"""
        for y in (-0.0155, 0.0155)
    )
    hand = load_hand_text(
        f"""<robot name="turntable"><link name="base"><collision><origin xyz="0 0 -0.05"/>
        <geometry><box size="0.02 0.02 0.02"/></geometry></collision></link>
        <link name="fork">{cheeks}</link>
        <joint name="turn" type="revolute"><parent link="base"/><child link="fork"/>
        <axis xyz="0 0 1"/><limit lower="-1" upper="1" effort="5" velocity="1"/></joint></robot>"""
    )
    bar = trimesh.creation.box([0.1, 0.02, 0.02])
    return hand, load_object((bar.vertices, bar.faces))


def grasp_set(hand: HandModel, base_pose, grasp, *, pregrasp=None, squeeze=None) -> GraspSet:
    """Grasps whose root does not move; joint arrays [N, J]."""
    grasp = np.atleast_2d(np.asarray(grasp, float))
    count = len(grasp)
    pose = np.broadcast_to(np.asarray(base_pose, float), (count, 7)).copy()
    nothing, vectors = np.zeros(count), np.empty((count, 0, 3))
    return GraspSet(
        hand=hand.name,
        urdf=hand.urdf,
        joint_names=hand.joint_names,
        link_names=hand.link_names,
        hand_frame=hand.hand_frame,
        base_pose=pose,
        pregrasp_base_pose=pose,
        pregrasp=grasp if pregrasp is None else np.atleast_2d(pregrasp),
        grasp=grasp,
        squeeze=grasp if squeeze is None else np.atleast_2d(squeeze),
        joint_stiffness=hand.joint_stiffness,
        score=nothing,
        residual=nothing,
        penetration=nothing,
        epsilon=np.full(count, np.nan),
        contact_count=np.zeros(count, np.int64),
        contact_links=np.empty((count, 0), np.int64),
        contact_points=vectors,
        contact_normals=vectors,
        contact_forces=vectors,
    )
