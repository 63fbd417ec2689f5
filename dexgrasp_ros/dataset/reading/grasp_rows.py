"""Rows of a dataset as the `GraspSet` that all else works on, and in frames of cameras."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dexgrasp_ros.core.errors import ErrorCode, InputError
from dexgrasp_ros.core.grasp_set import GraspSet
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.core.poses import matrix_to_pose, pose_to_matrix
from dexgrasp_ros.dataset.reading.row_arrays import Arrays
from dexgrasp_ros.hand import locked_joints
from dexgrasp_ros.hand.opening import opening_width

_POSES = ('base_pose', 'pregrasp_base_pose')
_POSTURES = ('pregrasp', 'grasp', 'squeeze')
_MEASURES = ('score', 'residual', 'penetration', 'epsilon')
_PREDICTIONS = ('least_friction', 'largest_pull')
_CONTACTS = ('contact_points', 'contact_normals', 'contact_forces')

# What of a row a `GraspSet` holds.
SET_COLUMNS = (
    *_POSES,
    *_POSTURES,
    *_MEASURES,
    *_CONTACTS,
    'contact_links',
    'seed_index',
    'support_plane',
    *_PREDICTIONS,
)


def rows_to_grasps(rows: Arrays, hand: HandModel, mesh: Path) -> GraspSet:
    """Make a set of rows of one hand and object, best score first.

    Its `support_plane` is that of the rows where all stand on the same, else NaN; its
    `contact_count` counts the contacts that were planned.

    Parameters
    ----------
    rows
        At least `SET_COLUMNS`, [N, …].
    hand
        Their hand.
    mesh
        Their mesh, for the set to name.

    Raises
    ------
    InputError
        WRONG_SHAPE: the rows are of another hand.
    """
    if rows['grasp'].shape[1] != len(hand.joint_names):
        raise InputError(
            f"The rows have {rows['grasp'].shape[1]} joints, and '{hand.name}' has "
            f'{len(hand.joint_names)}; expected the same.',
            ErrorCode.WRONG_SHAPE,
        )
    order = np.argsort(-rows['score'], kind='stable')
    values = {
        name: rows[name][order].astype(np.float64)
        for name in (*_POSTURES, *_MEASURES, *_PREDICTIONS, *_CONTACTS)
    }
    for name in _POSES:
        # Quaternions of single precision are of length 1 to seven digits only.
        pose = rows[name][order].astype(np.float64)
        pose[:, 3:] /= np.linalg.norm(pose[:, 3:], axis=1, keepdims=True)
        values[name] = pose
    links = rows['contact_links'][order].astype(np.int64)
    planes = np.unique(rows['support_plane'], axis=0)
    return GraspSet(
        hand=hand.name,
        hand_digest=hand.digest,
        urdf=hand.urdf,
        object_mesh=str(mesh),
        joint_names=hand.joint_names,
        link_names=hand.link_names,
        hand_frame=hand.hand_frame,
        joint_stiffness=hand.joint_stiffness,
        locked_joints=locked_joints(hand),
        opening_width=opening_width(hand, values['grasp']),
        contact_count=(links >= 0).sum(axis=1),
        contact_links=links,
        seed_index=rows['seed_index'][order].astype(np.int64),
        support_plane=planes[0].astype(np.float64) if len(planes) == 1 else np.full(4, np.nan),
        **values,
    )


def pose_in_camera(frame: Mapping[str, Any], pose: ArrayLike) -> NDArray[np.float64]:
    """Poses in the frame of the mesh as poses in the optical frame of a camera.

    T_cam_hand = T_world_cam⁻¹ · T_world_object · T_object_hand.

    Parameters
    ----------
    frame
        A row of the table of frames: `T_world_cam` and `T_world_object`, [4, 4].
    pose
        [..., 7] m, x y z qx qy qz qw.
    """
    camera_object = np.linalg.inv(frame['T_world_cam']) @ np.asarray(frame['T_world_object'])
    pose = np.array(pose, dtype=np.float64)
    pose[..., 3:] /= np.linalg.norm(pose[..., 3:], axis=-1, keepdims=True)
    return matrix_to_pose(camera_object @ pose_to_matrix(pose))
