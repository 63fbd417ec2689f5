"""The picture of `dexgrasp hand`: open, half closed and closed, from the palm and the side."""

from __future__ import annotations

import colorsys
import dataclasses
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import trimesh
from numpy.typing import NDArray

from dexgrasp_ros.cli.hand_fingers import (
    STAGES,
    Finger,
    find_fingers,
    stage_openings,
    stage_postures,
)
from dexgrasp_ros.cli.hand_report import gap_text
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.core.poses import (
    compose,
    invert,
    matrix_to_pose,
    pose_to_matrix,
    transform_points,
)
from dexgrasp_ros.hand import link_poses
from dexgrasp_ros.hand.geometry import primitive_mesh
from dexgrasp_ros.simulation import Body, Panel, hand_bodies, render_panels
from dexgrasp_ros.simulation.bodies import Color, posed_vertices
from dexgrasp_ros.simulation.layout import write_caption
from dexgrasp_ros.synthesis.fingers import fingers_of_links

_AXIS_LENGTH = 0.05  # m
_AXIS_COLORS = ((0.8, 0.03, 0.03), (0.05, 0.5, 0.05), (0.03, 0.1, 0.8))  # x, y, z
_WAY_LENGTH = 0.03  # m, of a fingertip's arrow
_CROSS_LENGTH = 0.012  # m, of each half of a bar
_NO_CONTACT = (0.08, 0.08, 0.09)
_PALM_COLOR = (0.5, 0.5, 0.5)
_NOT_CLOSING = (0.45, 0.005, 0.005)  # fingers' own hues are lighter
_TITLE = 40  # px
_X, _Y, _Z = np.eye(3)  # of the palm's frame: toward the fingers, sideways, out of the palm
_FRONT = (1.0, 0.0, 0.0)
_ASLANT = (1.0, 0.75, 0.3)  # palm and fingers show their inner sides
Draw = Callable[[HandModel, Sequence[Finger], NDArray[np.float64]], list[Body]]


def draw_hand(hand: HandModel, *, size: tuple[int, int] = (1600, 1720)) -> NDArray[np.uint8]:
    """Draw a hand open, half closed and closed: from the palm, from the side, and its groups.

    Arrows say which way the fingertips set out to close, in the colours of their fingers; fingers
    that no joint closes are dark red, and have a cross. Contact groups are paler where less
    contact is wanted; the palm is grey, and what is not to touch black. x, y and z of the palm
    frame are red, green and blue; z is the approach.

    Parameters
    ----------
    hand
        The hand.
    size
        Of the picture, width and height [px].
    """
    fingers = find_fingers(hand)
    side, side_up = _side_view(hand, fingers)
    rows = (
        (_Z, _X, _FRONT, _link_bodies, 'from the palm'),
        (side, side_up, _FRONT, _link_bodies, 'from the side'),
        (_Z, _X, _ASLANT, _group_bodies, 'contact groups'),
    )
    width, height = size
    ends = np.linspace(_TITLE, height, len(rows) + 1).astype(int)
    picture = [_title(hand, fingers, width)]
    for (toward, up, direction, draw, what), tall in zip(rows, np.diff(ends), strict=True):
        poses = link_poses(hand, stage_postures(hand), _seen_from(hand, toward, up))
        panels = [
            Panel(
                solid=tuple(draw(hand, fingers, at)),
                marks=tuple(_marks(hand, fingers, at[0], stage)),
                caption=caption,
            )
            for stage, (at, caption) in enumerate(zip(poses, _captions(hand, what), strict=True))
        ]
        picture.append(
            render_panels(
                panels,
                [np.array(direction) / np.linalg.norm(direction)] * len(panels),
                columns=len(panels),
                captions_below=True,
                outline=np.vstack([_outline(hand, at) for at in poses]),
                size=(width, int(tall)),
            )
        )
    return np.vstack(picture)


def _title(hand: HandModel, fingers: Sequence[Finger], width: int) -> NDArray[np.uint8]:
    text = f'{hand.name}    blue: approach axis    arrows: ways of the fingertips as they close'
    if idle := [finger.name for finger in fingers if not finger.closes]:
        text += f'    dark red: nothing closes {", ".join(idle)}'
    blank = np.full((_TITLE, width, 3), 255, dtype=np.uint8)
    return write_caption(blank, text, min(_TITLE // 2, 2 * width // len(text)))


def _captions(hand: HandModel, what: str) -> list[str]:
    gaps = stage_openings(hand)
    lines = [f'{stage}, {what}' for stage in STAGES]
    if gaps:
        lines = [
            f'{line}\n{gap_text(gap)}' for line, gap in zip(lines, gaps.values(), strict=True)
        ]
    return lines


def _side_view(
    hand: HandModel, fingers: Sequence[Finger]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Direction to the viewer and upwards [3], in the palm's frame.

    Across the palm, and across what the fingertips do as far as that is possible, or across how
    they stand where nothing moves them; upwards is where the open fingers point.
    """
    palm = pose_to_matrix(hand.palm_pose)
    ways = np.array([f.direction for f in fingers]).reshape(-1, 3) @ palm[:3, :3]
    opened = np.array([f.tip[0] for f in fingers]).reshape(-1, 3) - palm[:3, 3]
    opened = opened @ palm[:3, :3]
    ways = ways if ways.any() else opened - opened.mean(axis=0)
    toward = min((_Y, _X), key=lambda axis: float(np.abs(ways @ axis).sum()))
    along = opened.mean(axis=0)
    return toward, max((_Y + _X - toward, _Z), key=lambda axis: float(along @ axis))


def _seen_from(
    hand: HandModel, toward: NDArray[np.float64], up: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Pose of the root link at which two axes of the palm's frame point along +x and +z."""
    turn = np.eye(4)
    turn[:3, :3] = np.stack([toward, np.cross(up, toward), up])
    return compose(matrix_to_pose(turn), invert(hand.palm_pose))


def _outline(hand: HandModel, poses: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points [V, 3] that must be seen: of what may touch; a forearm may leave the picture."""
    touching = set(hand.geometry_links[hand.group_weights > 0.0].tolist())
    return posed_vertices(
        body for body, link in _geometry_bodies(hand, poses) if link in touching or not touching
    )


def _link_bodies(
    hand: HandModel, fingers: Sequence[Finger], poses: NDArray[np.float64]
) -> list[Body]:
    """Visual meshes; fingers that nothing closes stand out."""
    idle = [finger.number for finger in fingers if not finger.closes]
    marked = np.isin(fingers_of_links(hand), idle)
    return [
        dataclasses.replace(body, color=_NOT_CLOSING) if marked[mesh.link] else body
        for mesh, body in zip(hand.meshes, hand_bodies(hand, poses), strict=True)
    ]


def _group_bodies(
    hand: HandModel, fingers: Sequence[Finger], poses: NDArray[np.float64]
) -> list[Body]:
    """Collision geometry in the colours of the fingers."""
    del fingers  # the colours say it all
    return [
        dataclasses.replace(body, color=_group_color(hand, group))
        for group, (body, _) in enumerate(_geometry_bodies(hand, poses))
    ]


def _geometry_bodies(hand: HandModel, poses: NDArray[np.float64]) -> Iterator[tuple[Body, int]]:
    """Collision geometry, and the link of each."""
    for group, link in enumerate(hand.geometry_links.tolist()):
        mesh = hand.geometry_meshes[group]
        if mesh is None:
            mesh = primitive_mesh(hand.geometry_types[group], hand.geometry_sizes[group])
        body = Body(
            vertices=np.asarray(mesh.vertices),
            faces=np.asarray(mesh.faces),
            pose=compose(poses[link], hand.geometry_poses[group]),
        )
        yield body, link


def _group_color(hand: HandModel, group: int) -> Color:
    weight, finger = float(hand.group_weights[group]), int(hand.group_fingers[group])
    if weight <= 0.0:
        return _NO_CONTACT
    return _PALM_COLOR if finger < 0 else _finger_color(finger, weight)


def _finger_color(finger: int, weight: float = 1.0) -> Color:
    # Hues at the golden ratio's steps differ from all before.
    return colorsys.hsv_to_rgb((0.02 + 0.618 * finger) % 1.0, 0.25 + 0.65 * weight, 0.8)


def _marks(
    hand: HandModel, fingers: Sequence[Finger], root: NDArray[np.float64], stage: int
) -> Iterator[Body]:
    """Axes of the palm, crosses on fingers that nothing closes, and ways of the others."""
    palm = pose_to_matrix(compose(root, hand.palm_pose))
    for axis, color in enumerate(_AXIS_COLORS):
        yield _arrow(palm[:3, 3], palm[:3, axis], _AXIS_LENGTH, color)
    for finger in fingers:
        tip = transform_points(root, finger.tip[stage])
        if not finger.closes:
            yield from _cross(tip)
        elif stage == 0 and finger.direction.any():
            way = pose_to_matrix(root)[:3, :3] @ finger.direction
            yield _arrow(tip, way, _WAY_LENGTH, _finger_color(finger.number))


def _arrow(
    start: NDArray[np.float64], direction: NDArray[np.float64], length: float, color: Color
) -> Body:
    """Arrow from a point along a unit vector."""
    shaft = trimesh.creation.cylinder(radius=0.0012, segment=[[0, 0, 0], [0, 0, length]])
    head = trimesh.creation.cone(radius=0.0035, height=0.01)
    head.apply_translation([0, 0, length])
    arrow = trimesh.util.concatenate([shaft, head])
    arrow.apply_transform(trimesh.geometry.align_vectors([0, 0, 1], direction))
    return Body(vertices=arrow.vertices + start, faces=np.asarray(arrow.faces), color=color)


def _cross(middle: NDArray[np.float64]) -> Iterator[Body]:
    """Two bars across the view, which is along x or nearly."""
    for bar in ((0.0, 1.0, 1.0), (0.0, 1.0, -1.0)):
        half = _CROSS_LENGTH * np.array(bar) / np.sqrt(2.0)
        mesh = trimesh.creation.cylinder(radius=0.0018, segment=[middle - half, middle + half])
        yield Body(vertices=mesh.vertices, faces=np.asarray(mesh.faces), color=(0.9, 0.0, 0.0))
