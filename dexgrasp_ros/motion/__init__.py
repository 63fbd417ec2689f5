"""Ways of hand and wrist that touch nothing: to a pre-grasp, and out with the object."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dexgrasp_ros.core.lazy import lazy_names

if TYPE_CHECKING:
    from dexgrasp_ros.motion.clearance import HandCloud, point_cloud_field
    from dexgrasp_ros.motion.config import WayConfig
    from dexgrasp_ros.motion.retreats import retreat_directions
    from dexgrasp_ros.motion.self_filter import without_hand
    from dexgrasp_ros.motion.way import Approach, find_way
    from dexgrasp_ros.motion.way_test import WayTest

__all__ = [
    'Approach',
    'HandCloud',
    'WayConfig',
    'WayTest',
    'find_way',
    'point_cloud_field',
    'retreat_directions',
    'without_hand',
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        'clearance': ('HandCloud', 'point_cloud_field'),
        'config': ('WayConfig',),
        'retreats': ('retreat_directions',),
        'self_filter': ('without_hand',),
        'way': ('Approach', 'find_way'),
        'way_test': ('WayTest',),
    },
)
