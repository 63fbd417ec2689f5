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
    outline: ArrayLike | None = None,
    captions_below: bool = False,
    size: tuple[int, int] = (1600, 900),
) -> NDArray[np.uint8]:
    """Render panels into one picture, row by row, each seen from its direction.

    Parameters
    ----------
    panels
        What is seen.
    directions
        Toward the viewer, one for each panel [3].
    columns
        Panels in a row; default: what fits the picture's shape.
    outline
        Points [M, 3] m that every panel shows, whatever is in it, so that panels of one direction
        have the very same camera; default: each shows its own bodies.
    captions_below
        Whether captions stand under their panels, not in them.
    size
        Of the picture, width and height [px].

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
        band = _band_height(panels, w) if captions_below else 0
        shown = panels[k].outline() if outline is None else outline
        camera = fit_camera(shown, directions[k], up=panel_up(panels[k]), width=w, height=h - band)
        view = render_panel(panels[k], camera)
        if captions_below:
            picture[y + h - band : y + h, x : x + w] = write_caption(
                np.full((band, w, 3), 255, dtype=np.uint8), panels[k].caption, _band_font(w)
            )
        else:
            view = write_caption(view, panels[k].caption, max(13, min(view.shape[:2]) // 34))
        picture[y : y + h - band, x : x + w] = view

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


def _band_font(width: int) -> int:
    """Size of letters [px] of which about 28 fit under a panel."""
    return max(13, width // 16)


def _band_height(panels: Sequence[Panel], width: int) -> int:
    """Room for the longest caption [px]."""
    lines = max(panel.caption.count('\n') + 1 for panel in panels)
    return round((0.9 + 1.5 * lines) * _band_font(width))


def write_caption(image: NDArray[np.uint8], caption: str, size: int) -> NDArray[np.uint8]:
    """Write a caption in letters of `size` [px] into the upper left corner."""
    if not caption:
        return image
    from PIL import Image, ImageDraw, ImageFont

    picture = Image.fromarray(image)
    font = ImageFont.load_default(size=size)
    ImageDraw.Draw(picture).multiline_text(
        (0.8 * size, 0.7 * size), caption, fill=(40, 44, 52), font=font, spacing=0.35 * size
    )
    return np.asarray(picture)
