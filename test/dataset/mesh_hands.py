"""A hand of two fingers whose shapes are mesh files."""

from __future__ import annotations

from pathlib import Path

import trimesh

_LINK = """
  <link name="{name}"><collision>{origin}<geometry><mesh filename="{file}"/></geometry>
  </collision></link>"""
_JOINT = """
  <joint name="move_{name}" type="prismatic"><parent link="palm"/><child link="{name}"/>
    <origin xyz="0 {y} 0.01"/><axis xyz="0 {sign} 0"/>
    <limit lower="0" upper="0.05" effort="40" velocity="0.2"/></joint>"""


def write_gripper(folder: Path, *, width: float = 0.03, ending: str = 'stl') -> Path:
    """Write the URDF, and its meshes in a folder beside it; return the path of the URDF."""
    (folder / 'meshes').mkdir(parents=True)
    trimesh.creation.box((0.06, 0.16, 0.02)).export(folder / 'meshes' / 'palm.stl')
    trimesh.creation.box((width, 0.01, 0.08)).export(folder / 'meshes' / f'finger.{ending}')
    text = '<robot name="gripper">' + _LINK.format(
        name='palm', origin='', file='package://gripper/meshes/palm.stl'
    )
    for name, y, sign in (('left', 0.065, -1), ('right', -0.065, 1)):
        origin = '<origin xyz="0 0 0.04"/>'
        text += _LINK.format(name=name, origin=origin, file=f'meshes/finger.{ending}')
        text += _JOINT.format(name=name, y=y, sign=sign)
    path = folder / 'gripper.urdf'
    path.write_text(f'{text}\n</robot>\n')
    return path
