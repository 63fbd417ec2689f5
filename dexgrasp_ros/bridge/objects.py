"""Objects ↔ messages."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from geometry_msgs.msg import Pose
from numpy.typing import NDArray

from dexgrasp_msgs.msg import Object, ObjectArray
from dexgrasp_ros.bridge.geometry import (
    cloud_message,
    cloud_points,
    header,
    mesh_arrays,
    mesh_message,
    plane_array,
    plane_message,
    pose_array,
    stamp_to_nanoseconds,
    transform_plane,
)
from dexgrasp_ros.bridge.grasps import phase_times
from dexgrasp_ros.core.object_model import ObservedObject
from dexgrasp_ros.core.poses import invert


def object_message(observed: ObservedObject, object_id: str = '') -> Object:
    """Message of an observed object; its mesh's frame is the frame it was seen in.

    Without an `object_id` it is named by its label.
    """
    head = header(observed.frame_id, observed.stamp)
    plane = observed.support_plane
    return Object(
        header=head,
        id=object_id or f'object_{observed.label}',
        label=observed.label,
        name=observed.name,
        mesh=mesh_message(observed.vertices, observed.faces),
        pose=Pose(),
        observed_fraction=float(observed.observed_fraction),
        has_support_plane=plane is not None,
        **({} if plane is None else {'support_plane': plane_message(plane)}),
        points=cloud_message(observed.points, head),
        obstacles=cloud_message(observed.obstacles, head),
        view_count=observed.view_count,
        timing=phase_times(observed.timing, observed.phase_points),
        warnings=list(observed.warnings),
    )


def object_array_message(
    objects: Sequence[ObservedObject],
    frame_id: str,
    stamp: int,
    ids: Sequence[str] | None = None,
) -> ObjectArray:
    """Message of the objects of one image, by rising label; `ids` are in the order given."""
    ids = [''] * len(objects) if ids is None else ids
    ordered = sorted(zip(objects, ids, strict=True), key=lambda pair: pair[0].label)
    return ObjectArray(
        header=header(frame_id, stamp), objects=[object_message(*pair) for pair in ordered]
    )


def observed_object(message: Object) -> tuple[ObservedObject, NDArray[np.float64]]:
    """Object of a message with all coordinates in the frame of its mesh, and that frame's pose.

    Returns
    -------
    tuple
        The object, whose `frame_id` is that of the message's header, and the pose [7] of the
        mesh's frame in there.

    Raises
    ------
    DexGraspError
        What the mesh, plane, pose and cloud conversions of `bridge.geometry` raise.
    """
    vertices, faces = mesh_arrays(message.mesh)
    pose = pose_array(message.pose)
    plane = None
    if message.has_support_plane:
        plane = transform_plane(invert(pose), plane_array(message.support_plane))
    return (
        ObservedObject(
            label=message.label,
            name=message.name or message.id,
            frame_id=message.header.frame_id,
            stamp=stamp_to_nanoseconds(message.header.stamp),
            vertices=vertices,
            faces=faces,
            points=cloud_points(message.points),
            support_plane=plane,
            obstacles=cloud_points(message.obstacles),
            observed_fraction=message.observed_fraction,
            warnings=tuple(message.warnings),
            timing={p.phase: p.seconds for p in message.timing},
            phase_points={p.phase: p.points for p in message.timing if p.points},
            view_count=message.view_count,
        ),
        pose,
    )
