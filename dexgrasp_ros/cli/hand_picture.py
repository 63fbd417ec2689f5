"""The picture of `dexgrasp hand`: open and closed, as it looks and as contact groups."""

from __future__ import annotations

import colorsys

import numpy as np
import trimesh
from numpy.typing import NDArray

from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.core.poses import compose, invert, matrix_to_pose, transform_points
from dexgrasp_ros.hand import link_poses
from dexgrasp_ros.hand.geometry import primitive_mesh
from dexgrasp_ros.simulation import Body, Panel, hand_bodies, render_panels

_AXIS_LENGTH = 0.05  # m
_AXIS_COLORS = ((0.8, 0.03, 0.03), (0.05, 0.5, 0.05), (0.03, 0.1, 0.8))  # x, y, z
_NO_CONTACT = (0.08, 0.08, 0.09)
_PALM_COLOR = (0.5, 0.5, 0.5)
# In the palm's frame: oblique, so that palm and fingers show their inner sides.
_VIEW = np.array([1.0, 0.75, 0.3])


def draw_hand(hand: HandModel, *, size: tuple[int, int] = (1600, 1200)) -> NDArray[np.uint8]:
    """Draw a hand open and closed: its visual meshes above, its contact groups below.

    Each finger has its colour, paler where less contact is wanted; the palm is grey, and what is
    not to touch black. x, y and z of the palm frame are red, green and blue; z is the approach.
    """
    opened = np.where(hand.closing > 0, hand.lower, hand.upper)
    closed = np.where(hand.closing > 0, hand.upper, hand.lower)
    panels = []
    for draw, what in ((hand_bodies, 'visual meshes'), (_group_bodies, 'contact groups')):
        for q, how in ((opened, 'open'), (closed, 'closed')):
            posture = np.where((hand.closing != 0) & np.isfinite(q), q, hand.preshape)
            poses = link_poses(hand, posture, _upright(hand))
            panels.append(
                Panel(
                    solid=tuple(draw(hand, poses)),
                    marks=tuple(_palm_axes(compose(poses[0], hand.palm_pose))),
                    caption=f'{hand.name}, {how}: {what}',
                )
            )
    return render_panels(panels, [_VIEW] * 4, columns=2, size=size)


def _upright(hand: HandModel) -> NDArray[np.float64]:
    """Pose of the root link in which the fingers point up and the palm faces +x."""
    turn = np.eye(4)
    turn[:3, :3] = np.array([[0.0, 0.0, 1.0], [0.0, -1.0, 0.0], [1.0, 0.0, 0.0]])
    return compose(matrix_to_pose(turn), invert(hand.palm_pose))


def _group_bodies(hand: HandModel, poses: NDArray[np.float64]) -> list[Body]:
    """Collision geometry in the colours of the fingers."""
    bodies = []
    for group, link in enumerate(hand.geometry_links):
        mesh = hand.geometry_meshes[group]
        if mesh is None:
            mesh = primitive_mesh(hand.geometry_types[group], hand.geometry_sizes[group])
        bodies.append(
            Body(
                vertices=np.asarray(mesh.vertices),
                faces=np.asarray(mesh.faces),
                pose=compose(poses[link], hand.geometry_poses[group]),
                color=_group_color(hand, group),
            )
        )
    return bodies


def _group_color(hand: HandModel, group: int) -> tuple[float, float, float]:
    weight, finger = float(hand.group_weights[group]), int(hand.group_fingers[group])
    if weight <= 0.0:
        return _NO_CONTACT
    if finger < 0:
        return _PALM_COLOR
    # Hues at the golden ratio's steps differ from all before.
    return colorsys.hsv_to_rgb((0.02 + 0.618 * finger) % 1.0, 0.25 + 0.65 * weight, 0.8)


def _palm_axes(pose: NDArray[np.float64]) -> list[Body]:
    """Arrows along the axes of a frame."""
    bodies = []
    for axis, color in enumerate(_AXIS_COLORS):
        shaft = trimesh.creation.cylinder(radius=0.0012, segment=[[0, 0, 0], [0, 0, _AXIS_LENGTH]])
        tip = trimesh.creation.cone(radius=0.0035, height=0.01)
        tip.apply_translation([0, 0, _AXIS_LENGTH])
        arrow = trimesh.util.concatenate([shaft, tip])
        arrow.apply_transform(trimesh.geometry.align_vectors([0, 0, 1], np.eye(3)[axis]))
        bodies.append(
            Body(
                vertices=transform_points(pose, arrow.vertices),
                faces=np.asarray(arrow.faces),
                color=color,
            )
        )
    return bodies
