"""Hands: from a URDF to the `HandModel` that synthesis and pictures use, and its kinematics.

Nothing here knows a particular hand; what a URDF does not say is derived from its geometry
and kinematics.
"""

from dexgrasp_ros.hand.geometry import primitive_distance
from dexgrasp_ros.hand.kinematics import jacobian, link_poses
from dexgrasp_ros.hand.loading import known_hands, load_hand, load_hand_text

__all__ = [
    'jacobian',
    'known_hands',
    'link_poses',
    'load_hand',
    'load_hand_text',
    'primitive_distance',
]
