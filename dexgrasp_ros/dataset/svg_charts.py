"""Small charts as SVG text, to stand in a page without any script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

HELD, FAILED, LINE = '#2a7f6f', '#e3a08b', '#8a949e'
# For the parts of a whole; the first is for what is good.
PALETTE = (HELD, '#e3a08b', '#d9b44a', '#7c9cc4', '#b58bbd', '#93a36d', '#c98a5f', '#a0a7ae')


def rate_bar(rate: float | None, low: float, high: float, *, width: int = 220) -> str:
    """Draw a rate, 0 to 1, as a bar with its interval as a line."""
    height, bar = 14, width - 2
    parts = [f'<rect x="1" y="2" width="{bar}" height="10" rx="3" fill="#e6eaed"/>']
    if rate is not None:
        left, right = (1 + bar * value for value in (low, high))
        parts += [
            f'<rect x="1" y="2" width="{bar * rate:.1f}" height="10" rx="3" fill="{HELD}"/>',
            f'<path d="M{left:.1f} 7H{right:.1f}M{left:.1f} 4v6M{right:.1f} 4v6" '
            'stroke="#1b2a33" stroke-width="1.4"/>',
        ]
    return _svg(width, height, parts, '' if rate is None else f'{100 * rate:.1f} %')


def histogram(
    held: Sequence[int],
    failed: Sequence[int],
    labels: Sequence[str],
    *,
    axis: str,
    width: int = 320,
    height: int = 150,
) -> str:
    """Draw counts of grasps that held and failed, one on the other, with some labels below.

    Parameters
    ----------
    held, failed
        Counts of each bin.
    labels
        For each bin, or '' for none.
    axis
        What the bins are of.
    width, height
        Of the chart [px].
    """
    floor, top = height - 32, 6
    most = max(1, *(h + f for h, f in zip(held, failed, strict=True)))
    step = (width - 8) / len(held)
    parts = []
    for k, (good, bad) in enumerate(zip(held, failed, strict=True)):
        x, bottom = 4 + k * step, floor
        for count, color in ((good, HELD), (bad, FAILED)):
            size = (floor - top) * count / most
            bottom -= size
            if count:
                parts.append(
                    f'<rect x="{x + 0.5:.1f}" y="{bottom:.1f}" width="{step - 1:.1f}" '
                    f'height="{size:.1f}" fill="{color}"><title>{escape(labels[k] or axis)}: '
                    f'{good} held, {bad} failed</title></rect>'
                )
        if labels[k]:
            parts.append(_text(x + step / 2, floor + 13, labels[k]))
    parts.append(f'<path d="M4 {floor + 0.5}H{width - 4}" stroke="{LINE}"/>')
    parts.append(_text(width / 2, height - 4, axis))
    return _svg(width, height, parts, axis)


def share_bar(counts: Mapping[str, int], colors: Mapping[str, str], *, width: int = 520) -> str:
    """Draw parts of a whole side by side in one bar."""
    total = max(1, sum(counts.values()))
    x, parts = 0.0, []
    for name, count in counts.items():
        size = width * count / total
        parts.append(
            f'<rect x="{x:.1f}" y="0" width="{size:.1f}" height="16" fill="{colors[name]}">'
            f'<title>{escape(name)}: {count} ({100 * count / total:.1f} %)</title></rect>'
        )
        x += size
    return _svg(width, 16, parts, ', '.join(f'{name} {count}' for name, count in counts.items()))


def _text(x: float, y: float, text: str) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="middle" font-size="10.5" '
        f'fill="#4a5660">{escape(text)}</text>'
    )


def _svg(width: int, height: int, parts: Sequence[str], label: str) -> str:
    return (
        f'<svg width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{escape(label)}">{"".join(parts)}</svg>'
    )
