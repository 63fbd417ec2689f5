"""Types of messages by their names."""

from __future__ import annotations

import importlib
import re

from dexgrasp_ros.core.errors import ErrorCode, InputError

_PART = re.compile(r'[a-z][a-z0-9_]*/[A-Z]\w*')


def message_class(kind: str) -> type:
    """Class of a message type, by its name 'sensor_msgs/msg/Image' or 'sensor_msgs/Image'.

    Raises
    ------
    InputError
        FILE_NOT_FOUND where its package is not installed.
    """
    package, *_, name = kind.split('/')
    try:
        return getattr(importlib.import_module(f'{package}.msg'), name)
    except (ImportError, AttributeError) as error:
        raise InputError(
            f"The message type '{kind}' is not installed: {error}", ErrorCode.FILE_NOT_FOUND
        ) from error


def part_types(field_type: str) -> list[str]:
    """Message types in that of a field: of ``sequence<geometry_msgs/Pose>`` the one, or none."""
    return _PART.findall(field_type)
