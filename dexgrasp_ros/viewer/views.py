"""From where the camera looks at objects and a grasp."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dexgrasp_ros.simulation import Body, hand_bodies
from dexgrasp_ros.simulation.views import choose_views
from dexgrasp_ros.viewer.shown import ShownGrasps, ShownObject

_SURFACE_SAMPLES = 150  # of each object
_REACH = 0.22  # m around contacts: palm and fingers; a forearm may leave the picture


def best_view(
    objects: Sequence[ShownObject],
    grasp: tuple[ShownGrasps, int] | None,
    link_poses: NDArray[np.float64] | None,
    up: NDArray[np.float64],
    viewer: ArrayLike | None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Choose what the camera fits and from where, all in the data's frame.

    That is the hand with the object it grasps, or all objects where there is no grasp.

    Parameters
    ----------
    objects
        What there is.
    grasp
        The grasps and which of them is selected.
    link_poses
        Of its hand as it is shown [L, 7].
    up
        Away from the table [3].
    viewer
        Where the sensor stood [3]: views from its side are preferred.

    Returns
    -------
    tuple
        Points [M, 3] m and unit direction from them to the viewer [3]; None where nothing is
        shown.
    """
    held = [o for o in objects if grasp is None or o.name == grasp[0].objects[grasp[1]]] or objects
    bodies = [] if grasp is None else hand_bodies(grasp[0].hand, link_poses)
    fitted = [o.vertices for o in held]
    surface = [o.vertices[:: 1 + len(o.vertices) // _SURFACE_SAMPLES] for o in held]
    contacts = np.empty((0, 3))
    if grasp is not None:
        points = grasp[0].grasps.contact_points[grasp[1]]
        contacts = points[np.isfinite(points).all(axis=1)]
        corners = np.concatenate([b.posed_vertices() for b in bodies] or [contacts])
        middle = np.concatenate([contacts, *surface, corners]).mean(axis=0)
        if len(contacts) or surface:
            middle = np.concatenate([contacts, *surface]).mean(axis=0)
        fitted.append(corners[np.linalg.norm(corners - middle, axis=1) < _REACH])
    fitted = [points for points in fitted if len(points)]
    if not fitted:
        return None
    targets = np.concatenate([contacts, *surface])
    # Contacts count as much as all surfaces.
    weights = np.full(len(targets), 1 / max(1, len(targets) - len(contacts)))
    weights[: len(contacts)] = 1 / max(1, len(contacts))
    middle = np.concatenate(fitted).mean(axis=0)
    direction, _ = choose_views(
        [*bodies, *(Body(vertices=o.vertices, faces=o.faces) for o in held if grasp is None)],
        targets,
        up=up,
        preferred=None if viewer is None else np.asarray(viewer) - middle,
        weights=weights,
    )
    return np.concatenate(fitted), direction
