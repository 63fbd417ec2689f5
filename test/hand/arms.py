"""Arms of a few lines for tests, and the package's own with a hand on it."""

from __future__ import annotations

from dexgrasp_ros.core.resources import find_resource
from dexgrasp_ros.hand import attach

SIMPLE_ARM = find_resource('urdf/arms/simple_arm.urdf')
FLANGE_POSE = (0.01, -0.02, 0.03, 0.0, 0.0, 0.6, 0.8)  # of the hand in the flange
FINGERS = """
  <link name="palm"><collision><geometry><box size="0.1 0.1 0.02"/></geometry></collision></link>
  <link name="left"><collision><origin xyz="0 0 0.04"/><geometry><box size="0.02 0.02 0.08"/>
  </geometry></collision></link>
  <link name="right"><collision><origin xyz="0 0 0.04"/><geometry><box size="0.02 0.02 0.08"/>
  </geometry></collision></link>
  <joint name="turn_left" type="revolute"><parent link="palm"/><child link="left"/>
  <origin xyz="0.04 0 0.01"/><axis xyz="0 -1 0"/><limit lower="0" upper="1" effort="1"
  velocity="1"/></joint>
  <joint name="turn_right" type="revolute"><parent link="palm"/><child link="right"/>
  <origin xyz="-0.04 0 0.01"/><axis xyz="0 1 0"/><limit lower="0" upper="1" effort="1"
  velocity="1"/></joint>
"""


def arm_with(hand: str) -> str:
    """Return the URDF of the package's arm with one of its hands."""
    return attach(SIMPLE_ARM, hand, flange='flange', origin=FLANGE_POSE)


def joint(name, kind, parent, child, *, xyz='0 0 0', axis='0 0 1', limit='', more=''):
    limits = f'<limit {limit} effort="9" velocity="1"/>' if kind != 'fixed' else ''
    return (
        f'<joint name="{name}" type="{kind}"><parent link="{parent}"/><child link="{child}"/>'
        f'<origin xyz="{xyz}"/><axis xyz="{axis}"/>{limits}{more}</joint>'
    )


def planar_arm(mount: str = '') -> str:
    """Two links of 0.5 m in the plane z = 0, the second joint without limits, a hand at the end.

    `mount` are elements that tie 'palm' to 'tool'; by default one fixed joint.
    """
    bounds = 'lower="-1" upper="1"'
    links = ''.join(f'<link name="{n}"/>' for n in ('base', 'upper', 'lower', 'tool'))
    return (
        f'<robot name="planar">{links}'
        + joint('shoulder', 'revolute', 'base', 'upper', limit=bounds)
        + joint('elbow', 'continuous', 'upper', 'lower', xyz='0.5 0 0')
        + joint('wrist', 'fixed', 'lower', 'tool', xyz='0.5 0 0')
        + (mount or joint('mount', 'fixed', 'tool', 'palm', xyz='0.1 0 0'))
        + FINGERS
        + '</robot>'
    )
