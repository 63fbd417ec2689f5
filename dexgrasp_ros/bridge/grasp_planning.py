"""The goal of `grasping_msgs/GraspPlanning` as one of `synthesize_grasps`."""

from __future__ import annotations

from typing import Any

import numpy as np
from geometry_msgs.msg import PoseStamped
from shape_msgs.msg import Mesh, SolidPrimitive

from dexgrasp_msgs.action import SynthesizeGrasps
from dexgrasp_ros.bridge.geometry import mesh_message
from dexgrasp_ros.core.errors import ErrorCode, InputError, quoted

# Sizes that each shape has, as shape_msgs/SolidPrimitive orders them.
_SIZES = {
    SolidPrimitive.BOX: 3,
    SolidPrimitive.SPHERE: 1,
    SolidPrimitive.CYLINDER: 2,
    SolidPrimitive.CONE: 2,
}


# Properties of an object that say what a goal can say, by the names of its fields.
_PROPERTIES = {
    'mass': 'object_mass',
    'friction': 'friction',
    'max_force': 'max_force',
    'max_contact_force': 'max_contact_force',
}


def synthesis_goal(wanted: Any, *, max_grasps: int = 0) -> SynthesizeGrasps.Goal:
    """Goal with the mesh of a `grasping_msgs/Object`, or with its primitive as a mesh.

    Parameters
    ----------
    wanted
        The object: one mesh, or else one primitive, with its pose in the frame of the header.
        Of its properties `mass` [kg], `friction`, `max_force` and `max_contact_force` [N] are
        the goal's, in SI units; others are passed over.
    max_grasps
        Grasps that are returned at most; 0: as the grasp node has it.

    Raises
    ------
    InputError
        INVALID_INPUT where it has neither or more than one, WRONG_SHAPE where the sizes of a
        primitive are not those of its shape, WRONG_TYPE for a property that is no number.
    """
    shapes, poses = list(wanted.meshes), list(wanted.mesh_poses)
    if not shapes:
        shapes, poses = list(wanted.primitives), list(wanted.primitive_poses)
    if len(shapes) != 1 or len(poses) != 1:
        raise InputError(
            f'The object {quoted(wanted.name)} has {len(wanted.meshes)} meshes,'
            f' {len(wanted.primitives)} primitives and {len(poses)} poses; expected one mesh, or'
            ' one primitive, with its pose.'
        )
    mesh = shapes[0] if isinstance(shapes[0], Mesh) else primitive_mesh(shapes[0])
    return SynthesizeGrasps.Goal(
        source=SynthesizeGrasps.Goal.SOURCE_MESH,
        object_id=wanted.name,
        mesh=mesh,
        mesh_pose=PoseStamped(header=wanted.header, pose=poses[0]),
        max_grasps=max_grasps,
        reference_frame=wanted.header.frame_id,
        **_said_of(wanted),
    )


def _said_of(wanted: Any) -> dict[str, float]:
    """Fields of a goal that an object's properties give."""
    fields = {}
    for entry in wanted.properties:
        if entry.name not in _PROPERTIES:
            continue
        try:
            fields[_PROPERTIES[entry.name]] = float(entry.value)
        except ValueError:
            raise InputError(
                f"The property '{entry.name}' of {quoted(wanted.name)} is {quoted(entry.value)};"
                ' expected a number in SI units.',
                ErrorCode.WRONG_TYPE,
            ) from None
    return fields


def primitive_mesh(primitive: SolidPrimitive) -> Mesh:
    """Mesh of a box, sphere, cylinder or cone about its middle, its axis along z [m].

    Raises
    ------
    InputError
        INVALID_INPUT for another shape, WRONG_SHAPE or OUT_OF_RANGE for its sizes.
    """
    import trimesh

    sizes = np.asarray(primitive.dimensions, dtype=np.float64)
    if primitive.type not in _SIZES:
        raise InputError(
            f'The primitive has type {primitive.type}; expected 1 (BOX), 2 (SPHERE),'
            ' 3 (CYLINDER) or 4 (CONE).'
        )
    if len(sizes) != _SIZES[primitive.type]:
        raise InputError(
            f'The primitive of type {primitive.type} has {len(sizes)} sizes; expected'
            f' {_SIZES[primitive.type]}.',
            ErrorCode.WRONG_SHAPE,
        )
    if not (np.isfinite(sizes) & (sizes > 0)).all():
        raise InputError(
            f'The primitive has the sizes {sizes.tolist()}; expected positive numbers.',
            ErrorCode.OUT_OF_RANGE,
        )
    if primitive.type == SolidPrimitive.BOX:
        mesh = trimesh.creation.box(sizes)
    elif primitive.type == SolidPrimitive.SPHERE:
        mesh = trimesh.creation.icosphere(radius=sizes[0])
    elif primitive.type == SolidPrimitive.CYLINDER:
        mesh = trimesh.creation.cylinder(height=sizes[0], radius=sizes[1])
    else:
        # trimesh's cone stands on its base; the message's has its middle at the origin.
        mesh = trimesh.creation.cone(height=sizes[0], radius=sizes[1])
        mesh.apply_translation([0, 0, -sizes[0] / 2])
    return mesh_message(mesh.vertices, mesh.faces)
