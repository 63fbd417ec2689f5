"""Parameters of `planning_scene_node`."""

from __future__ import annotations

from dataclasses import dataclass

from dexgrasp_ros.core.config import check_ranges, setting
from dexgrasp_ros.nodes.shared.parameter_texts import AUTOSTART


@dataclass(frozen=True, kw_only=True)
class PlanningSceneParameters:
    """Parameters of `planning_scene_node`."""

    autostart: bool = setting(True, '-', AUTOSTART, read_on='start')
    id_prefix: str = setting(
        '',
        '-',
        'of all ids, where several graphs share one planning scene',
        read_on='configuration',
    )
    table_margin: float = setting(
        0.2, 'm', 'how far the table reaches beyond the objects', 0.0, 10.0
    )
    obstacle_cell: float = setting(
        0.02, 'm', 'edge of the boxes that stand for what is no object', 0.005, 1.0
    )

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_ranges(self)
