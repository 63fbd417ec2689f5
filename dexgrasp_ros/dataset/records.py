"""What readers rely on in the JSON files of a dataset, which may come from anywhere.

Files hold more than this; what is told here is checked wherever they are read.
"""

from __future__ import annotations

from typing import Annotated, Any, NotRequired, TypedDict

from msgspec import Meta

from dexgrasp_ros.core.names import LONGEST_NAME

KEY_PATTERN = r'^[A-Za-z0-9][A-Za-z0-9._-]*-[0-9a-f]{8}$'

Word = Annotated[str, Meta(min_length=1, max_length=200)]
# As `layout.object_key` makes them: they stand in paths.
ObjectKey = Annotated[str, Meta(pattern=KEY_PATTERN, max_length=LONGEST_NAME)]
Digest = Annotated[str, Meta(pattern='^[0-9a-f]{64}$')]  # SHA-256
Count = Annotated[int, Meta(ge=0, le=10**12)]
Seconds = Annotated[float, Meta(ge=0.0, le=1e12)]
# Of poses and planes [m]; objects are 2 m long at most, and lie on a table.
Coordinate = Annotated[float, Meta(ge=-1e3, le=1e3)]


class HandRecord(TypedDict):
    """One hand."""

    name: Word
    urdf: Digest


class ObjectRecord(TypedDict):
    """One object."""

    key: ObjectKey
    mesh: Digest
    license: NotRequired[str]


class Manifest(TypedDict):
    """`dataset.json`."""

    schema_version: Word
    hash: NotRequired[str]
    grasps_per_object: NotRequired[Count]
    configuration: NotRequired[dict[str, Any]]
    versions: NotRequired[dict[str, str]]
    hands: NotRequired[list[HandRecord]]
    objects: NotRequired[list[ObjectRecord]]


class Scene(TypedDict):
    """How an object rests on a table."""

    pose: Annotated[list[Coordinate], Meta(min_length=7, max_length=7)]
    support_plane: Annotated[list[Coordinate], Meta(min_length=4, max_length=4)]


class Scenes(TypedDict):
    """All resting poses of one mesh."""

    scenes: list[Scene]


class ClutteredObject(TypedDict):
    """One object on a cluttered table."""

    object: ObjectKey
    mesh: Digest
    label: Annotated[int, Meta(ge=0, le=255)]
    pose: Annotated[list[Coordinate], Meta(min_length=7, max_length=7)]


class Clutter(TypedDict):
    """A cluttered table; keys of rows that are free, by hand and then by object in their order."""

    objects: list[ClutteredObject]
    grasps: dict[str, list[list[str]]]


class Timing(TypedDict):
    """Seconds that a unit of work took, by stage."""

    unit: str
    seconds: dict[str, Seconds]
    grasps: NotRequired[Count]
    frames: NotRequired[Count]


class UnitFailure(TypedDict):
    """Why a unit of work could not be done."""

    unit: str
    code: str
    message: str
