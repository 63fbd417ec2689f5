"""Pictures for people: grasps and reconstructions, each from where it is seen best."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.core.object_model import ObservedObject
from dexgrasp_ros.simulation.bodies import Body, Color, contact_bodies, hand_bodies
from dexgrasp_ros.simulation.layout import panel_up, render_panels
from dexgrasp_ros.simulation.panel import Panel
from dexgrasp_ros.simulation.views import choose_views

OBJECT_COLOR: Color = (0.16, 0.45, 0.72)
_SURFACE_SAMPLES = 300  # of the object, to judge how much of it a view shows


def render_grasp(
    hand: HandModel,
    link_poses: NDArray[np.float64],
    vertices: NDArray[np.float64],
    faces: NDArray[np.int64],
    *,
    points: ArrayLike | None = None,
    support_plane: ArrayLike | None = None,
    contact_points: ArrayLike | None = None,
    contact_normals: ArrayLike | None = None,
    toward_viewer: ArrayLike | None = None,
    caption: str = '',
    size: tuple[int, int] = (1600, 900),
) -> NDArray[np.uint8]:
    """Show one grasp from two sides: hand, mesh (see-through), depth points, table, contacts.

    Parameters
    ----------
    hand, link_poses
        The hand and its links' poses [L, 7] in the mesh's frame.
    vertices, faces
        The object's mesh [V, 3] m, [F, 3].
    points
        What the camera measured [M, 3] m.
    support_plane
        n, d [4]; its normal is up in the picture.
    contact_points, contact_normals
        [C, 3]; rows with NaN are left out.
    toward_viewer
        Direction from the object to the viewer of the first view, such as minus the object's
        position in a camera's frame; default: where the contacts are seen best.
    caption
        Stands in the first view.
    size
        Of the picture, width and height [px].

    Returns
    -------
    NDArray
        sRGB uint8 [height, width, 3].
    """
    body = Body(vertices=vertices, faces=faces, color=OBJECT_COLOR)
    links = hand_bodies(hand, link_poses)
    contacts = _finite(contact_points)
    if contact_normals is not None:
        contact_normals = np.asarray(contact_normals)[np.isfinite(contact_points).all(axis=1)]
    panel = Panel(
        solid=tuple(links),
        glass=(body,),
        marks=tuple(contact_bodies(contacts, contact_normals)),
        points=_finite(points),
        support_plane=_plane(support_plane),
        caption=caption,
    )
    surface = _some_of_surface(vertices, faces)
    # Contacts count as much as the whole surface.
    weights = np.concatenate(
        [
            np.full(len(contacts), 1 / max(len(contacts), 1)),
            np.full(len(surface), 1 / len(surface)),
        ]
    )
    directions = choose_views(
        links,
        np.vstack([contacts, surface]),
        up=panel_up(panel),
        preferred=toward_viewer,
        weights=weights,
    )
    return _two_views(panel, directions, size)


def render_reconstruction(
    observed: ObservedObject,
    *,
    toward_viewer: ArrayLike | None = None,
    caption: str = '',
    size: tuple[int, int] = (1600, 900),
) -> NDArray[np.uint8]:
    """Show a reconstructed object from two sides: depth points, mesh and support plane.

    Parameters
    ----------
    observed
        What perception made.
    toward_viewer
        As in `render_grasp`; default: toward the origin of the object's frame, which is where the
        camera stood if that is an optical frame.
    caption, size
        As in `render_grasp`.
    """
    body = Body(vertices=observed.vertices, faces=observed.faces, color=OBJECT_COLOR)
    panel = Panel(
        glass=(body,),
        opacity=0.75,
        points=_finite(observed.points),
        support_plane=_plane(observed.support_plane),
        caption=caption,
    )
    if toward_viewer is None:
        toward_viewer = -observed.vertices.mean(axis=0)
    surface = _some_of_surface(observed.vertices, observed.faces)
    directions = choose_views([body], surface, up=panel_up(panel), preferred=toward_viewer)
    return _two_views(panel, directions, size)


def render_grasps(
    hand: HandModel,
    link_poses: NDArray[np.float64],
    vertices: NDArray[np.float64],
    faces: NDArray[np.int64],
    *,
    support_plane: ArrayLike | None = None,
    captions: Sequence[str] = (),
    columns: int | None = None,
    size: tuple[int, int] = (1600, 900),
) -> NDArray[np.uint8]:
    """Show several grasps of one object side by side, each from where it is seen best.

    Parameters
    ----------
    hand, link_poses
        The hand and its links' poses in each grasp [K, L, 7], in the mesh's frame.
    vertices, faces
        The object's mesh [V, 3] m, [F, 3].
    support_plane
        n, d [4]; its normal is up in the picture.
    captions
        One for each grasp, or none.
    columns
        Panels in a row; default: what fits the picture's shape.
    size
        Of the picture, width and height [px].
    """
    body = Body(vertices=vertices, faces=faces, color=OBJECT_COLOR)
    surface = _some_of_surface(vertices, faces)
    panels, directions = [], []
    for k, poses in enumerate(link_poses):
        links = hand_bodies(hand, poses)
        panel = Panel(
            solid=(*links, body),
            support_plane=_plane(support_plane),
            caption=captions[k] if k < len(captions) else '',
        )
        panels.append(panel)
        directions.append(choose_views(links, surface, up=panel_up(panel))[0])
    return render_panels(panels, directions, columns=columns, size=size)


def render_seen_grasps(
    hand: HandModel,
    link_poses: NDArray[np.float64],
    points: Sequence[NDArray[np.float64]],
    *,
    support_planes: Sequence[ArrayLike | None],
    captions: Sequence[str] = (),
    size: tuple[int, int] = (1600, 900),
) -> NDArray[np.uint8]:
    """Show grasps about the points that a camera saw, where there is no mesh.

    Parameters
    ----------
    hand, link_poses
        The hand and its links' poses in each grasp [K, L, 7], in the camera's optical frame.
    points
        Of the object, [M, 3] m, for each grasp.
    support_planes
        n, d [4], or None, for each grasp; the normal is up in the picture.
    captions
        One for each grasp, or none.
    size
        Of the picture, width and height [px].
    """
    panels, directions = [], []
    for k, poses in enumerate(link_poses):
        links, seen = hand_bodies(hand, poses), _finite(points[k])
        panel = Panel(
            solid=tuple(links),
            points=seen,
            support_plane=_plane(support_planes[k]),
            caption=captions[k] if k < len(captions) else '',
        )
        panels.append(panel)
        # From the camera's side, since the points have no other.
        up, toward = panel_up(panel), -seen.mean(axis=0)
        directions.append(choose_views(links, seen, up=up, preferred=toward)[0])
    return render_panels(panels, directions, size=size)


def render_course(
    hand: HandModel,
    link_poses: NDArray[np.float64],
    vertices: NDArray[np.float64],
    faces: NDArray[np.int64],
    *,
    contact_points: Sequence[ArrayLike] = (),
    support_plane: ArrayLike | None = None,
    captions: Sequence[str] = (),
    size: tuple[int, int] = (2000, 580),
) -> NDArray[np.uint8]:
    """Show moments of one motion side by side, all through the same camera.

    Parameters
    ----------
    hand, link_poses
        The hand and its links' poses at each moment [K, L, 7], in the mesh's frame. The picture
        fits object and fingers; a forearm may leave it.
    vertices, faces
        The object's mesh [V, 3] m, [F, 3]; see-through, since a search starts with fingers in it.
    contact_points
        For each moment [C, 3], drawn as dots; rows with NaN are left out.
    support_plane
        n, d [4]; its normal is up in the picture.
    captions
        One for each moment, under its panel, or none.
    size
        Of the picture, width and height [px].
    """
    body = Body(vertices=vertices, faces=faces, color=OBJECT_COLOR)
    panels, outline = [], [vertices]
    for k, poses in enumerate(link_poses):
        links = hand_bodies(hand, poses)
        marks = contact_bodies(contact_points[k]) if k < len(contact_points) else []
        panel = Panel(
            solid=tuple(links),
            glass=(body,),
            marks=tuple(marks),
            support_plane=_plane(support_plane),
            caption=captions[k] if k < len(captions) else '',
        )
        panels.append(panel)
        outline += [b.posed_vertices() for b in _finger_bodies(hand, links)]
    direction = choose_views(
        panels[-1].solid, _some_of_surface(vertices, faces), up=panel_up(panels[-1])
    )[0]
    return render_panels(
        panels,
        [direction] * len(panels),
        columns=len(panels),
        outline=np.vstack(outline),
        captions_below=True,
        size=size,
    )


def render_moments(
    hand: HandModel,
    link_poses: NDArray[np.float64],
    objects: Sequence[tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]],
    *,
    captions: Sequence[str] = (),
    toward_viewer: ArrayLike = (1.0, -0.6, 0.5),
    size: tuple[int, int] = (2000, 800),
) -> NDArray[np.uint8]:
    """Show moments of a hand that moves objects on the table z = 0, through the same camera.

    Parameters
    ----------
    hand, link_poses
        The hand and its links' poses at each moment [K, L, 7], in the world.
    objects
        For each object its mesh, [V, 3] m and [F, 3], and its poses at the moments [K, 7].
    captions
        One for each moment, under its panel, or none.
    toward_viewer
        Direction from the objects to the viewer [3].
    size
        Of the picture, width and height [px].
    """
    panels, outline = [], []
    for k, poses in enumerate(link_poses):
        things = [
            Body(vertices=vertices, faces=faces, pose=places[k], color=OBJECT_COLOR)
            for vertices, faces, places in objects
        ]
        links = hand_bodies(hand, poses)
        panels.append(
            Panel(
                solid=(*links, *things),
                support_plane=np.array([0.0, 0.0, 1.0, 0.0]),
                caption=captions[k] if k < len(captions) else '',
            )
        )
        outline += [b.posed_vertices() for b in (*things, *_finger_bodies(hand, links))]
    direction = np.asarray(toward_viewer, dtype=np.float64)
    return render_panels(
        panels,
        [direction / np.linalg.norm(direction)] * len(panels),
        columns=len(panels),
        outline=np.vstack(outline),
        captions_below=True,
        size=size,
    )


def render_meshes(
    bodies: Sequence[Body],
    *,
    support_plane: ArrayLike | None = None,
    toward_viewer: ArrayLike = (1.0, -0.6, 0.6),
    caption: str = '',
    size: tuple[int, int] = (1200, 900),
) -> NDArray[np.uint8]:
    """Show any bodies in one view, such as a hand in its preshape.

    Parameters
    ----------
    bodies
        What to draw.
    support_plane
        n, d [4]; its normal is up in the picture, else z.
    toward_viewer
        Direction from the bodies to the viewer [3].
    caption, size
        As in `render_grasp`.
    """
    panel = Panel(solid=tuple(bodies), support_plane=_plane(support_plane), caption=caption)
    direction = np.asarray(toward_viewer, dtype=np.float64)
    return render_panels([panel], [direction / np.linalg.norm(direction)], columns=1, size=size)


def _two_views(
    panel: Panel,
    directions: tuple[NDArray[np.float64], NDArray[np.float64]],
    size: tuple[int, int],
) -> NDArray[np.uint8]:
    other_side = dataclasses.replace(panel, caption='')
    return render_panels((panel, other_side), directions, columns=2, size=size)


def _finger_bodies(hand: HandModel, bodies: list[Body]) -> list[Body]:
    """Those of `hand_bodies` whose links are on fingers."""
    links = set(hand.geometry_links[hand.group_fingers >= 0].tolist())
    return [b for mesh, b in zip(hand.meshes, bodies, strict=True) if mesh.link in links]


def _plane(plane: ArrayLike | None) -> NDArray[np.float64] | None:
    if plane is None:
        return None
    plane = np.asarray(plane, dtype=np.float64)
    return plane / np.linalg.norm(plane[:3])


def _some_of_surface(
    vertices: NDArray[np.float64], faces: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Middles of some triangles, about `_SURFACE_SAMPLES`."""
    return vertices[faces[:: max(1, len(faces) // _SURFACE_SAMPLES)]].mean(axis=1)


def _finite(points: ArrayLike | None) -> NDArray[np.float64]:
    points = np.empty((0, 3)) if points is None else np.asarray(points, dtype=np.float64)
    return points[np.isfinite(points).all(axis=1)]
