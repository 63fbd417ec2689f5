"""Grasps as ``isaac_grasp`` 1.0 YAML, which Isaac Sim's grasp editor and Isaac ROS read and write.

The file says for each grasp where the gripper frame is in the object's frame (quaternion w first),
a confidence of 0 to 1, and joint positions before and at the grasp::

    format: isaac_grasp
    format_version: 1.0
    object_frame: mug.obj
    gripper_frame: palm
    grasps:
      grasp_0:
        confidence: 0.83
        position: [x, y, z]
        orientation: {w: w, xyz: [x, y, z]}
        cspace_position: {joint: value}
        pregrasp_cspace_position: {joint: value}
        opening_width: 0.062

`opening_width` [m] stands there for grippers only; it is a key of our own, which other readers
pass over. Locked joints stand among the positions, where they are held. The format has one pose
for both postures, and neither squeeze, contacts nor stiffness. So an export loses these; an import
takes the pose for the pre-grasp too, the grasp for the squeeze, and leaves contacts empty and
measures NaN. Evaluating such a set fills in what the mesh tells.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.doors import MEBIBYTE
from dexgrasp_ros.core.errors import ErrorCode, InputError, choices, quoted
from dexgrasp_ros.core.files import write_text
from dexgrasp_ros.core.grasp_set import GraspSet
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.core.yaml_files import is_finite, read_yaml
from dexgrasp_ros.hand import locked_joints
from dexgrasp_ros.hand.opening import opening_width

FORMAT, VERSION = 'isaac_grasp', 1.0
_LIMIT = 32 * MEBIBYTE  # 15,000 grasps of a hand with 24 joints
# The grasp editor's manual has names that end in `_link`, the files it writes do not.
_FRAMES = {
    'object_frame': ('object_frame', 'object_frame_link'),
    'gripper_frame': ('gripper_frame', 'gripper_frame_link'),
}
_UNIT_TOLERANCE = 0.01  # of a quaternion's length; files have five decimals


def export_isaac_grasp(
    grasps: GraspSet, path: str | Path, *, object_frame: str = '', gripper_frame: str = ''
) -> None:
    """Write grasps as ``isaac_grasp`` YAML, best first; see the module for what that loses.

    The confidence of a grasp is its score, which is within 0 and 1 for grasps of this package.

    Parameters
    ----------
    grasps
        N grasps.
    path
        File to write.
    object_frame, gripper_frame
        What the file calls the frames, for its readers only; by default the object's mesh and the
        hand's root link.
    """
    import yaml

    names, locked = grasps.joint_names, grasps.locked_joints
    document = {
        'format': FORMAT,
        'format_version': VERSION,
        'created_with': 'dexgrasp_ros',
        'object_frame': object_frame or grasps.object_mesh or 'object',
        'gripper_frame': gripper_frame or grasps.hand_frame,
        'grasps': {
            f'grasp_{n}': {
                'confidence': float(np.clip(np.nan_to_num(grasps.score[n]), 0, 1)),
                'position': grasps.base_pose[n, :3].tolist(),
                'orientation': {
                    'w': float(grasps.base_pose[n, 6]),
                    'xyz': grasps.base_pose[n, 3:6].tolist(),
                },
                'cspace_position': locked | _by_name(names, grasps.grasp[n]),
                'pregrasp_cspace_position': locked | _by_name(names, grasps.pregrasp[n]),
                **_width(grasps.opening_width[n]),
            }
            for n in range(len(grasps))
        },
    }
    text = yaml.safe_dump(document, sort_keys=False, default_flow_style=None, width=1000)
    write_text(Path(path), text)


def import_isaac_grasp(
    path: str | Path, hand: HandModel, *, object_mesh: str | Path = ''
) -> GraspSet:
    """Read ``isaac_grasp`` YAML as grasps of `hand`, best first; see the module for what it lacks.

    Parameters
    ----------
    path
        The file. Its gripper frame has to be the hand's root link, its object frame that of the
        mesh: the names that the file has for them are not compared.
    hand
        The hand. Joints that follow others (mimic joints) may stand in the file and are passed
        over; where `pregrasp_cspace_position` lacks a joint, it stays as in the grasp.
    object_mesh
        The object's mesh, for the set that is returned.

    Raises
    ------
    InputError
        FILE_NOT_FOUND, INVALID_INPUT (not YAML of this format and version), MISSING_KEY,
        WRONG_TYPE, WRONG_SHAPE, OUT_OF_RANGE for what is not finite or no unit quaternion.
    """
    document = _read(Path(path))
    entries = _get(document, 'grasps', f"'{path}'")
    if not isinstance(entries, Mapping):
        raise InputError(
            f"'{path}': 'grasps' is {_kind(entries)}; expected a grasp for each name.",
            ErrorCode.WRONG_TYPE,
        )
    rows = [
        _row(entry, f"'{path}': {quoted(str(name), 60)[1:-1]}", hand)
        for name, entry in entries.items()
    ]
    rows.sort(key=lambda row: -row['score'])
    count, joints = len(rows), len(hand.joint_names)
    column = {
        key: np.array([row[key] for row in rows]).reshape(count, *shape)
        for key, shape in (('pose', (7,)), ('grasp', (joints,)), ('pregrasp', (joints,)))
    }
    unknown, nothing = np.full(count, np.nan), np.empty((count, 0, 3))
    return GraspSet(
        hand=hand.name,
        hand_digest=hand.digest,
        urdf=hand.urdf,
        object_mesh=str(object_mesh),
        joint_names=hand.joint_names,
        link_names=hand.link_names,
        hand_frame=hand.hand_frame,
        base_pose=column['pose'],
        pregrasp_base_pose=column['pose'].copy(),
        pregrasp=column['pregrasp'],
        grasp=column['grasp'],
        squeeze=column['grasp'].copy(),
        joint_stiffness=hand.joint_stiffness,
        locked_joints=locked_joints(hand),
        opening_width=opening_width(hand, column['grasp']),
        score=np.array([row['score'] for row in rows], dtype=np.float64),
        residual=unknown,
        penetration=unknown,
        epsilon=unknown,
        contact_count=np.zeros(count, dtype=np.int64),
        contact_links=np.empty((count, 0), dtype=np.int64),
        contact_points=nothing,
        contact_normals=nothing,
        contact_forces=nothing,
        warnings=(
            f"Imported from '{path}', which has neither squeeze nor contacts: squeezes are the"
            ' grasps, and pre-grasps are at the same pose.',
        ),
    )


def _by_name(names: Sequence[str], values: NDArray[np.float64]) -> dict[str, float]:
    return dict(zip(names, values.tolist(), strict=True))


def _width(value: float) -> dict[str, float]:
    return {'opening_width': float(value)} if math.isfinite(value) else {}


def _read(path: Path) -> Mapping[str, Any]:
    """Document of a file that says it has this format and version."""
    document = read_yaml(path, 'isaac_grasp', _LIMIT)
    if not isinstance(document, Mapping) or document.get('format') != FORMAT:
        found = document.get('format') if isinstance(document, Mapping) else _kind(document)
        raise InputError(f"'{path}' has the format {quoted(found)}; expected {FORMAT!r}.")
    version = _get(document, 'format_version', f"'{path}'")
    if version not in (VERSION, str(VERSION)):
        raise InputError(f"'{path}' has format_version {quoted(version)}; expected {VERSION}.")
    for name, spellings in _FRAMES.items():
        if not set(spellings) & set(document):
            raise InputError(
                f"'{path}' lacks '{name}'; it has {choices(document)}.", ErrorCode.MISSING_KEY
            )
    return document


def _row(entry: Any, where: str, hand: HandModel) -> dict[str, Any]:
    """Score, pose and postures of one grasp."""
    if not isinstance(entry, Mapping):
        raise InputError(f'{where} is {_kind(entry)}; expected keys.', ErrorCode.WRONG_TYPE)
    turn = _get(entry, 'orientation', where)
    if not isinstance(turn, Mapping):
        raise InputError(
            f"{where}: 'orientation' is {_kind(turn)}; expected {{w: …, xyz: […]}}.",
            ErrorCode.WRONG_TYPE,
        )
    xyz = _numbers(_get(turn, 'xyz', f"{where}: 'orientation'"), 3, f"{where}: 'xyz'")
    quaternion = [*xyz, _number(_get(turn, 'w', f"{where}: 'orientation'"), f"{where}: 'w'")]
    length = math.hypot(*quaternion)
    if abs(length - 1) > _UNIT_TOLERANCE:
        raise InputError(
            f"{where}: 'orientation' has the length {length:.4g}; expected a unit quaternion.",
            ErrorCode.OUT_OF_RANGE,
        )
    confidence = _number(_get(entry, 'confidence', where), f"{where}: 'confidence'")
    if not 0 <= confidence <= 1:
        raise InputError(
            f"{where}: 'confidence' is {confidence}; expected 0 to 1.", ErrorCode.OUT_OF_RANGE
        )
    grasp = _posture(entry, 'cspace_position', where, hand, None)
    return {
        'score': confidence,
        'pose': np.append(
            _numbers(_get(entry, 'position', where), 3, f"{where}: 'position'"),
            np.array(quaternion) / length,
        ),
        'grasp': grasp,
        'pregrasp': _posture(entry, 'pregrasp_cspace_position', where, hand, grasp),
    }


def _posture(
    entry: Mapping[str, Any],
    key: str,
    where: str,
    hand: HandModel,
    rest: NDArray[np.float64] | None,
) -> NDArray[np.float64]:
    """Joint positions [J]; those that the file lacks are taken from `rest`, where there is one."""
    values, where = _get(entry, key, where), f"{where}: '{key}'"
    if not isinstance(values, Mapping):
        raise InputError(
            f'{where} is {_kind(values)}; expected a value for each joint.', ErrorCode.WRONG_TYPE
        )
    known = set(hand.joint_names)
    if unknown := {str(name) for name in values} - known - _followers(hand):
        raise InputError(
            f"{where} has {choices(unknown)}; joints of '{hand.name}' are {choices(known)}."
        )
    if rest is None and (missing := known - set(values)):
        raise InputError(
            f"{where} lacks {choices(missing)}; expected a value for each joint of '{hand.name}'.",
            ErrorCode.MISSING_KEY,
        )
    posture = np.zeros(len(hand.joint_names)) if rest is None else rest.copy()
    for j, name in enumerate(hand.joint_names):
        if name in values:
            posture[j] = _number(values[name], f"{where}: '{name}'")
    return posture


def _followers(hand: HandModel) -> set[str]:
    """Names of the document's joints that move but are not commanded: mimic and locked ones."""
    import xml.etree.ElementTree as ET

    joints = ET.fromstring(hand.urdf).findall('joint')
    return {str(j.get('name')) for j in joints if j.get('type') != 'fixed'}


def _get(mapping: Mapping[str, Any], key: str, where: str) -> Any:
    if key not in mapping:
        raise InputError(
            f"{where} lacks '{key}'; it has {choices(mapping)}.", ErrorCode.MISSING_KEY
        )
    return mapping[key]


def _number(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f'{where} is {quoted(value)}; expected a number.', ErrorCode.WRONG_TYPE)
    if not is_finite(value):
        raise InputError(
            f'{where} is {quoted(value)}; expected a finite number.', ErrorCode.OUT_OF_RANGE
        )
    return float(value)


def _numbers(values: Any, count: int, where: str) -> list[float]:
    if not isinstance(values, Sequence) or isinstance(values, str):
        raise InputError(f'{where} is {quoted(values)}; expected numbers.', ErrorCode.WRONG_TYPE)
    if len(values) != count:
        raise InputError(
            f'{where} has {len(values)} numbers; expected {count}.', ErrorCode.WRONG_SHAPE
        )
    return [_number(value, where) for value in values]


def _kind(value: Any) -> str:
    return 'nothing' if value is None else f'of type {type(value).__name__}'
