"""Pictures of a dataset: some grasps that held, some frames with all their channels."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.errors import DexGraspError, InputError
from dexgrasp_ros.dataset.reading.grasp_dataset import GraspDataset
from dexgrasp_ros.dataset.reading.reader import open_dataset

_GRASP_SIZE = (640, 320)  # px, of one row of pictures
_FRAME_WIDTH = 240  # px
_LABEL_COLORS = np.array(
    [(24, 28, 32), (178, 168, 150), (42, 127, 111), (124, 156, 196)], np.uint8
)


def grasp_pictures(
    path: str | Path, hand: str, *, objects: int = 2, grasps: int = 2
) -> list[tuple[str, NDArray[np.uint8]]]:
    """Draw the best grasps that held, of objects spread over the dataset.

    Parameters
    ----------
    path, hand
        As for `open_dataset`.
    objects, grasps
        How many objects, and how many grasps of each, at most.

    Returns
    -------
    list
        Of each object: its key, and a picture uint8 [H, W, 3].
    """
    opened = open_dataset(path, hand, held=True)
    keys = [file.parent.name.partition('=')[2] for file in opened.files]
    found: list[tuple[str, NDArray[np.uint8]]] = []
    for key in _spread(list(dict.fromkeys(keys)), 3 * objects):
        picture = _draw(opened, key, grasps)
        if picture is not None:
            found.append((key, picture))
        if len(found) == objects:
            break
    return found


def frame_pictures(path: str | Path, hand: str, *, count: int = 4) -> list[tuple[str, NDArray]]:
    """Lay colour, depth, labels and normals of some frames side by side.

    Returns
    -------
    list
        Of each frame: its key, and a picture uint8 [H, W, 3]; empty where there are no images.
    """
    opened = open_dataset(path, hand)
    with_frames = [key for key in opened.objects if opened.layout.frames(key, 0).is_file()]
    found = []
    for key in _spread(with_frames, count):
        try:
            frames = opened.frames(key, scene=0)
            row = {name: values[len(values) // 2] for name, values in frames.items()}
            found.append((row['key'], _strip(opened.images(row))))
        except InputError:
            continue  # broken, or just being made
    return found


def data_uri(picture: NDArray[np.uint8]) -> str:
    """Picture as PNG in the text of a page."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, 'PNG', optimize=True)
    return 'data:image/png;base64,' + base64.b64encode(buffer.getvalue()).decode()


def _draw(opened: GraspDataset, key: str, count: int) -> NDArray[np.uint8] | None:
    from dexgrasp_ros.hand import link_poses
    from dexgrasp_ros.simulation import render_grasps

    try:
        grasps, mesh = opened.grasp_set(key), opened.mesh(key)
    except DexGraspError:
        return None  # none of its grasps held, or something cannot be read
    best = grasps.select(slice(0, count))
    hand = opened.hand_model
    return render_grasps(
        hand,
        link_poses(hand, best.grasp, best.base_pose),
        *mesh,
        captions=[f'score {score:.2f}' for score in best.score],
        columns=count,
        size=_GRASP_SIZE,
    )


def _strip(images: dict[str, NDArray]) -> NDArray[np.uint8]:
    """Make four channels visible, and small."""
    from PIL import Image

    depth = images['depth']
    # Shades for table and object; a wall behind them is dark.
    seen = depth[(depth > 0) & (images['seg'] > 0)]
    near, far = (seen.min(), seen.max()) if len(seen) else (0.0, 1.0)
    share = np.clip((depth - near) / max(far - near, 1e-6), 0, 1)
    gray = np.where(depth > 0, 240 - 210 * share, 0)
    channels: list[Any] = [
        images['rgb'],
        np.repeat(gray.astype(np.uint8)[:, :, None], 3, axis=2),
        _LABEL_COLORS[np.minimum(images['seg'], len(_LABEL_COLORS) - 1)],
        (127.5 * (images['normals'] + 1)).astype(np.uint8),
    ]
    height = round(_FRAME_WIDTH * depth.shape[0] / depth.shape[1])
    small = [Image.fromarray(c).resize((_FRAME_WIDTH, height)) for c in channels]
    return np.concatenate([np.asarray(image) for image in small], axis=1)


def _spread(keys: list[str], count: int) -> list[str]:
    """Choose from first to last, evenly."""
    at = np.linspace(0, len(keys) - 1, min(count, len(keys))).round().astype(int)
    return [keys[k] for k in at]
