"""What was seen, for MoveIt's planning scene: objects, the table, and what else stands near them.

Each is a `moveit_msgs/CollisionObject`: an object as its mesh, under its own id; the support plane
as the box of a table; obstacles, which are points, as the boxes that they lie in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from geometry_msgs.msg import Pose
from numpy.typing import NDArray
from scipy.spatial import KDTree
from scipy.spatial.transform import Rotation
from shape_msgs.msg import SolidPrimitive

from dexgrasp_msgs.msg import Object, ObjectArray
from dexgrasp_ros.bridge.checks import LONGEST_WARNING, check_texts
from dexgrasp_ros.bridge.geometry import pose_message, transform_plane
from dexgrasp_ros.bridge.objects import observed_object
from dexgrasp_ros.bridge.optional import optional_messages
from dexgrasp_ros.core.errors import InputError, quoted
from dexgrasp_ros.core.object_model import ObservedObject
from dexgrasp_ros.core.poses import transform_points

TABLE, OBSTACLES = 'table', 'obstacles'  # their ids; objects have their own
_THICKNESS = 0.02  # m of the table; what is below it is none of the planner's business

# Objects with the poses [7] of their own frames, and poses [7] of boxes with their sizes [3] m.
Seen = Sequence[tuple[ObservedObject, NDArray[np.float64]]]
Boxes = list[tuple[NDArray[np.float64], NDArray[np.float64]]]


def collision_objects(
    objects: ObjectArray, *, prefix: str = '', margin: float = 0.2, cell: float = 0.02
) -> dict[str, Any]:
    """Everything that stands there, by id.

    Parameters
    ----------
    objects
        As the topic `objects` has them. Those in another frame than the array come without table
        and obstacles.
    prefix
        Of all ids.
    margin
        How far the table reaches beyond the objects [m].
    cell
        Edge of the boxes that obstacles are made of [m].

    Raises
    ------
    DexGraspError
        FILE_NOT_FOUND where moveit_msgs is not installed, INVALID_INPUT for ids that are empty,
        or not one for each; what `observed_object` raises.
    """
    kind = optional_messages('moveit_msgs').CollisionObject
    made, seen = {}, []
    for message in objects.objects:
        check_texts(message, warnings=LONGEST_WARNING)
        if message.id in ('', TABLE, OBSTACLES) or prefix + message.id in made:
            # To a planner an empty one is all that there is.
            raise InputError(
                f'An object has the id {quoted(message.id)}; expected one of its own, and not'
                f" '{TABLE}' or '{OBSTACLES}', which others have."
            )
        observed, pose = observed_object(message)
        made[prefix + message.id] = _mesh(kind, prefix + message.id, message)
        if message.header.frame_id == objects.header.frame_id:
            seen.append((observed, pose))

    def add(name: str, boxes: Boxes) -> None:
        if boxes:
            made[prefix + name] = kind(
                header=objects.header,
                id=prefix + name,
                pose=Pose(),
                primitives=[
                    SolidPrimitive(type=SolidPrimitive.BOX, dimensions=size.tolist())
                    for _, size in boxes
                ],
                primitive_poses=[pose_message(pose) for pose, _ in boxes],
                operation=kind.ADD,
            )

    add(TABLE, table_box(seen, margin))
    add(OBSTACLES, obstacle_boxes(seen, cell))
    return made


def table_box(seen: Seen, margin: float) -> Boxes:
    """Box of the table under the objects, `margin` [m] beyond them.

    Its upper face lies in the support plane of the first that has one; none where none has.
    """
    standing = [(o, pose) for o, pose in seen if o.support_plane is not None]
    if not standing:
        return []
    plane = transform_plane(standing[0][1], standing[0][0].support_plane)
    normal = plane[:3]
    side = np.cross(normal, np.eye(3)[np.argmin(np.abs(normal))])
    side /= np.linalg.norm(side)
    axes = np.stack([side, np.cross(normal, side), normal], axis=1)
    corners = np.concatenate([transform_points(pose, o.vertices) for o, pose in standing]) @ axes
    lower, upper = corners.min(axis=0) - margin, corners.max(axis=0) + margin
    middle, size = (lower + upper) / 2, upper - lower
    middle[2], size[2] = -plane[3] - _THICKNESS / 2, _THICKNESS
    turn = Rotation.from_matrix(axes).as_quat()
    return [(np.append(axes @ middle, turn), size)]


def obstacle_boxes(seen: Seen, cell: float) -> Boxes:
    """Boxes of edge `cell` [m] in which obstacles of the objects lie.

    One object's neighbour is another one of them: cells within reach of a mesh are left out, since
    it is there itself.
    """
    points = [transform_points(pose, o.obstacles) for o, pose in seen if len(o.obstacles)]
    if not points:
        return []
    near = KDTree(np.concatenate([transform_points(pose, o.vertices) for o, pose in seen]))
    found = np.concatenate(points)
    found = found[near.query(found, distance_upper_bound=cell)[0] > cell]
    cells = np.unique(np.floor(found / cell), axis=0)
    return [(np.append(cell * (c + 0.5), [0, 0, 0, 1.0]), np.full(3, cell)) for c in cells]


def scene_change(before: Mapping[str, Any], now: Mapping[str, Any]) -> Any:
    """Return the `moveit_msgs/PlanningScene` that leads from one state of the scene to another.

    What is gone is removed, all that there is now takes the place of what had its id.
    """
    messages = optional_messages('moveit_msgs')
    kind = messages.CollisionObject
    gone = [
        kind(header=old.header, id=name, pose=Pose(), operation=kind.REMOVE)
        for name, old in before.items()
        if name not in now
    ]
    scene = messages.PlanningScene(is_diff=True)
    scene.robot_state.is_diff = True
    scene.world.collision_objects = [*gone, *now.values()]
    return scene


def _mesh(kind: type, name: str, message: Object) -> Any:
    return kind(
        header=message.header,
        id=name,
        pose=message.pose,
        meshes=[message.mesh],
        mesh_poses=[Pose()],
        operation=kind.ADD,
    )
