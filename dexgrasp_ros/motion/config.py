"""Numbers of the search for a way."""

from __future__ import annotations

from dataclasses import dataclass

from dexgrasp_ros.core.config import check_ranges, setting


@dataclass(frozen=True, kw_only=True)
class WayConfig:
    """What a way must keep, and how it is looked for.

    Raises
    ------
    InputError
        OUT_OF_RANGE, from the constructor.
    """

    margin: float = setting(
        0.005,
        'm',
        'between the hand, fingers included, and all else on the way; where the way begins or ends'
        ' nearer, as near as there',
        0.0,
        0.1,
    )
    last_stretch: float = setting(
        0.1, 'm', 'length of the straight end of the way to the pre-grasp', 0.005, 0.5
    )
    step: float = setting(0.01, 'm', 'between two places that are looked at', 1e-3, 0.1)
    sampling_time: float = setting(
        0.25, 's', 'for sampling where no simple way is clear; 0: simple ways only', 0.0, 10.0
    )
    random_seed: int = setting(0, '1', 'of the sampling', 0, 2**31 - 1)

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_ranges(self)
