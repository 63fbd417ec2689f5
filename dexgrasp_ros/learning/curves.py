"""Curves of a training as a picture."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from dexgrasp_ros.core.files import write_bytes

_SIZE, _MARGIN = (960, 540), 60
_COLORS = ('#1f77b4', '#ff7f0e', '#2ca02c', '#d62728', '#9467bd', '#8c564b')


def draw_curves(curves: Mapping[str, Sequence[tuple[int, float]]], path: Path) -> None:
    """Draw curves of (step, positive value) on a logarithmic scale, with their last values.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    from PIL import Image, ImageDraw

    image = Image.new('RGB', _SIZE, 'white')
    draw = ImageDraw.Draw(image)
    values = np.array([v for curve in curves.values() for _, v in curve if v > 0.0] or [1.0])
    last = max((step for curve in curves.values() for step, _ in curve), default=1)
    low, high = np.floor(np.log10(values.min())), np.ceil(np.log10(values.max()) + 1e-9)
    high = max(high, low + 1.0)
    width, height = _SIZE[0] - 2 * _MARGIN, _SIZE[1] - 2 * _MARGIN

    def at(step: float, value: float) -> tuple[float, float]:
        share = (np.log10(value) - low) / (high - low)
        return _MARGIN + width * step / last, _SIZE[1] - _MARGIN - height * share

    for power in range(int(low), int(high) + 1):
        for factor in (1, 2, 5) if power < high else (1,):
            y = at(0, factor * 10.0**power)[1]
            draw.line([(_MARGIN, y), (_MARGIN + width, y)], fill='#dddddd')
            draw.text((8, y - 6), f'{factor * 10.0**power:g}', fill='black')
    draw.text((_MARGIN + width / 2, _SIZE[1] - 30), f'step, to {last}', fill='black')
    for k, (name, curve) in enumerate(sorted(curves.items())):
        color = _COLORS[k % len(_COLORS)]
        points = [at(step, value) for step, value in curve if value > 0.0]
        if len(points) > 1:
            draw.line(points, fill=color, width=2)
        if curve:
            draw.text((_MARGIN + 10 + 220 * (k % 4), 10 + 18 * (k // 4)),
                      f'{name}: {curve[-1][1]:.4f}', fill=color)  # fmt: skip
    content = io.BytesIO()
    image.save(content, format='PNG')
    write_bytes(path, content.getvalue())
