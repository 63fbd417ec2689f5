"""Left hands from right ones: every frame T becomes S·T·S, S the reflection in a plane."""

from __future__ import annotations

import dataclasses
import re
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.hand_model import ConvexMesh, HandModel, JointType
from dexgrasp_ros.core.poses import matrix_to_pose, pose_to_matrix
from dexgrasp_ros.hand.overrides import read_overrides, write_overrides
from dexgrasp_ros.hand.sources import ELEMENT, MIRROR_SUFFIX


def mirror_hand(hand: HandModel) -> HandModel:
    """Mirror image of a hand, with the same names, joint positions and limits.

    The plane goes through the root link's origin, across the axis of the root frame that is
    nearest to sideways in the palm, so that the palm and the fingers keep their directions. A
    joint that turns about a turns, mirrored, about -S·a, one that slides along a slides
    along S·a; then equal joint positions are mirror images. Mirroring twice gives the hand itself.
    """
    sideways = pose_to_matrix(hand.palm_pose)[:3, 1]
    axis = int(np.argmax(np.abs(sideways)))
    sign = np.ones(3)
    sign[axis] = -1.0
    turning = np.where(hand.joint_types == JointType.PRISMATIC, 1.0, -1.0)
    fixed = hand.joint_types == JointType.FIXED
    axes = np.where(fixed[:, None], hand.joint_axes, turning[:, None] * sign * hand.joint_axes)
    name = hand.name
    left = name.endswith(MIRROR_SUFFIX)
    return dataclasses.replace(
        hand,
        name=name.removesuffix(MIRROR_SUFFIX) if left else f'{name}{MIRROR_SUFFIX}',
        urdf=mirror_urdf(hand.urdf, axis),
        joint_origins=_mirrored(hand.joint_origins, sign),
        joint_axes=axes + 0.0,  # no negative zeros
        palm_pose=_mirrored_palm(hand.palm_pose, sign),
        geometry_poses=_mirrored(hand.geometry_poses, sign),
        planes=hand.planes * np.append(sign, 1.0) + 0.0,
        geometry_meshes=tuple(
            None
            if mesh is None
            else ConvexMesh(vertices=mesh.vertices * sign, faces=mesh.faces[:, ::-1])
            for mesh in hand.geometry_meshes
        ),
        points=hand.points * sign.astype(np.float32),
        normals=hand.normals * sign.astype(np.float32),
        cluster_centers=hand.cluster_centers * sign.astype(np.float32),
        meshes=tuple(
            dataclasses.replace(mesh, vertices=mesh.vertices * sign, faces=mesh.faces[:, ::-1])
            for mesh in hand.meshes
        ),
    )


def _mirrored(poses: NDArray[np.float64], sign: NDArray[np.float64]) -> NDArray[np.float64]:
    """S·T·S for poses [N, 7]: a rotation about u turns backwards about S·u."""
    return poses * np.concatenate([sign, -sign, [1.0]]) + 0.0


def _mirrored_palm(pose: NDArray[np.float64], sign: NDArray[np.float64]) -> NDArray[np.float64]:
    """Palm frame whose x and z are the images of the old ones; y then points to the other side.

    S·R·diag(1, -1, 1): conjugation by S, then the reflections that differ from S's own.
    """
    matrix = pose_to_matrix(pose)
    matrix[:3, :3] = sign[:, None] * matrix[:3, :3] * np.array([1.0, -1.0, 1.0])
    matrix[:3, 3] *= sign
    return matrix_to_pose(matrix)


def mirror_urdf(text: str, axis: int) -> str:
    """Mirror image of a document in the plane across an axis of every link's frame.

    Parameters
    ----------
    text
        A URDF; overrides in it are mirrored with it.
    axis
        0, 1 or 2 for x, y or z.
    """
    sign = np.ones(3)
    sign[axis] = -1.0
    robot = ElementTree.fromstring(text)
    for joint in robot.findall('joint'):
        _mirror_attribute(joint.find('origin'), sign)
        element = joint.find('axis')
        turning = 1.0 if joint.get('type') == 'prismatic' else -1.0
        if element is None and joint.get('type') != 'fixed':
            element = ElementTree.SubElement(joint, 'axis', xyz='1 0 0')  # the default
        if element is not None:
            _scale(element, 'xyz', turning * sign)
    for link in robot.findall('link'):
        for part in link:
            _mirror_attribute(part.find('origin'), sign)
            for mesh in part.iterfind('geometry/mesh'):
                mesh.set('scale', _three(mesh.get('scale', '1 1 1')))
                _scale(mesh, 'scale', sign)
            for inertia in part.iterfind('inertia'):
                for i, j in ((0, 1), (0, 2), (1, 2)):
                    _scale(inertia, f'i{"xyz"[i]}{"xyz"[j]}', sign[i] * sign[j])
    embedded = robot.find(ELEMENT)
    if embedded is not None:
        embedded.text = _mirror_overrides(embedded.text or '', sign)
    return ElementTree.tostring(robot, encoding='unicode')


def _mirror_attribute(origin: ElementTree.Element | None, sign: NDArray[np.float64]) -> None:
    """S·T·S for xyz and rpy: of the three rotations, the one about the axis itself stays."""
    if origin is not None:
        _scale(origin, 'xyz', sign)
        _scale(origin, 'rpy', -sign)


def _scale(element: ElementTree.Element, attribute: str, factors: object) -> None:
    """Multiply the numbers of an attribute; those times one keep their digits."""
    words = element.get(attribute)
    if words is None:
        return
    numbers = re.split(r'[\s,]+', words.strip())
    try:
        signs = np.broadcast_to(np.asarray(factors), len(numbers))
        element.set(attribute, ' '.join(map(_signed, numbers, signs)))
    except ValueError:  # no such numbers: of a visual that is left out for it
        return


def _signed(number: str, sign: float) -> str:
    """Change a number's sign in its digits, so that changing it twice changes nothing."""
    if sign > 0.0 or float(number) == 0.0:
        return number
    return number[1:] if number.startswith('-') else f'-{number.removeprefix("+")}'


def _three(scale: str) -> str:
    """Scale by axis, where one number stands for all, and none for 1."""
    words = scale.replace(',', ' ').split() or ['1']
    return ' '.join(words * 3 if len(words) == 1 else words)


def _mirror_overrides(text: str, sign: NDArray[np.float64]) -> str:
    said = read_overrides(text, f'the element <{ELEMENT}>')
    palm = {
        key: None if value is None else tuple(float(v) for v in np.array(value) * sign)
        for key, value in vars(said.palm).items()
    }
    return write_overrides(dataclasses.replace(said, palm=dataclasses.replace(said.palm, **palm)))
