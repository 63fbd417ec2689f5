"""Grippers that are small enough to know everything about."""

from __future__ import annotations

_BOX = '<collision><origin xyz="{place}"/><geometry><box size="{size}"/></geometry></collision>'


def parallel_gripper(*, stroke: float = 0.04, length: float = 0.08, effort: float = 60.0) -> str:
    """Return two jaws of 24 mm by 10 mm that slide apart along y and meet where the joint is 0.

    The second one follows the first.
    """
    jaw = _BOX.format(place=f'0 {{y}} {length / 2}', size=f'0.024 0.01 {length}')
    slides = [
        f"""<joint name="{name}_slide" type="prismatic"><parent link="base"/><child link="{name}"/>
        <origin xyz="0 0 0.05"/><axis xyz="0 {sign} 0"/>
        <limit lower="0" upper="{stroke}" effort="{effort}" velocity="0.3"/>{follow}</joint>"""
        for name, sign, follow in (('a', 1, ''), ('b', -1, '<mimic joint="a_slide"/>'))
    ]
    return f"""<robot name="parallel"><link name="base">
      {_BOX.format(place='0 0 0.025', size='0.07 0.14 0.05')}</link>
      <link name="a">{jaw.format(y=0.005)}</link><link name="b">{jaw.format(y=-0.005)}</link>
      {''.join(slides)}</robot>"""


def swinging_gripper(*, length: float = 0.09) -> str:
    """Return two jaws that turn about axes 60 mm apart, parallel where the joint is 0.

    They swing inward by up to 0.3 rad, and are 10 mm thick.
    """
    jaw = _BOX.format(place=f'0 0 {length / 2}', size=f'0.02 0.01 {length}')
    joints = [
        f"""<joint name="{name}_hinge" type="revolute"><parent link="base"/><child link="{name}"/>
        <origin xyz="0 {y} 0.02"/><axis xyz="{x} 0 0"/>
        <limit lower="0" upper="0.3" effort="5" velocity="2"/>{follow}</joint>"""
        for name, y, x, follow in (
            ('a', 0.03, 1, ''),
            ('b', -0.03, -1, '<mimic joint="a_hinge"/>'),
        )
    ]
    return f"""<robot name="swinging"><link name="base">
      {_BOX.format(place='0 0 0', size='0.05 0.09 0.03')}</link>
      <link name="a">{jaw}</link><link name="b">{jaw}</link>{''.join(joints)}</robot>"""
