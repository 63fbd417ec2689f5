"""Contacts that the hand's points do not tell: what of the object is inside a link."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.config import SynthesisConfig
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.core.object_model import ObjectModel
from dexgrasp_ros.core.poses import compose, invert, transform_points
from dexgrasp_ros.hand import link_poses
from dexgrasp_ros.hand.groups import group_distance
from dexgrasp_ros.synthesis.closing_simulation import Outcome
from dexgrasp_ros.synthesis.look import Look


def add_unpressed(
    hand: HandModel, obj: ObjectModel, config: SynthesisConfig, outcome: Outcome, look: Look
) -> Look:
    """Give contacts that bear nothing at the end of a simulated closing a place and a normal.

    The simulation sees the hand's points. A geometry that others cover has few, and may reach
    into the object with none of them near it; a look sees that, from the object's points.

    Parameters
    ----------
    hand, obj, config
        What is planned for.
    outcome
        How closings ended.
    look
        At where they ended, with the simulation's points and normals.
    """
    row, group = np.nonzero((look.distance < config.contact_distance) & ~outcome.touching)
    point, normal = look.point.copy(), look.normal.copy()
    place = outcome.palm[row], outcome.q[row]
    point[row, group], normal[row, group] = deepest_points(hand, obj, *place, group)
    return dataclasses.replace(look, point=point, normal=normal)


def deepest_points(
    hand: HandModel,
    obj: ObjectModel,
    palm: NDArray[np.float64],
    q: NDArray[np.float64],
    groups: NDArray[np.int64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Find the surface points of the object that are deepest inside one geometry each.

    Parameters
    ----------
    hand, obj
        Hand and object.
    palm, q
        Palm poses [M, 7] in the object's frame, and joints [M, J].
    groups
        The geometry that is asked for at each of these states [M].

    Returns
    -------
    points, normals
        [M, 3] m, nearest to the geometry where none is inside, and the unit normals of their
        faces, into the object [M, 3].
    """
    links = link_poses(hand, q, compose(palm, invert(hand.palm_pose)))
    links = links[np.arange(len(groups)), hand.geometry_links[groups]]
    to_geometry = invert(compose(links, hand.geometry_poses[groups]))
    deepest = np.empty(len(groups), dtype=np.int64)
    for i, g in enumerate(groups):
        local = transform_points(to_geometry[i], obj.surface_points)
        deepest[i] = group_distance(hand, g, local).argmin()
    points, normals = obj.surface_points[deepest], -obj.surface_normals[deepest]
    return points.astype(np.float64), normals.astype(np.float64)
