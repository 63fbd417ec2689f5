"""One property for all doors, for short runs and long ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from changes import changes
from doors import Door, place
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from outcome import check


def attempts(door: Door, folder: Path, **options: Any) -> Callable[[], None]:
    """Return the property that files of a door, one of them spoilt, are read as promised.

    `options` are settings of hypothesis.
    """

    @settings(deadline=None, suppress_health_check=list(HealthCheck), **options)
    @given(st.sampled_from(sorted(door.sound)), changes(*door.kinds))
    def attempt(name, several):
        content = door.sound[name]
        for change in several:
            content = change(content)
        place({**door.sound, name: content}, folder)
        check(door, folder)

    return attempt
