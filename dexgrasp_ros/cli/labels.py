"""Labels for a scene file that has none, for the commands that need them."""

from __future__ import annotations

import colorsys
import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.depth_frame import DepthFrame

_LAST_COLOR = 255  # of a palette
_GOLDEN = 0.618  # of the circle of hues: neighbouring numbers differ well
FILE_NAME = 'labels.png'


def with_labels(frame: DepthFrame, out: Path) -> tuple[DepthFrame, dict[str, Any] | None]:
    """Return a frame with labels, and what its segmentation tells; None where it had labels.

    The labels are written to `labels.png` in the folder `out`: the numbers themselves, with a
    palette that makes them visible.

    Raises
    ------
    InputError, PerceptionError
        As `segment_tabletop`.
    """
    if frame.labels is not None:
        return frame, None
    from dexgrasp_ros.perception import segment_tabletop

    found = segment_tabletop(frame)
    path = out / FILE_NAME
    _save_labels(found.labels, path)
    report = {
        'objects': int(found.labels.max()),
        'file': str(path),
        'warnings': found.warnings,
        'timing': found.timing,
    }
    return dataclasses.replace(frame, labels=found.labels), report


def _save_labels(labels: NDArray[np.int32], path: Path) -> None:
    from PIL import Image

    if labels.max() > _LAST_COLOR:
        Image.fromarray(labels.astype(np.uint16)).save(path)
        return
    colors = [(0.0, 0.0, 0.0)]
    colors += [colorsys.hsv_to_rgb(i * _GOLDEN % 1.0, 0.75, 1.0) for i in range(_LAST_COLOR)]
    image = Image.fromarray(labels.astype(np.uint8))
    image.putpalette((np.array(colors) * 255).astype(np.uint8).tobytes())
    image.save(path)
