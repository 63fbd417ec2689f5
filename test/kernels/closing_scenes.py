"""Grippers and objects whose closing can be worked out on paper, and closings made by hand."""

from __future__ import annotations

import numpy as np
import trimesh

from dexgrasp_ros.core.config import SynthesisConfig
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.core.object_model import ObjectModel
from dexgrasp_ros.core.poses import compose
from dexgrasp_ros.hand import load_hand_text
from dexgrasp_ros.object import load_object
from dexgrasp_ros.synthesis.closing_simulation import (
    ClosingSimulation,
    Outcome,
    upload_dynamics,
)
from dexgrasp_ros.synthesis.device import resolve_device
from dexgrasp_ros.synthesis.postures import Closing
from dexgrasp_ros.synthesis.search import Search
from dexgrasp_ros.synthesis.upload import upload_hand, upload_object

RADIUS = 0.03  # m, of the sphere
AWAY = 0.06  # m, of an open jaw's face from the sphere's centre
TOUCH = AWAY - RADIUS  # m, a jaw's joint when it touches the sphere

BODY = 0.19  # m: so far that it touches nothing where it stands
# 9 mm: its surface points, at most 5 mm apart, have one in the middle of each face, and it is too
# narrow to be cut in pieces.
_PAD = '<collision>{}<geometry><box size="{} 0.01 {}"/></geometry></collision>'
_FLAT = _PAD.format('<origin xyz="0 -0.005 0"/>', 0.009, 0.009)
_LIMIT = '<limit lower="-0.02" upper="0.06" effort="{}" velocity="1"/>'


def jaw(name: str, *, side: int, effort: float = 40.0, pads: str = _FLAT, mimic: str = '') -> str:
    """Link and joint of a jaw that closes toward the origin, from y < 0 (side 1) or y > 0.

    The right one is the left one turned about z, so that their surface points are opposite.
    """
    turn = 0.0 if side > 0 else np.pi
    return f"""<link name="{name}">{pads}</link>
    <joint name="{name}_joint" type="prismatic"><parent link="body"/><child link="{name}"/>
    <origin xyz="0 {-side * AWAY} 0" rpy="0 0 {turn}"/><axis xyz="0 1 0"/>
    {_LIMIT.format(effort)}{mimic}</joint>"""


# A third finger that does nothing: jaws of hands with more than two are not cut in pieces.
IDLE = f"""<link name="idle"><collision><geometry><sphere radius="0.005"/></geometry></collision>
    </link>
    <joint name="idle_joint" type="prismatic"><parent link="body"/><child link="idle"/>
    <origin xyz="0.1 0 {-BODY}"/>{_LIMIT.format(1.0)}</joint>"""


def gripper(*jaws: str) -> HandModel:
    """Return the hand of these jaws and a body whose face is BODY below the origin."""
    body = (
        f'<collision><origin xyz="0 0 {-BODY - 0.01}"/>'
        '<geometry><box size="0.058 0.058 0.02"/></geometry>'
    )
    links = f'<link name="body">{body}</collision></link>{"".join(jaws)}'
    return load_hand_text(
        f'<robot name="gripper">{links}</robot>',
        locked_joints=['idle_joint'] if IDLE in jaws else None,
    )


def inclined_pads(angle: float) -> str:
    """Four small pads in one plane that is turned by `angle` [rad] about the jaw's x axis."""
    places = [(0.012, 0.0), (-0.012, 0.0), (0.0, 0.012), (0.0, -0.012)]
    c, s = np.cos(angle), np.sin(angle)
    return ''.join(
        _PAD.format(
            f'<origin xyz="{x} {-0.005 * c - s * z} {-0.005 * s + c * z}" rpy="{angle} 0 0"/>',
            0.002,
            0.002,
        )
        for x, z in places
    )


def telescope(name: str, *, side: int) -> str:
    """A jaw of two stages that one motor drives: the pad moves twice as far as the motor."""
    first = jaw(name, side=side, pads='')
    second = f"""<link name="{name}_pad">{_FLAT}</link>
    <joint name="{name}_stage" type="prismatic"><parent link="{name}"/><child link="{name}_pad"/>
    <axis xyz="0 1 0"/>{_LIMIT.format(40.0)}<mimic joint="{name}_joint"/></joint>"""
    return first + second


def brick() -> ObjectModel:
    """Box about the origin, RADIUS from it in y."""
    solid = trimesh.creation.box([0.08, 2 * RADIUS, 0.03])
    return load_object((solid.vertices, solid.faces))


def small_pad(x: float) -> str:
    """Pad of 2 mm that is `x` [m] beside the middle of its jaw."""
    return _PAD.format(f'<origin xyz="{x} -0.005 0"/>', 0.002, 0.002)


def sphere() -> ObjectModel:
    """Ball about the origin."""
    ball = trimesh.creation.icosphere(subdivisions=5, radius=RADIUS)
    return load_object((ball.vertices, ball.faces))


def wedge(angle: float) -> ObjectModel:
    """Prism along x whose sides lean by `angle` [rad]; RADIUS from the origin at z = 0."""
    half = 0.03
    top, bottom = RADIUS - half * np.tan(angle), RADIUS + half * np.tan(angle)
    corners = [
        (x, y, z)
        for x in (-0.03, 0.03)
        for y, z in ((-top, half), (top, half), (-bottom, -half), (bottom, -half))
    ]
    solid = trimesh.convex.convex_hull(np.array(corners))
    return load_object((solid.vertices, solid.faces))


def palms(hand: HandModel, shifts: object = ((0.0, 0.0, 0.0),)) -> np.ndarray:
    """Palm poses [N, 7] with the hand's root moved by [N, 3] from the object's frame."""
    shifts = np.atleast_2d(np.asarray(shifts, dtype=np.float64))
    root = np.hstack([shifts, np.tile([0.0, 0.0, 0.0, 1.0], (len(shifts), 1))])
    return compose(root, np.broadcast_to(hand.palm_pose, root.shape))


def closing_of(
    search: Search,
    palm: np.ndarray,
    *,
    pregrasp: object,
    grasp: object,
    squeeze: object,
    pregrasp_palm: np.ndarray | None = None,
) -> Closing:
    """Postures [N, J] as a closing."""
    pregrasp, grasp, squeeze = (
        np.atleast_2d(np.asarray(q, dtype=np.float64)) for q in (pregrasp, grasp, squeeze)
    )
    pregrasp_palm = palm if pregrasp_palm is None else pregrasp_palm
    at_grasp = search.look(palm, grasp)
    return Closing(
        palm=palm,
        pregrasp_palm=pregrasp_palm,
        pregrasp=pregrasp,
        grasp=grasp,
        squeeze=squeeze,
        in_contact=at_grasp,
        force=np.zeros_like(at_grasp.point),
        at_grasp=at_grasp,
        at_pregrasp=search.look(pregrasp_palm, pregrasp),
        at_squeeze=search.look(palm, squeeze),
    )


def close(
    hand: HandModel,
    obj: ObjectModel,
    *,
    pregrasp: object,
    grasp: object,
    squeeze: object,
    growth: float = 0.0,
    **settings: float,
) -> Outcome:
    """Close a hand that stands at the object's frame."""
    config, device = SynthesisConfig(device='cpu', **settings), resolve_device('cpu')
    search = Search(hand, obj, config)
    count = len(np.atleast_2d(np.asarray(pregrasp)))
    palm = palms(hand, np.zeros((count, 3)))
    closing = closing_of(search, palm, pregrasp=pregrasp, grasp=grasp, squeeze=squeeze)
    dynamics = upload_dynamics(hand, obj, config, device)
    simulation = ClosingSimulation(
        upload_hand(hand, device), upload_object(obj, device), dynamics, config, count, device
    )
    return simulation.run(closing, obj.center_of_mass, growth=growth)
