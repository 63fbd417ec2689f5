"""The statistics of a dataset as one page that needs nothing else: no script, no other file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from dexgrasp_ros.dataset.statistics.html_parts import (
    STYLE,
    Picture,
    bytes_text,
    figures,
    hours_text,
    key,
    percent,
    seconds_text,
    section,
    table,
)
from dexgrasp_ros.dataset.statistics.summary import DIVERSITY_SAMPLE
from dexgrasp_ros.dataset.statistics.svg_charts import (
    FAILED,
    HELD,
    PALETTE,
    histogram,
    rate_bar,
    share_bar,
)


def statistics_page(
    statistics: Mapping[str, Any],
    plans: Sequence[Mapping[str, Any]],
    grasps: Sequence[Picture] = (),
    frames: Sequence[Picture] = (),
) -> str:
    """Lay out a page.

    Parameters
    ----------
    statistics
        From `dataset_statistics`.
    plans
        From `estimate_cost`, for different numbers of machines.
    grasps, frames
        Pictures.

    Returns
    -------
    str
        HTML.
    """
    name = Path(statistics['dataset']).resolve().name
    parts = [
        f'<h1>{escape(name)}</h1><div class="muted">Dataset of grasps, schema '
        f'{escape(statistics["schema_version"])}, configuration '
        f'{escape(statistics["hash"][:12])}, dexgrasp_ros '
        f'{escape(str(statistics["versions"].get("dexgrasp_ros", "?")))}</div>',
        _tiles(statistics),
        section('Success in the shake test', _success(statistics)),
        section('Grasps that held', figures(grasps)) if grasps else '',
        section('Contacts and quality', _histograms(statistics)),
        section('Where grasps fail', _causes(statistics)),
        section('Success by object', _objects(statistics)),
        section('Frames: colour, depth, labels, normals', figures(frames)) if frames else '',
        section('Time and space', _costs(statistics)),
        section(f'What {plans[0]["grasps"]:,} grasps take', _plan(plans)) if plans else '',
        section('Units that failed', _failures(statistics)),
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{escape(name)}: dataset of grasps</title><style>{STYLE}</style></head>'
        f'<body><main>{"".join(parts)}</main></body></html>\n'
    )


def _tiles(s: Mapping[str, Any]) -> str:
    rate = s['held'] / s['shaken'] if s['shaken'] else None
    values = [
        ('grasps', f'{s["grasps"]:,}'),
        ('shaken', f'{s["shaken"]:,}'),
        ('of them held', percent(rate)),
        ('hands', f'{len(s["hands"])}'),
        ('objects', f'{s["objects"]:,}'),
        ('frames', f'{s["frames"]:,}'),
        ('on disk', bytes_text(s['bytes']['total'])),
        ('failed units', f'{len(s["failures"])}'),
    ]
    tiles = (f'<div class="tile"><b>{value}</b>{label}</div>' for label, value in values)
    return f'<div class="tiles">{"".join(tiles)}</div>'


def _success(s: Mapping[str, Any]) -> str:
    rows = [
        [
            escape(hand['hand']) if what == 'all' else '',
            {'all': 'all', 'free': 'free', 'settled': 'on a table'}[what],
            f'{part["grasps"]:,}',
            f'{part["shaken"]:,}',
            rate_bar(part['rate'], part['low'], part['high']),
            percent(part['rate']),
            f'{100 * part["low"]:.1f} – {100 * part["high"]:.1f} %' if part['shaken'] else '–',
        ]
        for hand in s['hands']
        for what, part in (('all', hand), ('free', hand['free']), ('settled', hand['settled']))
    ]
    return table(
        ('hand', 'object', 'grasps', 'shaken', 'held', 'rate', 'interval'),
        rows,
        'Free objects are pulled in six directions (fc), those on a table are lifted. '
        'Intervals: Wilson, 95 %.',
        left=(0, 1, 4),
    )


def _histograms(s: Mapping[str, Any]) -> str:
    edges = s['epsilon_edges']
    epsilon = [f'{e:.1f}' if abs(e * 10 - round(e * 10)) < 1e-6 else '' for e in edges[:-1]]
    charts = []
    for hand in s['hands']:
        last = len(hand['contacts_held']) - 1
        contacts = [
            f'{k}{"+" if k == last else ""}' if k % 2 == 0 else '' for k in range(last + 1)
        ]
        charts.append(
            f'<h3>{escape(hand["hand"])}</h3><div class="charts">'
            + histogram(
                hand['contacts_held'],
                hand['contacts_failed'],
                contacts,
                axis='links within 2 mm of the object',
            )
            + histogram(
                hand['epsilon_held'], hand['epsilon_failed'], epsilon, axis='ε (Ferrari-Canny)'
            )
            + _measures(hand)
            + '</div>'
        )
    told = (
        'Distinct grasps are 2 cm, 20° or 0.3 rad of mean joint angle apart. Variance is the '
        'share of it along 1, 2, … 5 principal components of pose and joints: less is more '
        'diverse. '
        f'Both are of the first {DIVERSITY_SAMPLE} grasps of each object that did not fail.'
    )
    colors = key({'held': HELD, 'failed': FAILED})
    return f'{colors}{"".join(charts)}<p class="muted">{told}</p>'


def _measures(hand: Mapping[str, Any]) -> str:
    explained = ', '.join(f'{100 * share:.0f}' for share in hand['explained_variance'])
    depth, mean = hand['penetration_mean_held'], hand['epsilon_mean_held']
    rows = [
        ('mean ε, held', '–' if mean is None else f'{mean:.3f}'),
        ('mean depth, held', '–' if depth is None else f'{1e3 * depth:.2f} mm'),
        ('distinct', percent(hand['distinct_share'])),
        ('variance, 1 to 5', f'{explained} %' if explained else '–'),
    ]
    return f'<div class="small">{table(("", ""), rows)}</div>'


def _causes(s: Mapping[str, Any]) -> str:
    totals: dict[str, int] = {}
    for hand in s['hands']:
        for name, count in hand['causes'].items():
            totals[name] = totals.get(name, 0) + count
    names = sorted(totals, key=lambda name: (name != 'held', -totals[name]))
    shown = names[: len(PALETTE) - 1]
    colors = dict(zip(shown, PALETTE, strict=False)) | {'other': PALETTE[-1]}
    rows = []
    for hand in s['hands']:
        parts = {name: hand['causes'].get(name, 0) for name in shown}
        parts['other'] = sum(hand['causes'].values()) - sum(parts.values())
        told = {name: count for name, count in parts.items() if count}
        rows.append([escape(hand['hand']), share_bar(told, colors)])
        worst = [f'{escape(n)} {c:,}' for n, c in told.items() if n != 'held']
        rows[-1].append(', '.join(worst[:4]) or '–')
    used = {name: colors[name] for name in (*shown, 'other') if name != 'other' or names[7:]}
    return key(used) + table(('hand', 'all that were shaken', 'most often'), rows, left=(0, 1, 2))


def _objects(s: Mapping[str, Any]) -> str:
    hands = [hand['hand'] for hand in s['hands']]
    found = {(row['object'], row['hand']): row for row in s['by_object']}
    objects = sorted({row['object'] for row in s['by_object']})
    rows = []
    for name in objects:
        cells = [escape(name)]
        for hand in hands:
            row = found.get((name, hand))
            if row is None or not row['shaken']:
                told = 'none yet' if row is None else f'none shaken of {row["grasps"]:,}'
                cells.append(f'<span class="muted">{told}</span>')
                continue
            shade = f'background: rgba(42, 127, 111, {0.06 + 0.5 * row["rate"]:.2f})'
            cells.append(
                f'<div class="rate" style="{shade}">{100 * row["rate"]:.0f} % '
                f'<span class="muted">of {row["shaken"]:,}</span></div>'
            )
        rows.append(cells)
    return table(('object', *map(escape, hands)), rows)


def _costs(s: Mapping[str, Any]) -> str:
    stages = [
        [
            escape(stage['stage']),
            f'{stage["count"]:,} {stage["of"]}',
            f'{stage["seconds"]:,.1f} s',
            seconds_text(stage['seconds'] / max(stage['count'], 1)),
        ]
        for stage in s['stages']
    ]
    counts = {'grasps': s['grasps'], 'frames': s['frames'], 'images': s['frames']}
    sizes = [
        [
            escape(folder),
            bytes_text(size),
            bytes_text(size / counts[folder]) if counts.get(folder) else '',
        ]
        for folder, size in s['bytes'].items()
        if size
    ]
    licenses = ', '.join(f'{escape(n)} ({c})' for n, c in s['licenses'].items())
    return (
        table(('stage', 'of', 'in all', 'each'), stages, 'Seconds of all processes.')
        + '<h3>Space</h3>'
        + table(('folder', 'in all', 'each'), sizes, f'Licences of the meshes: {licenses or "–"}.')
    )


def _plan(plans: Sequence[Mapping[str, Any]]) -> str:
    machines = [
        f'{plan["machines"]:,} machine{"s" if plan["machines"] > 1 else ""}' for plan in plans
    ]
    rows = [['all stages', *(f'<b>{hours_text(plan["hours"])}</b>' for plan in plans)]]
    for stage in plans[0]['stage_hours']:
        hours = (plan['stage_hours'][stage] for plan in plans)
        rows.append([escape(stage), *map(hours_text, hours)])
    rows.append(['space', *(f'<b>{bytes_text(plan["bytes"])}</b>' for plan in plans)])
    told = ''.join(f'<li>{escape(text)}</li>' for text in plans[0]['assumptions'])
    return table(('', *machines), rows) + f'<ul class="muted">{told}</ul>'


def _failures(s: Mapping[str, Any]) -> str:
    if not s['failures']:
        return '<div class="muted">None.</div>'
    rows = [
        [escape(str(f.get(name, ''))) for name in ('unit', 'code', 'message')]
        for f in s['failures']
    ]
    return table(('unit', 'code', 'message'), rows, left=(0, 1, 2))
