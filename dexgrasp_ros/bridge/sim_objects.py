"""The objects of a simulated world as messages, for cameras and for judges.

Each `Object` stands in a tf frame of its own, at its origin, so that one message says for ever
what the transforms move. The table is the one with label 0.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import trimesh

from dexgrasp_msgs.msg import Object, ObjectArray
from dexgrasp_ros.bridge.geometry import header, mesh_message
from dexgrasp_ros.simulation.standing_objects import StandingObject

TABLE = 'table'
_TABLE_SIZE = (1.2, 1.2, 0.03)  # m, as cameras see it; physics has a plane without end


def object_frame(label: int) -> str:
    """Name of the tf frame of an object's mesh."""
    return f'object_{label}'


def sim_objects_message(
    objects: Sequence[StandingObject], world_frame: str, stamp: int
) -> ObjectArray:
    """Message of all objects and the table, whose top is z = 0 of the world."""
    slab = trimesh.creation.box(_TABLE_SIZE).apply_translation((0.0, 0.0, -0.5 * _TABLE_SIZE[2]))
    head = header(world_frame, stamp)
    table = Object(
        header=head,
        id=TABLE,
        name=TABLE,
        mesh=mesh_message(np.array(slab.vertices), np.array(slab.faces)),
    )
    return ObjectArray(
        header=head,
        objects=[
            table,
            *(
                Object(
                    header=header(object_frame(o.label), stamp),
                    id=object_frame(o.label),
                    label=o.label,
                    name=o.name,
                    mesh=mesh_message(o.obj.vertices, o.obj.faces),
                )
                for o in objects
            ),
        ],
    )
