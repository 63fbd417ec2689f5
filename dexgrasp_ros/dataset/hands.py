"""The hands of a dataset: stored with their meshes, loaded from there by workers and readers."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dexgrasp_ros.core.doors import naming, read_text
from dexgrasp_ros.core.errors import ErrorCode, InputError
from dexgrasp_ros.core.files import write_bytes
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.core.json_files import read_json, write_json
from dexgrasp_ros.dataset.layout import DatasetLayout
from dexgrasp_ros.hand import MeshError, MeshFinder, load_hand_text, locked_joints, rename_meshes
from dexgrasp_ros.hand.plain_text import DESCRIPTION_LIMIT


@dataclass(frozen=True, kw_only=True)
class StoredHand:
    """A hand whose description, with all that it names, is in a dataset's folder."""

    name: str
    urdf: Path  # on a disk that all machines of a run see
    digest: str  # SHA-256 of the URDF, which names its meshes by theirs

    @classmethod
    def from_record(cls, layout: DatasetLayout, record: Mapping[str, Any]) -> StoredHand:
        """Return the hand that a record of `dataset.json` tells of."""
        return cls(
            name=record['name'],
            urdf=layout.hand(record['urdf']),
            digest=record['urdf'],
        )

    def load(self) -> HandModel:
        """Load it.

        Raises
        ------
        InputError
            FILE_NOT_FOUND: its URDF is not in the dataset.
        HandError
            FILE_NOT_FOUND: one of its meshes is not there.
        """
        if not self.urdf.is_file():
            raise InputError(
                f"The hand '{self.name}' of the dataset has no '{self.urdf}'; expected the URDF "
                'that `dexgrasp dataset generate` stored there.',
                ErrorCode.FILE_NOT_FOUND,
            )
        text = read_text(self.urdf, 'URDF', DESCRIPTION_LIMIT)
        with naming(self.urdf):
            return load_hand_text(text, name=self.name, base_folder=self.urdf.parent)


@dataclass(frozen=True, kw_only=True)
class PortableHand:
    """A hand with all that it names, to be stored."""

    urdf: bytes  # its meshes have names by their content, relative to it
    meshes: Mapping[str, bytes]  # by these names
    record: Mapping[str, Any]  # as `dataset.json` tells of it


def portable_hand(layout: DatasetLayout, hand: HandModel) -> PortableHand:
    """Gather what a hand needs; the same hand is the same wherever it came from."""
    text, meshes = _portable(layout, hand.urdf)
    content = text.encode()
    record = {
        'name': hand.name,
        'urdf': hashlib.sha256(content).hexdigest(),
        'meshes': sorted(meshes),
        'hand_frame': hand.hand_frame,
        'joint_names': list(hand.joint_names),
        'link_names': list(hand.link_names),
        'locked_joints': locked_joints(hand),
        'joint_stiffness': hand.joint_stiffness.tolist(),
    }
    return PortableHand(urdf=content, meshes=meshes, record=record)


def register_hand(layout: DatasetLayout, hand: PortableHand, *, overwrite: bool) -> StoredHand:
    """Store a hand; its record is last, and says that the rest is there.

    Raises
    ------
    InputError
        INVALID_INPUT: the dataset has another hand of that name, and it may not be overwritten.
    OSError
        A file cannot be written.
    """
    name, digest = hand.record['name'], hand.record['urdf']
    path = layout.hand_record(name)
    there = _known(path)
    if there not in (None, (name, digest)) and not overwrite:
        raise InputError(
            f"The dataset '{layout.root}' has another hand in '{path.name}', '{there[0]}', whose "
            f"URDF has the digest {there[1][:12]}; that of this one, '{name}', has {digest[:12]}. "
            'Expected the same URDF, another name, or --overwrite to make its grasps again.'
        )
    for file, content in hand.meshes.items():
        if not layout.hand_mesh(file).exists():
            write_bytes(layout.hand_mesh(file), content)
    if not layout.hand(digest).exists():
        write_bytes(layout.hand(digest), hand.urdf)
    if there != (name, digest):
        write_json(path, dict(hand.record))
    return StoredHand.from_record(layout, hand.record)


def _known(path: Path) -> tuple[str, str] | None:
    """Name and digest of the hand of a record; None where there is none, or a damaged one."""
    try:
        record = read_json(path, 'name', 'urdf')
    except (FileNotFoundError, InputError):
        return None
    return str(record['name']), str(record['urdf'])


def _portable(layout: DatasetLayout, text: str) -> tuple[str, dict[str, bytes]]:
    """Name the meshes of a URDF by their content, relative to it; return these by their names.

    What is not there or cannot be read, which only pictures can do without, keeps its name.
    """
    finder, beside = MeshFinder(None, []), layout.hand('').parent
    meshes: dict[str, bytes] = {}

    def store(filename: str) -> str:
        path = finder.find(filename)
        if path is None:
            return filename
        try:
            if path.suffix.lower() == '.gltf':  # may keep its triangles in files beside it
                content, suffix = finder.load(filename).export(file_type='glb'), '.glb'
            else:
                content, suffix = path.read_bytes(), path.suffix.lower()
        except (MeshError, OSError):
            return filename
        name = f'{hashlib.sha256(content).hexdigest()}{suffix}'
        meshes[name] = content
        return layout.hand_mesh(name).relative_to(beside).as_posix()

    return rename_meshes(text, store), meshes
