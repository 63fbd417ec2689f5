"""Shards of images: tar files as WebDataset reads them, the same bytes for the same images."""

from __future__ import annotations

import contextlib
import io
import json
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dexgrasp_ros.core.files import replacing
from dexgrasp_ros.core.json_files import json_bytes

# First in each tar: what it was made from. WebDataset takes names like this one for no sample.
_ABOUT = '__render__/about.json'


class ImageShard:
    """A tar that is being written."""

    def __init__(self, archive: tarfile.TarFile) -> None:
        self._archive = archive

    def add(self, key: str, files: Mapping[str, bytes]) -> None:
        """Add the files of one sample, by the ends of their names; `key` has no dot."""
        for ending, content in files.items():
            self._add(f'{key}.{ending}', content)

    def _add(self, name: str, content: bytes) -> None:
        # A fresh TarInfo has no time, no owner and one mode.
        member = tarfile.TarInfo(name)
        member.size = len(content)
        self._archive.addfile(member, io.BytesIO(content))


@contextlib.contextmanager
def write_images(path: Path, about: Mapping[str, Any]) -> Iterator[ImageShard]:
    """Lend a tar that becomes `path` when the body is over, whole or not at all.

    Parameters
    ----------
    path
        The file.
    about
        What it is made from; `read_about` returns it.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    with replacing(path) as temporary:
        with tarfile.open(temporary, 'w', format=tarfile.GNU_FORMAT) as archive:
            shard = ImageShard(archive)
            shard._add(_ABOUT, json_bytes(about))
            yield shard


def read_about(path: Path) -> dict[str, Any] | None:
    """Read what a tar of images was made from; None where there is none, or no such tar."""
    try:
        with tarfile.open(path, 'r:') as archive:
            member = archive.next()
            file = archive.extractfile(member) if member and member.name == _ABOUT else None
            return None if file is None else json.loads(file.read())
    except Exception:  # whatever damage makes the readers of tar and JSON raise
        return None
