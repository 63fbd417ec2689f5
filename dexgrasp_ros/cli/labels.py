"""Labels for a scene file that has none, for the commands that need them."""

from __future__ import annotations

import colorsys
import dataclasses
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.depth_frame import DepthFrame
from dexgrasp_ros.core.files import replacing

_LAST_COLOR = 255  # of a palette
_GOLDEN = 0.618  # of the circle of hues: neighbouring numbers differ well


def with_labels(
    frames: Sequence[DepthFrame], out: Path
) -> tuple[list[DepthFrame], dict[str, Any] | None]:
    """Return frames with labels, and what their segmentation tells; None where all had labels.

    The labels of one frame are written to `labels.png` in the folder `out`, those of several to
    `labels_<i>.png`: the numbers themselves, with a palette that makes them visible.

    Raises
    ------
    InputError, PerceptionError
        As `segment_tabletop`.
    """
    if all(frame.labels is not None for frame in frames):
        return list(frames), None
    from dexgrasp_ros.perception import segment_tabletop

    labelled: list[DepthFrame] = []
    report: dict[str, Any] = {'objects': 0, 'files': [], 'warnings': [], 'timing': Counter()}
    for i, frame in enumerate(frames):
        if frame.labels is None:
            found = segment_tabletop(frame)
            path = out / ('labels.png' if len(frames) == 1 else f'labels_{i}.png')
            _save_labels(found.labels, path)
            report['objects'] = max(report['objects'], int(found.labels.max()))
            report['files'].append(str(path))
            report['warnings'] += found.warnings
            report['timing'].update(found.timing)
            frame = dataclasses.replace(frame, labels=found.labels)
        labelled.append(frame)
    return labelled, report


def _save_labels(labels: NDArray[np.int32], path: Path) -> None:
    from PIL import Image

    if labels.max() > _LAST_COLOR:
        image = Image.fromarray(labels.astype(np.uint16))
    else:
        colors = [(0.0, 0.0, 0.0)]
        colors += [colorsys.hsv_to_rgb(i * _GOLDEN % 1.0, 0.75, 1.0) for i in range(_LAST_COLOR)]
        image = Image.fromarray(labels.astype(np.uint8))
        image.putpalette((np.array(colors) * 255).astype(np.uint8).tobytes())
    with replacing(path) as temporary:
        image.save(temporary, 'PNG')
