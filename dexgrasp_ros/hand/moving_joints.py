"""Joints by their names in the URDF: all that move, followers too, and those that are locked."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np

from dexgrasp_ros.core.hand_model import HandModel, JointType


def moving_joint_names(hand: HandModel) -> list[str]:
    """Names in the hand's URDF of the joints of all links that move, in the order of the links."""
    names = _joint_names(hand)
    return [names[hand.link_names[k]] for k in np.flatnonzero(hand.coordinates >= 0)]


def locked_joints(hand: HandModel) -> dict[str, float]:
    """Where joints stand that could move and do not [rad or m], by name, those that follow too."""
    names = _joint_names(hand)
    still = (hand.coordinates < 0) & (hand.joint_types != JointType.FIXED)
    return {names[hand.link_names[k]]: float(hand.offsets[k]) for k in np.flatnonzero(still)}


def links_by_joint(hand: HandModel) -> dict[str, int]:
    """Index of the link that each joint of the hand carries, by the joint's name in its URDF."""
    names = _joint_names(hand)
    return {names[link]: k for k, link in enumerate(hand.link_names) if k}


def _joint_names(hand: HandModel) -> dict[str, str]:
    """Names of joints by the links that they carry."""
    joints = ElementTree.fromstring(hand.urdf).findall('joint')
    return {j.find('child').get('link'): j.get('name') for j in joints}
