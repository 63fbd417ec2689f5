"""Every way into a node, by topics, actions and services.

One more of them is one more entry of the module of its kind. The library's are in `doors.py`.
"""

from __future__ import annotations

from camera_doors import CAMERA_DOORS
from command_doors import COMMAND_DOORS
from grasp_doors import GRASP_DOORS
from node_door import NodeDoor
from simulation_doors import SIMULATION_DOORS

NODE_DOORS = (*COMMAND_DOORS, *GRASP_DOORS, *CAMERA_DOORS, *SIMULATION_DOORS)


def short_doors(node: str) -> list[NodeDoor]:
    """Doors of a node that are tried in short, in a graph that has it."""
    return [door for door in NODE_DOORS if door.node == node and door.examples]
