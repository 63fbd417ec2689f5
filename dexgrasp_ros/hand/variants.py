"""Hands of the package with other collision shapes, made on request.

``urdf/variants/NAME.yaml`` says of which ``hand`` it is, and gives ``shapes``: a ``box`` (edges)
or a ``capsule`` (radius, and length without its caps) in each of some ``links``, with its centre
at ``xyz``. They replace all collision elements of the hand.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from dexgrasp_ros.core.doors import read_text
from dexgrasp_ros.core.resources import find_resource, share_folders
from dexgrasp_ros.core.yaml_files import read_yaml
from dexgrasp_ros.hand.plain_text import DESCRIPTION_LIMIT

_FOLDER = Path('urdf') / 'variants'


def variant_names() -> list[str]:
    """Names of these hands."""
    files = (file for folder in share_folders() for file in (folder / _FOLDER).glob('*.yaml'))
    return sorted({file.stem for file in files})


def variant_document(name: str) -> str | None:
    """Return the description of such a hand; None where there is none of that name."""
    if name not in variant_names():
        return None
    variant = read_yaml(find_resource(_FOLDER / f'{name}.yaml'), 'variant')
    hand = find_resource(Path('urdf') / f'{variant["hand"]}.urdf')
    robot = ElementTree.fromstring(read_text(hand, 'URDF', DESCRIPTION_LIMIT))
    links = {link.get('name'): link for link in robot.findall('link')}
    for link in links.values():
        for old in link.findall('collision'):
            link.remove(old)
    for shape in variant['shapes']:
        for link in shape['links']:
            links[link].append(_collision(shape))
    return ElementTree.tostring(robot, 'unicode')


def _collision(shape: Mapping[str, Any]) -> ElementTree.Element:
    collision = ElementTree.Element('collision')
    ElementTree.SubElement(collision, 'origin', xyz=_words(shape['xyz']))
    geometry = ElementTree.SubElement(collision, 'geometry')
    if 'box' in shape:
        ElementTree.SubElement(geometry, 'box', size=_words(shape['box']))
    else:
        radius, length = map(str, shape['capsule'])
        ElementTree.SubElement(geometry, 'capsule', radius=radius, length=length)
    return collision


def _words(values: list[float]) -> str:
    return ' '.join(map(str, values))
