"""Settings of the fusion of several views, beside those of the reconstruction."""

from __future__ import annotations

from dataclasses import dataclass

from dexgrasp_ros.core.config import check_ranges, setting


@dataclass(frozen=True, kw_only=True)
class FusionConfig:
    """Every number of the way from several views of a scene to one mesh for each object.

    Raises
    ------
    InputError
        OUT_OF_RANGE, from the constructor.
    """

    max_views: int = setting(24, '1', 'views kept for free space; more replace near ones', 2, 1000)
    truncation: float = setting(
        4.0, 'voxels', 'distances to a seen surface are averaged up to here', 2.0, 20.0
    )
    free_margin: float = setting(
        0.006, 'm', 'what a view saw through by more than this is empty', 0.0, 0.1
    )
    max_blocks: int = setting(
        8192, '1', 'blocks of 8³ voxels for each object; 4 KiB each', 64, 1000000
    )
    max_interval: float = setting(
        0.0, 's', 'views farther apart in time are refused; 0 is no limit', 0.0, 1e6
    )
    min_share: float = setting(
        0.3, '1', 'share of points on a fused object from which a label is that object', 0.0, 1.0
    )
    match_distance: float = setting(
        0.006, 'm', 'points this near a fused object lie on it', 0.0005, 0.1
    )
    match_gap: float = setting(
        0.1, 'm', 'the same label farther away is another object', 0.0, 10.0
    )

    def __post_init__(self) -> None:
        """Check every range."""
        check_ranges(self)
