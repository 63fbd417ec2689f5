"""Several views in one picture, with captions, and its file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dexgrasp_ros.core.errors import ErrorCode, InputError
from dexgrasp_ros.simulation.panel import Panel, render_panel
from dexgrasp_ros.simulation.views import fit_camera

_UP = (0.0, 0.0, 1.0)
_GAP = 4  # px between panels


def render_panels(
    panels: Sequence[Panel],
    directions: Sequence[ArrayLike],
    *,
    columns: int | None = None,
    size: tuple[int, int] = (1600, 900),
) -> NDArray[np.uint8]:
    """Render panels into one picture, row by row, each seen from its direction.

    Raises
    ------
    InputError
        INVALID_INPUT: there is nothing to draw.
    """
    if not panels:
        raise InputError('There is nothing to draw: no panels.', ErrorCode.INVALID_INPUT)
    width, height = size
    columns = columns or _best_columns(len(panels), width / height)
    rows = -(-len(panels) // columns)
    picture = np.full((height, width, 3), 255, dtype=np.uint8)
    xs = np.linspace(0, width + _GAP, columns + 1).astype(int)
    ys = np.linspace(0, height + _GAP, rows + 1).astype(int)

    def draw(k: int) -> None:
        row, column = divmod(k, columns)
        x, y = xs[column], ys[row]
        w, h = xs[column + 1] - _GAP - x, ys[row + 1] - _GAP - y
        camera = fit_camera(
            panels[k].outline(), directions[k], up=panel_up(panels[k]), width=w, height=h
        )
        view = _write(render_panel(panels[k], camera), panels[k].caption)
        picture[y : y + h, x : x + w] = view

    # NumPy and Embree leave the interpreter free, so two views keep two cores busy.
    with ThreadPoolExecutor(min(len(panels), os.cpu_count() or 1)) as pool:
        list(pool.map(draw, range(len(panels))))
    return picture


def save_picture(image: NDArray[np.uint8], path: str | Path) -> None:
    """Write a picture [H, W, 3] as PNG, or what the name's ending says."""
    from PIL import Image

    Image.fromarray(image).save(path)


def panel_up(panel: Panel) -> NDArray[np.float64]:
    """Up in the picture [3]: away from the table, else z."""
    return np.array(_UP) if panel.support_plane is None else panel.support_plane[:3]


def _best_columns(count: int, aspect: float) -> int:
    """Columns that make panels as square as possible without empty rows."""
    squareness = [
        abs(np.log(aspect * -(-count // c) / c)) + 0.1 * (-count % c) for c in range(1, count + 1)
    ]
    return 1 + int(np.argmin(squareness))


def _write(image: NDArray[np.uint8], caption: str) -> NDArray[np.uint8]:
    """Write a caption into the upper left corner."""
    if not caption:
        return image
    from PIL import Image, ImageDraw, ImageFont

    picture = Image.fromarray(image)
    size = max(13, min(image.shape[:2]) // 34)
    font = ImageFont.load_default(size=size)
    ImageDraw.Draw(picture).multiline_text(
        (0.8 * size, 0.7 * size), caption, fill=(40, 44, 52), font=font, spacing=0.35 * size
    )
    return np.asarray(picture)
