"""Settings of the search: one dataclass feeds the API, the command line, ROS parameters and docs."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from dexgrasp_ros.core.errors import ErrorCode, InputError


def setting(default: Any, unit: str, text: str, low: float | None = None, high: float | None = None) -> Any:
    """Return a dataclass field with its unit, range and description as metadata."""
    return dataclasses.field(
        default=default, metadata={'unit': unit, 'text': text, 'low': low, 'high': high}
    )


def check_ranges(config: Any) -> None:
    """Refuse a value outside the range its field states.

    Raises
    ------
    InputError
        OUT_OF_RANGE, naming the field, the value and the range.
    """
    for f in dataclasses.fields(config):
        value = getattr(config, f.name)
        low, high = f.metadata.get('low'), f.metadata.get('high')
        if not isinstance(value, int | float):
            continue
        if (low is not None and not value >= low) or (high is not None and not value <= high):
            raise InputError(
                f"'{f.name}' is {value}; expected {low} to {'any' if high is None else high}"
                f' [{f.metadata["unit"]}].',
                ErrorCode.OUT_OF_RANGE,
            )


@dataclass(frozen=True, kw_only=True)
class SynthesisConfig:
    """Every number of the search (docs/method.md says where each acts)."""

    max_grasps: int = setting(16, '1', 'grasps returned at most', 1, 100000)
    seed_count: int = setting(128, '1', 'candidates that are optimized', 1, 1000000)
    random_seed: int = setting(0, '1', 'start of every random number', 0, 2**31 - 1)
    device: str = setting('auto', '-', "'cpu', 'cuda', 'cuda:0' …, or 'auto'")
    time_limit: float = setting(0.0, 's', 'search ends after this; 0 is no limit', 0.0, 86400.0)


