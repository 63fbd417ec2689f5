"""Which grasp comes next. Whoever wants another order writes a class like `BestGrasp`."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from scipy.spatial import cKDTree

from dexgrasp_msgs.msg import Grasp, Object
from dexgrasp_ros.bridge.geometry import cloud_points
from dexgrasp_ros.bridge.objects import observed_object
from dexgrasp_ros.core.errors import InputError, quoted, reason
from dexgrasp_ros.core.poses import transform_points
from dexgrasp_ros.nodes.clearing.memory import AttemptMemory

_ROOM = 0.05  # m between contacts and neighbours beyond which more makes no difference
_UPON = 0.01  # m above the middle of an object, within its outline: something lies upon it
_LEAST_UPON = 10  # points that are no noise


class Choice(Protocol):
    """What `strategy` names."""

    def choose(
        self, grasps: Sequence[Grasp], objects: Mapping[str, Object], memory: AttemptMemory
    ) -> Grasp | None:
        """Return the grasp that is tried next, or None where none is worth it: that ends the work.

        Parameters
        ----------
        grasps
            Of all objects that may be tried, none that has failed; at least one.
        objects
            What was seen last, by id.
        memory
            What has failed.
        """


class BestGrasp:
    """The highest score, less for what failed, is buried, or stands close to something.

    Reach and way are no part of it: grasps without them do not come here.
    """

    def choose(
        self, grasps: Sequence[Grasp], objects: Mapping[str, Object], memory: AttemptMemory
    ) -> Grasp | None:
        """Return the best, or None of none."""
        buried = {name: _is_buried(thing) for name, thing in objects.items()}

        def value(grasp: Grasp) -> float:
            thing = objects[grasp.object_id]
            return (
                grasp.quality.score
                + 0.2 * _room(grasp, thing) / _ROOM
                - 0.2 * memory.failures(thing.id)
                - 0.5 * buried[thing.id]
            )

        return max(grasps, key=value, default=None)


def load_choice(name: str) -> Choice:
    """Make the strategy of that name; empty: `BestGrasp`.

    Raises
    ------
    InputError
        INVALID_INPUT where there is no such class.
    """
    if not name:
        return BestGrasp()
    module, _, kind = name.partition(':')
    try:
        return getattr(importlib.import_module(module), kind)()
    except Exception as error:
        raise InputError(
            f"'strategy' is {quoted(name)}, which cannot be made ({reason(error)}); expected"
            " package.module:Class, a class with the method 'choose'."
        ) from error


def _room(grasp: Grasp, thing: Object) -> float:
    """Distance [m] from contacts to what stands near the object, at most `_ROOM`."""
    _, pose = observed_object(thing)
    around = transform_points(pose, cloud_points(thing.obstacles))
    if thing.header.frame_id != grasp.header.frame_id or not len(around) or not grasp.contacts:
        return _ROOM
    contacts = [[c.point.x, c.point.y, c.point.z] for c in grasp.contacts]
    return min(_ROOM, float(cKDTree(around).query(contacts)[0].min()))


def _is_buried(thing: Object) -> bool:
    """Whether something lies upon an object, by the points around it."""
    observed, _ = observed_object(thing)
    if observed.support_plane is None or not len(observed.obstacles):
        return False
    up = observed.support_plane[:3]
    center = observed.vertices.mean(axis=0)
    flat = np.eye(3) - np.outer(up, up)
    radius = np.linalg.norm((observed.vertices - center) @ flat, axis=1).max()
    rise, aside = (observed.obstacles - center) @ up, (observed.obstacles - center) @ flat
    upon = (rise > _UPON) & (np.linalg.norm(aside, axis=1) < 0.5 * radius)
    return int(upon.sum()) >= _LEAST_UPON
