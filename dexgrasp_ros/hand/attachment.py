"""A hand and an arm from two files as one description, with what the overrides say of the hand."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from numpy.typing import ArrayLike
from scipy.spatial.transform import Rotation

from dexgrasp_ros.core.errors import ErrorCode, HandError, choices
from dexgrasp_ros.hand.document import parse_document
from dexgrasp_ros.hand.meshes import MeshFinder
from dexgrasp_ros.hand.overrides import HandOverrides, write_overrides
from dexgrasp_ros.hand.sources import ELEMENT, find_overrides, find_source, self_contained

_NAMED = ('link', 'joint', 'material')


def attach(
    arm: str | Path,
    hand: str | Path,
    *,
    flange: str,
    origin: ArrayLike = (0, 0, 0, 0, 0, 0, 1),
    prefix: str = '',
) -> str:
    """Join a hand to an arm by a fixed joint.

    Parameters
    ----------
    arm, hand
        Each a URDF or xacro file, or a name that `load_hand` takes (for the arm a file as a rule).
    flange
        Link of the arm that carries the hand.
    origin
        Pose [7] of the hand's root link in the flange, xyz qxyzw.
    prefix
        Put before each name of the hand, where names of both are equal.

    Returns
    -------
    str
        A URDF, named after both. Mesh files are absolute; an element in it holds what the hand's
        overrides say and where the hand begins, so `load_hand_text` and the nodes need no
        `root` for it.

    Raises
    ------
    HandError
        UNKNOWN_LINK for the flange, INVALID_INPUT for equal names and for mirrored hands, and
        what reading the two raises.
    """
    arm_root, _ = _read(arm, 'arm')
    hand_root, said = _read(hand, 'hand')
    names = {tag: {e.get('name') for e in arm_root.findall(tag)} for tag in _NAMED}
    if flange not in names['link']:
        raise HandError(
            f"The arm '{arm}' has no link '{flange}'; links are {choices(names['link'])}.",
            ErrorCode.UNKNOWN_LINK,
        )
    if prefix:
        said = _renamed(said, prefix)
        _rename(hand_root, prefix)
    for tag in ('link', 'joint'):
        twice = names[tag] & {e.get('name') for e in hand_root.findall(tag)}
        if twice:
            raise HandError(
                f'The arm and the hand both have a <{tag}> {choices(twice)}; expected names of'
                ' their own (give the hand a prefix).',
                ErrorCode.INVALID_INPUT,
            )
    children = {joint.find('child').get('link') for joint in hand_root.findall('joint')}
    first = said.root or next(
        e.get('name') for e in hand_root.findall('link') if e.get('name') not in children
    )
    arm_root.set('name', f'{arm_root.get("name", "arm")}_with_{hand_root.get("name", "hand")}')
    arm_root.append(_mount(flange, first, origin))
    for element in hand_root:
        # A material of both is the arm's, as xacro would have it.
        if element.tag != 'material' or element.get('name') not in names['material']:
            arm_root.append(element)
    note = ElementTree.SubElement(arm_root, ELEMENT)
    note.text = '\n' + write_overrides(dataclasses.replace(said, root=first))
    ElementTree.indent(arm_root)
    return ElementTree.tostring(arm_root, encoding='unicode') + '\n'


def _read(source: str | Path, what: str) -> tuple[ElementTree.Element, HandOverrides]:
    """Read a document, without the element of its overrides, and what those say."""
    found = find_source(source)
    if found.mirrored:
        raise HandError(
            f"There is no URDF of the mirrored hand '{source}'; expected the {what}'s own.",
            ErrorCode.INVALID_INPUT,
        )
    parse_document(found.text, f"the {what} '{source}'")  # for what it refuses
    said, _ = find_overrides(found.text, stem=found.name, folder=found.folder)
    text = self_contained(found.text, HandOverrides(), MeshFinder(found.folder, []))
    return ElementTree.fromstring(text), said


def _mount(flange: str, child: str, origin: ArrayLike) -> ElementTree.Element:
    """Make the fixed joint between flange and hand."""
    x, y, z, *turn = (float(v) for v in origin)
    joint = ElementTree.Element('joint', name=f'{flange}_to_{child}', type='fixed')
    ElementTree.SubElement(joint, 'parent', link=flange)
    ElementTree.SubElement(joint, 'child', link=child)
    angles = Rotation.from_quat(turn).as_euler('xyz')
    ElementTree.SubElement(
        joint, 'origin', xyz=f'{x!r} {y!r} {z!r}', rpy=' '.join(repr(float(a)) for a in angles)
    )
    return joint


def _rename(root: ElementTree.Element, prefix: str) -> None:
    """Put the prefix before every name of a link, joint or material, and where one is meant."""
    for element in root.iter():
        attributes = {
            'name': _NAMED,
            'link': ('parent', 'child'),
            'joint': ('mimic',),
            'reference': ('gazebo',),
        }
        for attribute, tags in attributes.items():
            if element.tag in tags and element.get(attribute):
                element.set(attribute, prefix + element.get(attribute))


def _renamed(said: HandOverrides, prefix: str) -> HandOverrides:
    """Return the overrides for the names with the prefix."""
    changes: dict[str, Any] = {
        name: _keys(getattr(said, name), lambda key: prefix + key)
        for name in (
            *('closing', 'preshape', 'contact_weights', 'locked_joints', 'joint_stiffness'),
            'couplings',
        )
    }
    changes['couplings'] = {
        name: dataclasses.replace(coupling, follows=prefix + coupling.follows)
        for name, coupling in changes['couplings'].items()
    }
    pairs = tuple((prefix + a, prefix + b) for a, b in said.ignored_collisions)
    root = None if said.root is None else prefix + said.root
    return dataclasses.replace(said, **changes, ignored_collisions=pairs, root=root)


def _keys(mapping: Mapping[str, Any], change: Callable[[str], str]) -> dict[str, Any]:
    return {change(key): value for key, value in mapping.items()}
