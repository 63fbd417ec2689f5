"""Recordings of topics: rosbag2 folders with an MCAP file, which ``ros2 bag`` and Foxglove read.

Messages are bytes here, as they went over the wire; the definitions of their types are written
beside them, so that a reader needs no package of them.
"""

from __future__ import annotations

import contextlib
import os
import re
import sysconfig
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rosbags.interfaces import Connection, Qos
from rosbags.rosbag2 import Reader, StoragePlugin, Writer
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from dexgrasp_ros.core.doors import MEBIBYTE, check_file, reading
from dexgrasp_ros.core.errors import ErrorCode, InputError, choices, reason

_METADATA = 'metadata.yaml'
_METADATA_LIMIT = 16 * MEBIBYTE
_VERSION = 9  # of rosbag2's metadata in Jazzy
_TYPE = re.compile(r'^\s*(?:([a-z][a-z0-9_]*)/)?([A-Z]\w*)(?:<=\d+)?(?:\[[^\]]*\])?\s+\w+', re.M)


def bag_folder(path: str | Path) -> Path:
    """Folder of a recording that is called `path`: ``box.mcap`` is recorded as box/box.mcap."""
    path = Path(path)
    return path.with_suffix('') if path.suffix == '.mcap' else path


class BagWriter(contextlib.AbstractContextManager):
    """Writes messages into a new recording, whose folder appears with the first of them.

    Use it as a context manager: what was written is complete on the disk however the context ends.

    Parameters
    ----------
    path
        Folder of the recording, which must not exist; an ending ``.mcap`` is left out.

    Raises
    ------
    InputError
        INVALID_INPUT where the folder exists.
    """

    def __init__(self, path: str | Path) -> None:
        self.folder = bag_folder(path)
        if self.folder.exists():
            raise InputError(f"'{self.folder}' exists; expected the name of a new recording.")
        self._writer = Writer(self.folder, version=_VERSION, storage_plugin=StoragePlugin.MCAP)
        self._store = get_typestore(Stores.ROS2_JAZZY)
        self._is_open = False
        self._announced: dict[str, tuple[str, Sequence[Qos]]] = {}
        self._connections: dict[str, Connection] = {}
        self.counts: dict[str, int] = {}  # messages by topic

    def add_topic(self, topic: str, kind: str, profiles: Sequence[Qos]) -> None:
        """Announce a topic of messages of type `kind` ('std_msgs/msg/Header'), offered like this.

        Raises
        ------
        InputError
            FILE_NOT_FOUND where the type's definition is not installed.
        """
        add_definitions(self._store, kind)
        self.counts[topic] = 0
        self._announced[topic] = (kind, profiles)
        if self._is_open:
            self._connect(topic)

    def write(self, topic: str, stamp: int, data: bytes) -> None:
        """Add one serialized message that came at `stamp` [ns]."""
        if not self._is_open:
            self._writer.open()
            self._is_open = True
            for announced in self._announced:
                self._connect(announced)
        self._writer.write(self._connections[topic], stamp, data)
        self.counts[topic] += 1

    def _connect(self, topic: str) -> None:
        kind, profiles = self._announced[topic]
        self._connections[topic] = self._writer.add_connection(
            topic, kind, typestore=self._store, offered_qos_profiles=profiles
        )

    def close(self) -> None:
        """Write the index and the metadata."""
        if self._is_open:
            self._is_open = False
            self._writer.close()

    def __exit__(self, *_error: object) -> None:
        self.close()


@dataclass(frozen=True, kw_only=True)
class RecordedTopic:
    """A topic of a recording."""

    name: str
    kind: str  # type of its messages, such as 'sensor_msgs/msg/Image'
    count: int  # messages
    profiles: Sequence[Qos]  # as offered while it was recorded


class BagReader(contextlib.AbstractContextManager):
    """Reads a recording: a folder of rosbag2, or one of its files (.mcap, .db3).

    Use it as a context manager.

    Raises
    ------
    InputError
        FILE_NOT_FOUND, or INVALID_INPUT where it is no recording or damaged.
    """

    def __init__(self, path: str | Path) -> None:
        path = Path(path)
        # What was recorded as box.mcap lies in the folder box.
        self.path = path if path.exists() else bag_folder(path)
        metadata = self.path / _METADATA
        if metadata.is_file():
            check_file(metadata, 'YAML', _METADATA_LIMIT)
        expected = 'expected one of rosbag2: a folder with metadata.yaml, an .mcap or a .db3'
        with reading(f"'{path}' is not a recording that can be read; {expected}"):
            try:
                self._reader = Reader(self.path)
                self._reader.open()
            except FileNotFoundError as error:
                raise InputError(
                    f"There is no recording '{path}': {reason(error)}", ErrorCode.FILE_NOT_FOUND
                ) from error

    @property
    def topics(self) -> list[RecordedTopic]:
        """What was recorded."""
        return [
            RecordedTopic(
                name=c.topic, kind=c.msgtype, count=c.msgcount, profiles=c.ext.offered_qos_profiles
            )
            for c in self._reader.connections
        ]

    @property
    def start(self) -> int:
        """When the first message came [ns]."""
        return self._reader.start_time

    @property
    def duration(self) -> float:
        """Time between the first and the last message [s]."""
        return self._reader.duration / 1e9

    def messages(self, topics: Collection[str] = ()) -> Iterator[tuple[str, int, bytes]]:
        """Topic, time of receipt [ns] and bytes of each message, in order of time.

        Raises
        ------
        InputError
            INVALID_INPUT for a topic that was not recorded, and where the file is damaged.
        """
        names = {c.topic for c in self._reader.connections}
        if unknown := set(topics) - names:
            raise InputError(f"'{self.path}' has no {choices(unknown)}; it has {choices(names)}.")
        chosen = [c for c in self._reader.connections if not topics or c.topic in topics]
        messages = self._reader.messages(chosen)
        while True:
            with reading(f"'{self.path}' is damaged; expected messages that are whole"):
                found = next(messages, None)
            if found is None:
                return
            connection, stamp, data = found
            yield connection.topic, stamp, bytes(data)

    def close(self) -> None:
        """Close the files."""
        self._reader.close()

    def __exit__(self, *_error: object) -> None:
        self.close()


def add_definitions(store: Typestore, kind: str) -> None:
    """Add a message type and all that it is made of to a typestore, from installed packages.

    Raises
    ------
    InputError
        FILE_NOT_FOUND where the package of a type is not installed.
    """
    if kind in store.fielddefs:
        return
    package, _, name = kind.split('/')
    file = _definition(package, name)
    text = file.read_text(encoding='utf-8')
    for other, part in _TYPE.findall(re.sub(r'#.*', '', text)):
        # A bare `Header` is that of std_msgs, whatever the package.
        home = other or ('std_msgs' if part == 'Header' else package)
        add_definitions(store, f'{home}/msg/{part}')
    types = get_types_from_msg(text, kind)
    store.register({name: fields for name, fields in types.items() if name == kind})


def _definition(package: str, name: str) -> Path:
    prefixes = filter(None, os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep))
    folders = [Path(prefix) / 'share' for prefix in prefixes]
    folders.append(Path(sysconfig.get_path('data')) / 'share')
    for folder in folders:
        file = folder / package / 'msg' / f'{name}.msg'
        if file.is_file():
            return file
    raise InputError(
        f"The definition of '{package}/msg/{name}' is not installed; looked in"
        f' {choices(str(folder) for folder in folders)}.',
        ErrorCode.FILE_NOT_FOUND,
    )
