"""Parameters of `viewer_node`."""

from __future__ import annotations

from dataclasses import dataclass

from dexgrasp_ros.core.config import check_ranges, setting
from dexgrasp_ros.nodes.shared.parameter_texts import AUTOSTART, OWN_HAND


@dataclass(frozen=True, kw_only=True)
class ViewerParameters:
    """Parameters of `viewer_node`."""

    autostart: bool = setting(True, '-', AUTOSTART, read_on='start')
    hand: str = setting('allegro', '-', OWN_HAND, read_on='configuration')
    host: str = setting(
        '127.0.0.1',
        '-',
        'address the page is served at; 0.0.0.0 lets other machines see it and press its buttons',
        read_on='configuration',
    )
    port: int = setting(
        8080, '1', 'port of the page; 0: any that is free', 0, 65535, read_on='configuration'
    )
    fixed_frame: str = setting('', '-', "frame all is shown in; empty: the objects' own")
    tf_timeout: float = setting(1.0, 's', 'wait for a transform', 0.0, 60.0)
    max_grasps: int = setting(
        0, '1', "grasps of each object that are asked for; 0: the grasp node's own", 0, 1000
    )
    speed_scale: float = setting(
        0.5, '1', 'share of the velocity limits that an execution may use', 0.01, 1.0
    )
    fingers_only: bool = setting(False, '-', 'execute without an arm: no wrist moves, no lift')
    stop_before_lift: bool = setting(False, '-', 'execute up to the squeeze')

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_ranges(self)
