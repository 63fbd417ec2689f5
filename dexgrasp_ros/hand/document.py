"""From a plain URDF to yourdfpy's elements, with every defect named before they are used."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from dexgrasp_ros.core.errors import ErrorCode, HandError, choices

if TYPE_CHECKING:
    from yourdfpy.urdf import Robot

MOVING_TYPES = ('continuous', 'prismatic', 'revolute')
_UNSUPPORTED_TYPES = ('floating', 'planar')
_GEOMETRIES = {
    'box': {'size': 3},
    'sphere': {'radius': 1},
    'cylinder': {'radius': 1, 'length': 1},
    'capsule': {'radius': 1, 'length': 1},
    'mesh': {},
}


@dataclass(frozen=True, kw_only=True)
class Capsule:
    """Takes the place of yourdfpy's cylinder, which has the same fields.

    As in URDF 1.1 (urdfdom 5.1), Bullet and Drake the axis is z, and half balls stand beyond the
    length: the capsule is ``length + 2 * radius`` long.
    """

    radius: float  # m
    length: float  # m, of the cylinder alone


def parse_document(text: str, source: str, undrawn: list[tuple[str, str]] | None = None) -> Robot:
    """Read a URDF.

    Parameters
    ----------
    text
        The document, as `plain_document` returns it.
    source
        What to call it in messages.
    undrawn
        Gets the link and the reason of each visual that cannot be drawn and is left out, which is
        so where the link has collision geometry to go by.

    Returns
    -------
    yourdfpy.urdf.Robot
        Links and joints; every name that a joint uses exists, every number is finite.

    Raises
    ------
    HandError
        INVALID_URDF when it is not XML or an element is broken, UNSUPPORTED_HAND for joint types
        without a single coordinate.
    """
    from yourdfpy import URDF

    root = ElementTree.fromstring(text)
    links = _names(root, 'link', source)
    _names(root, 'joint', source)
    for link in root.findall('link'):
        lost = _check_link(link, source)
        if undrawn is not None:
            undrawn += [(link.get('name'), reason) for reason in lost]
    for joint in root.findall('joint'):
        _check_joint(joint, links, source)
    capsules = list(root.iterfind('link/*/geometry/capsule'))
    for element in capsules:
        element.tag = 'cylinder'
    try:
        robot = URDF._parse_robot(_for_yourdfpy(root))
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise HandError(f'{source}: the URDF cannot be read ({error}).') from error
    _put_capsules(robot, root, set(capsules))
    return robot


def _for_yourdfpy(root: ElementTree.Element) -> object:
    """Document as lxml's elements, which yourdfpy expects; only what it reads is handed on."""
    from lxml import etree

    root.attrib.setdefault('name', 'hand')
    for child in list(root):
        if child.tag not in ('link', 'joint', 'material'):
            root.remove(child)
    return etree.fromstring(ElementTree.tostring(root))


def _put_capsules(
    robot: Robot, root: ElementTree.Element, capsules: set[ElementTree.Element]
) -> None:
    """Put capsules in place of the cylinders as which yourdfpy, which has none, has read them."""
    for link, element in zip(robot.links, root.findall('link'), strict=True):
        for tag, parts in (('visual', link.visuals), ('collision', link.collisions)):
            for part, read in zip(parts, element.findall(tag), strict=True):
                shape = part.geometry.cylinder
                if shape is not None and read.find('geometry')[0] in capsules:
                    part.geometry.cylinder = Capsule(radius=shape.radius, length=shape.length)


def _names(root: ElementTree.Element, tag: str, source: str) -> list[str]:
    """Names of all elements of one kind, unique."""
    names = [element.get('name', '') for element in root.findall(tag)]
    if '' in names:
        raise HandError(f'{source}: {tag} number {names.index("") + 1} has no name.')
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise HandError(f'{source}: two elements <{tag}> have the name {choices(twice)}.')
    return names


def _check_link(link: ElementTree.Element, source: str) -> list[str]:
    """Refuse a link's defects; take out what needs not be drawn, and return why."""
    where = f"{source}: link '{link.get('name')}'"
    collisions, lost = link.findall('collision'), []
    for element in collisions:
        _check_shape(element, where)
    for element in link.findall('visual'):
        try:
            _check_shape(element, where)
        except HandError as error:
            if not collisions:
                raise
            lost.append(f'a visual is not drawn: {str(error).removeprefix(f"{source}: ")}')
            link.remove(element)
    return lost


def _check_shape(element: ElementTree.Element, where: str) -> None:
    """Check a visual or a collision element."""
    _check_origin(element, where)
    geometry = element.find('geometry')
    shapes = [] if geometry is None else list(geometry)
    if len(shapes) != 1 or shapes[0].tag not in _GEOMETRIES:
        came = ', '.join(f'<{s.tag}>' for s in shapes) or 'nothing'
        raise HandError(
            f'{where}: <geometry> of a <{element.tag}> holds {came}; expected one of '
            f'{choices(_GEOMETRIES)}.'
        )
    shape = shapes[0]
    for attribute, count in _GEOMETRIES[shape.tag].items():
        values = _floats(shape, attribute, count, f'{where}: <{shape.tag}>')
        if min(values) <= 0.0:
            raise HandError(f'{where}: <{shape.tag}> has the {attribute} {values}; expected > 0.')
    if shape.tag == 'mesh':
        _check_mesh(shape, where)
    for color in element.iterfind('material/color'):
        words = color.get('rgba', '').split()
        if words:
            _floats(color, 'rgba', len(words), f'{where}: <color>')


def _check_mesh(mesh: ElementTree.Element, where: str) -> None:
    if not mesh.get('filename', '').strip():
        raise HandError(f'{where}: a <mesh> has no filename.')
    words = mesh.get('scale', '').replace(',', ' ').split()
    if words:
        # A single number stands for all axes; a negative one mirrors.
        factors = _floats(mesh, 'scale', 1 if len(words) == 1 else 3, f'{where}: <mesh>')
        if 0.0 in factors:
            raise HandError(
                f"{where}: <mesh> has scale='{mesh.get('scale')}', which leaves nothing of "
                f"'{mesh.get('filename')}'; expected numbers other than 0."
            )


def _check_joint(joint: ElementTree.Element, links: list[str], source: str) -> None:
    where = f"{source}: joint '{joint.get('name')}'"
    kind = joint.get('type')
    if kind in _UNSUPPORTED_TYPES:
        raise HandError(
            f"{where} has the type '{kind}'; a hand's joints are {choices(_all_types())}.",
            ErrorCode.UNSUPPORTED_HAND,
        )
    if kind not in _all_types():
        raise HandError(
            f"{where} has the unknown type '{kind}'; known are {choices(_all_types())}."
        )
    for role in ('parent', 'child'):
        element = joint.find(role)
        name = None if element is None else element.get('link')
        if name not in links:
            raise HandError(
                f"{where}: its {role} link is '{name}'; links are {choices(links)}.",
            )
    _check_origin(joint, where)
    axis = joint.find('axis')
    if axis is not None and axis.get('xyz') is not None:
        if math.hypot(*_floats(axis, 'xyz', 3, f'{where}: <axis>')) < 1e-9 and kind != 'fixed':
            raise HandError(f'{where}: its <axis> has no length.')
    if kind != 'fixed':
        _check_limit(joint.find('limit'), where)
    mimic = joint.find('mimic')
    if mimic is not None:
        for attribute in ('multiplier', 'offset'):
            if mimic.get(attribute) is not None:
                _floats(mimic, attribute, 1, f'{where}: <mimic>')


def _check_limit(limit: ElementTree.Element | None, where: str) -> None:
    if limit is None:
        return
    for attribute in ('lower', 'upper', 'effort', 'velocity'):
        if limit.get(attribute) is not None:
            # Some authors write inf for "no limit"; NaN is never meant.
            _floats(limit, attribute, 1, f'{where}: <limit>', infinite=True)
    lower, upper = (float(limit.get(side, '0')) for side in ('lower', 'upper'))
    if lower > upper:
        raise HandError(
            f'{where}: its lower limit {lower:g} is above its upper limit {upper:g}; '
            'are they swapped?'
        )


def _check_origin(element: ElementTree.Element, where: str) -> None:
    origin = element.find('origin')
    if origin is not None:
        for attribute in ('xyz', 'rpy'):
            if origin.get(attribute) is not None:
                _floats(origin, attribute, 3, f'{where}: <origin>')


def _floats(
    element: ElementTree.Element,
    attribute: str,
    count: int,
    where: str,
    *,
    infinite: bool = False,
) -> list[float]:
    text = element.get(attribute)
    try:
        values = [float(word) for word in (text or '').replace(',', ' ').split()]
    except ValueError:
        values = []
    good = [not math.isnan(v) if infinite else math.isfinite(v) for v in values]
    if len(values) != count or not all(good):
        expected = 'a number' if count == 1 else f'{count} numbers'
        raise HandError(f"{where} has {attribute}='{text}'; expected {expected}.")
    return values


def _all_types() -> tuple[str, ...]:
    return (*MOVING_TYPES, 'fixed')
