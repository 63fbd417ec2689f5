"""Settings of the networks and of their training."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from dexgrasp_ros.core.config import check_ranges, setting
from dexgrasp_ros.core.errors import ErrorCode, InputError


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """Settings of a training; the checkpoint records them.

    Raises
    ------
    InputError
        OUT_OF_RANGE, from the constructor.
    """

    steps: int = setting(4000, '1', 'steps of the optimizer', 1, 10_000_000)
    random_seed: int = setting(0, '1', 'start of every random number', 0, 2**31 - 1)
    view_batch: int = setting(12, '1', 'views in a step', 1, 100_000)
    grasp_batch: int = setting(8, '1', 'grasps of each of them', 1, 10_000)
    views_per_object: int = setting(
        16, '1', 'views of an object that are drawn, once each', 1, 100_000
    )
    learning_rate: float = setting(1e-3, '1', 'of AdamW, at most', 1e-8, 1.0)
    weight_decay: float = setting(0.01, '1', 'of AdamW', 0.0, 1.0)
    warm_up: int = setting(100, '1', 'steps until the learning rate is reached', 1, 1_000_000)
    averaging: float = setting(
        0.995, '1', 'share of the averaged weights that a step keeps', 0.0, 0.99999
    )
    validate_every: int = setting(200, '1', 'steps between looks at validation', 1, 1_000_000)

    # The networks
    width: int = setting(128, '1', 'numbers of a token', 8, 4096)
    heads: int = setting(4, '1', 'of the attention', 1, 64)
    layers: int = setting(3, '1', 'of encoder and flow; the evaluator has one fewer', 1, 64)

    def __post_init__(self) -> None:
        """Check the ranges, and that heads share the width."""
        check_ranges(self)
        if self.width % self.heads:
            raise InputError(
                f"'width' is {self.width} and 'heads' is {self.heads}; expected a multiple of the"
                ' heads.',
                ErrorCode.OUT_OF_RANGE,
            )

    def as_dict(self) -> dict[str, float | int]:
        """Return the settings for JSON."""
        return dataclasses.asdict(self)
