"""What was made of a hand's description, by the names that its overrides use."""

from __future__ import annotations

from collections import Counter
from dataclasses import fields
from typing import Any
from xml.etree import ElementTree

import numpy as np

from dexgrasp_ros.core.hand_model import GeometryType, HandModel
from dexgrasp_ros.hand.overrides import HandOverrides
from dexgrasp_ros.hand.sources import find_overrides


def stated_overrides(hand: HandModel) -> HandOverrides:
    """Read the overrides that a hand was loaded with, wherever they came from."""
    return find_overrides(hand.urdf)[0]


def stated_keys(hand: HandModel) -> list[str]:
    """Keys of `stated_overrides` that say something."""
    said, nothing = stated_overrides(hand), HandOverrides()
    names = [f.name for f in fields(said)]
    return [name for name in names if getattr(said, name) != getattr(nothing, name)]


def joint_names_of_links(hand: HandModel) -> list[str]:
    """Name of the joint that carries each link, [L]; the root's is empty."""
    joints = ElementTree.fromstring(hand.urdf).findall('joint')
    by_child = {j.find('child').get('link'): j.get('name') for j in joints}
    return ['', *(by_child[name] for name in hand.link_names[1:])]


def couplings(hand: HandModel) -> dict[str, dict[str, Any]]:
    """Joints that follow a commanded one, as the key `couplings` of the overrides has them."""
    names, found = joint_names_of_links(hand), {}
    for link in np.flatnonzero(hand.coordinates >= 0):
        driver = hand.joint_names[hand.coordinates[link]]
        if names[link] != driver:
            scale, offset = float(hand.multipliers[link]), float(hand.offsets[link])
            found[names[link]] = {
                'follows': driver,
                **({'multiplier': scale} if scale != 1.0 else {}),
                **({'offset': offset} if offset else {}),
            }
    return found


def convex_pieces(hand: HandModel) -> dict[str, int]:
    """Convex geometries of each link that has some: its meshes, cut up."""
    links = hand.geometry_links[hand.geometry_types == GeometryType.CONVEX]
    return dict(Counter(hand.link_names[link] for link in links))


def jaw_pieces(hand: HandModel) -> dict[str, int]:
    """Geometries of a gripper that were cut into pieces, which share a name, and how many."""
    return {name: count for name, count in Counter(hand.group_names).items() if count > 1}
