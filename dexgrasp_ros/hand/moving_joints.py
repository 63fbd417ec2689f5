"""Names of all joints that move, those that follow another one as well."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np

from dexgrasp_ros.core.hand_model import HandModel


def moving_joint_names(hand: HandModel) -> list[str]:
    """Names in the hand's URDF of the joints of all links that move, in the order of the links."""
    joints = ElementTree.fromstring(hand.urdf).findall('joint')
    by_child = {j.find('child').get('link'): j.get('name') for j in joints}
    return [by_child[hand.link_names[k]] for k in np.flatnonzero(hand.coordinates >= 0)]
