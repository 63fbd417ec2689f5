"""From the text of a URDF to yourdfpy's elements, with every defect named before they are used."""

from __future__ import annotations

import math
from collections import Counter
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
    'mesh': {},
}


def parse_document(text: str, source: str) -> Robot:
    """Read a URDF.

    Parameters
    ----------
    text
        The document.
    source
        What to call it in messages.

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

    root = _parse_xml(text, source)
    links = _names(root, 'link', source)
    _names(root, 'joint', source)
    for link in root.findall('link'):
        _check_link(link, source)
    for joint in root.findall('joint'):
        _check_joint(joint, links, source)
    try:
        return URDF._parse_robot(_for_yourdfpy(root))
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise HandError(f'{source}: the URDF cannot be read ({error}).') from error


def _for_yourdfpy(root: ElementTree.Element) -> object:
    """Document as lxml's elements, which yourdfpy expects; only what it reads is handed on."""
    from lxml import etree

    root.attrib.setdefault('name', 'hand')
    for child in list(root):
        if child.tag not in ('link', 'joint', 'material'):
            root.remove(child)
    return etree.fromstring(ElementTree.tostring(root))


def _parse_xml(text: str, source: str) -> ElementTree.Element:
    if '<!DOCTYPE' in text or '<!ENTITY' in text:
        # A description that comes over a topic must not expand entities or open files.
        raise HandError(f'{source}: a document type or entities have no place in a URDF.')
    try:
        root = ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError) as error:
        raise HandError(f'{source} is not XML ({error}); expected a URDF.') from error
    if root.tag != 'robot':
        raise HandError(f'{source}: the outermost element is <{root.tag}>; expected <robot>.')
    return root


def _names(root: ElementTree.Element, tag: str, source: str) -> list[str]:
    """Names of all elements of one kind, unique."""
    names = [element.get('name', '') for element in root.findall(tag)]
    if '' in names:
        raise HandError(f'{source}: {tag} number {names.index("") + 1} has no name.')
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise HandError(f'{source}: two elements <{tag}> have the name {choices(twice)}.')
    return names


def _check_link(link: ElementTree.Element, source: str) -> None:
    where = f"{source}: link '{link.get('name')}'"
    for element in [*link.findall('visual'), *link.findall('collision')]:
        _check_origin(element, where)
        geometry = element.find('geometry')
        shapes = [] if geometry is None else list(geometry)
        if len(shapes) != 1 or shapes[0].tag not in _GEOMETRIES:
            came = ', '.join(f'<{s.tag}>' for s in shapes) or 'nothing'
            raise HandError(
                f'{where}: <geometry> of a <{element.tag}> holds {came}; expected one of '
                f'{choices(_GEOMETRIES)}.'
            )
        for attribute, count in _GEOMETRIES[shapes[0].tag].items():
            values = _floats(shapes[0], attribute, count, f'{where}: <{shapes[0].tag}>')
            if min(values) <= 0.0:
                raise HandError(
                    f'{where}: <{shapes[0].tag}> has the {attribute} {values}; expected > 0.'
                )
        if shapes[0].tag == 'mesh' and not shapes[0].get('filename'):
            raise HandError(f'{where}: a <mesh> has no filename.')


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
