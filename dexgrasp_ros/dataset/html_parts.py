"""Pieces of a page, and numbers as people read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

STYLE = """
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0; background: #f4f6f7; color: #1b2a33;
  font: 15px/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 28px 20px 60px; }
h1 { font-size: 26px; margin: 0 0 2px; overflow-wrap: anywhere; }
h2 { font-size: 18px; margin: 0 0 12px; } h3 { font-size: 15px; margin: 14px 0 6px; }
section { background: #fff; border: 1px solid #dfe4e7; border-radius: 10px;
  padding: 18px 20px; margin-top: 18px; overflow-x: auto; }
.muted, caption { color: #5b6871; font-size: 13px; }
caption { text-align: left; caption-side: bottom; padding-top: 8px; }
.tiles { display: flex; flex-wrap: wrap; gap: 12px; margin-top: 16px; }
.tile { background: #fff; border: 1px solid #dfe4e7; border-radius: 10px; padding: 10px 18px;
  min-width: 128px; } .tile b { display: block; font-size: 22px; line-height: 1.3; }
table { border-collapse: collapse; width: 100%; }
th, td { padding: 5px 10px; text-align: right; border-bottom: 1px solid #eceff1;
  white-space: nowrap; }
th { font-size: 13px; color: #5b6871; font-weight: 600; }
.words { text-align: left; } td.words { white-space: normal; }
tbody tr:last-child td { border-bottom: 0; }
td svg { vertical-align: middle; }
.small td { font-size: 13px; padding: 3px 8px; } .small { width: 330px; align-self: center; }
.charts { display: flex; flex-wrap: wrap; gap: 8px 24px; }
.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(460px, 1fr)); gap: 0 16px; }
.key { display: inline-flex; flex-wrap: wrap; gap: 4px 16px; font-size: 13px; }
.key i { display: inline-block; width: 11px; height: 11px; border-radius: 2px;
  margin-right: 5px; }
figure { margin: 0 0 16px; } img { width: 100%; border-radius: 6px; display: block; }
figcaption { font-size: 13px; color: #5b6871; }
.rate { text-align: center; border-radius: 4px; }
"""

Picture = tuple[str, str]  # what stands below it, and its data URI


def section(title: str, body: str) -> str:
    """Box with a heading; the body is HTML."""
    return f'<section><h2>{escape(title)}</h2>{body}</section>'


def table(
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    caption: str = '',
    *,
    left: Sequence[int] = (0,),
) -> str:
    """Lay out a table of HTML; the columns in `left` hold words, the others numbers."""

    def row(cells: Sequence[str], tag: str) -> str:
        return ''.join(
            f'<{tag} class="words">{cell}</{tag}>' if k in left else f'<{tag}>{cell}</{tag}>'
            for k, cell in enumerate(cells)
        )

    body = ''.join(f'<tr>{row(cells, "td")}</tr>' for cells in rows)
    told = f'<caption>{caption}</caption>' if caption else ''
    top = f'<thead><tr>{row(head, "th")}</tr></thead>' if any(head) else ''
    return f'<table>{told}{top}<tbody>{body}</tbody></table>'


def figures(pictures: Sequence[Picture]) -> str:
    """Lay out pictures, as many in a row as fit."""
    shown = (
        f'<figure><img alt="{escape(text)}" src="{uri}"><figcaption>{escape(text)}</figcaption>'
        '</figure>'
        for text, uri in pictures
    )
    return f'<div class="grid">{"".join(shown)}</div>'


def key(colors: Mapping[str, str]) -> str:
    """Tell what the colours of a chart mean."""
    items = (
        f'<span><i style="background:{color}"></i>{escape(name)}</span>'
        for name, color in colors.items()
    )
    return f'<div class="key">{"".join(items)}</div>'


def bytes_text(count: float | None) -> str:
    """Bytes for people: ``12.3 MB``."""
    if count is None:
        return '–'
    for unit in ('B', 'kB', 'MB', 'GB'):
        if count < 1000:
            return f'{count:.0f} {unit}' if unit == 'B' else f'{count:.1f} {unit}'
        count /= 1000
    return f'{count:.1f} TB'


def hours_text(hours: float | None) -> str:
    """Hours for people, in days where there are many."""
    if hours is None:
        return '–'
    if hours >= 72:
        return f'{hours:,.0f} h ({hours / 24:,.1f} days)'
    return f'{hours:.1f} h' if hours >= 1 else f'{60 * hours:.1f} min'


def percent(rate: float | None) -> str:
    """Rate as per cent, or a dash for none."""
    return '–' if rate is None else f'{100 * rate:.1f} %'


def seconds_text(seconds: float) -> str:
    """Seconds for people: ``3.67 s``, ``85 ms``."""
    return f'{seconds:,.2f} s' if seconds >= 1 else f'{1e3 * seconds:,.0f} ms'
