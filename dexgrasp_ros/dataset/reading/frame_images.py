"""Images of a dataset by key, out of tar files whose members are found once."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.doors import reading
from dexgrasp_ros.core.errors import ErrorCode, InputError, choices

CHANNELS = ('rgb', 'depth', 'seg', 'normals')
_MOST_PIXELS = 4096**2  # the largest image that `render.settings` allows
_MORE = ('noisy_depth',)  # where a sensor was simulated

_Place = tuple[int, int]  # of a member in its tar: first byte, count of bytes


class ImageTars:
    """Reads images by key; where the members of a tar lie is remembered as long as it stays."""

    def __init__(self) -> None:
        self._places: dict[Path, tuple[_Place, dict[str, _Place]]] = {}

    def keys(self, tar: Path) -> list[str]:
        """Keys of the frames that a tar has any image of; none where there is no such file."""
        if not tar.is_file():
            return []
        names = (name.rsplit('.', 2) for name in self._members(tar))
        return list(dict.fromkeys(parts[0] for parts in names if parts[-1] == 'png'))

    def read(
        self, tar: Path, key: str, depth_scale: float, channels: Sequence[str] = CHANNELS
    ) -> dict[str, NDArray]:
        """Decode the images of one frame.

        Parameters
        ----------
        tar
            The file.
        key
            Of the frame.
        depth_scale
            Metres for one unit of the depth image.
        channels
            Which of ``rgb`` uint8 [H, W, 3], ``depth`` float32 [H, W] in m (0: nothing there),
            ``seg`` uint8 [H, W], ``normals`` float32 [H, W, 3], unit vectors in the optical frame
            (0: nothing there), and ``noisy_depth`` as depth, where a sensor was simulated.

        Raises
        ------
        InputError
            FILE_NOT_FOUND: the tar or the image is not there (yet); INVALID_INPUT for a channel
            that there is not, and for damaged ones.
        """
        if unknown := set(channels) - {*CHANNELS, *_MORE}:
            known = choices((*CHANNELS, *_MORE))
            raise InputError(f'There is no channel {choices(unknown)}; expected some of {known}.')
        if not tar.is_file():
            raise InputError(
                f"'{tar}' with the images of '{key}' is not there; `dexgrasp dataset render` "
                'makes it.',
                ErrorCode.FILE_NOT_FOUND,
            )
        images = {}
        for channel in channels:
            name = f'{key}.{channel}.png'
            content = self._bytes(tar, name)
            with reading(f"'{tar}': '{name}' is damaged; expected a PNG"):
                images[channel] = _decode(channel, content, depth_scale)
        return images

    def _members(self, tar: Path) -> dict[str, _Place]:
        status = tar.stat()
        version = (status.st_mtime_ns, status.st_size)
        if self._places.get(tar, (None,))[0] != version:
            with (
                reading(f"'{tar}' is damaged; expected a tar of images"),
                tarfile.open(tar, 'r:') as opened,
            ):
                places = {m.name: (m.offset_data, m.size) for m in opened if m.isfile()}
            self._places[tar] = (version, places)
        return self._places[tar][1]

    def _bytes(self, tar: Path, name: str) -> bytes:
        place = self._members(tar).get(name)
        if place is None:
            raise InputError(f"'{tar}' has no '{name}'.", ErrorCode.FILE_NOT_FOUND)
        with tar.open('rb') as file:
            file.seek(place[0])
            return file.read(place[1])


def _decode(channel: str, png: bytes, depth_scale: float) -> NDArray:
    from PIL import Image

    image = Image.open(io.BytesIO(png), formats=['PNG'])
    if image.width * image.height > _MOST_PIXELS:
        raise ValueError(f'{image.width} x {image.height} pixels')
    pixels = np.asarray(image)
    if channel.endswith('depth'):
        return pixels.astype(np.float32) * np.float32(depth_scale)
    if channel == 'normals':
        # (value - 128) / 127, and 128 in all three for nothing: see `render.frames.CHANNELS`.
        normals = (pixels.astype(np.float32) - 128) / 127
        length = np.linalg.norm(normals, axis=2, keepdims=True)
        return normals / np.where(length == 0, np.float32(1), length)
    return pixels
