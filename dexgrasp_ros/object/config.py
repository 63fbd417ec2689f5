"""Settings of the object model."""

from __future__ import annotations

from dataclasses import dataclass

from dexgrasp_ros.core.config import check_ranges, setting


@dataclass(frozen=True, kw_only=True)
class ObjectConfig:
    """Numbers that decide how a mesh becomes an `ObjectModel`.

    Raises
    ------
    InputError
        OUT_OF_RANGE, from the constructor.
    """

    # 16 bytes a node: 32 MB, so that a grid fits into the L2 of a large GPU (50 MB).
    usual_nodes: int = setting(
        2_000_000, '1', 'nodes of the distance grid, unless walls are too thin for it', 1000, 2e8
    )
    max_nodes: int = setting(4_000_000, '1', 'nodes of the distance grid at most', 1000, 2e8)
    intervals: int = setting(128, '1', 'grid intervals along the longest side', 8, 1024)
    finest_spacing: float = setting(
        0.001,
        'm',
        'no finer than this, unless the object is smaller than 72 of it or has thin walls',
        1e-5,
        0.1,
    )
    margin: float = setting(0.03, 'm', 'free space around the object in the grid', 0.001, 1.0)
    margin_of_walls: float = setting(
        0.015, 'm', 'the same at most, where walls need the nodes', 0.001, 1.0
    )
    surface_point_count: int = setting(
        0, '1', 'points on the object; 0: as many as their spacing needs', 0, 100_000
    )
    # A wall thinner than twice the permitted depth hides a link that is in it from the grid; only
    # points of the wall tell. At 6 mm links were 3 mm deep in a bowl, at 3 mm 1.5 mm.
    surface_point_spacing: float = setting(
        0.003, 'm', 'between points on the object, where 1,536 to 8,192 of them do', 1e-4, 0.1
    )
    # Half of water: between foam and empty vessels (50 … 300) and full ones (1000).
    density: float = setting(500.0, 'kg/m^3', 'used where no mass is given', 1e-3, 1e5)
    random_seed: int = setting(0, '1', 'start of the surface sampling', 0, 2**31 - 1)

    # Reach of a hand: from the root frame of a large one to the fingertips is 0.2 … 0.25 m.
    environment_margin: float = setting(0.30, 'm', 'reach of plane and obstacles', 0.0, 2.0)
    environment_spacing: float = setting(0.008, 'm', 'grid of the obstacles', 0.001, 0.1)
    environment_max_nodes: int = setting(1_000_000, '1', 'nodes of that grid', 1000, 2e8)
    # Points of perception stand 4 mm apart; the rest is for the noise of depth cameras, whose
    # surfaces are 2 mm off. With 4 mm, hands in noisy clutter were up to 0.3 mm in a neighbour.
    obstacle_radius: float = setting(0.006, 'm', 'each obstacle point is such a ball', 0.0, 0.1)
    obstacle_clearance: float = setting(
        0.010, 'm', 'obstacle points nearer to the object are taken for its own', 0.0, 0.1
    )

    def __post_init__(self) -> None:
        """Refuse values out of range."""
        check_ranges(self)
