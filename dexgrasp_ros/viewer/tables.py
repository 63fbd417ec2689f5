"""Tables of the page as HTML.

A row that can be clicked is a ``<label>`` of a button which is not drawn: plain HTML, no script.
"""

from __future__ import annotations

import html
from collections.abc import Sequence

import numpy as np

from dexgrasp_ros.core.grasp_set import GraspSet

_STYLE = """<style>
.dg{display:table;width:100%;border-collapse:collapse;font-size:0.74rem;line-height:1.1;
 font-variant-numeric:tabular-nums}
.dg>*{display:table-row}
.dg>*>*{display:table-cell;padding:0.32em 0.3em;text-align:right;white-space:nowrap;
 border-bottom:1px solid rgba(128,128,128,.22)}
.dg>*>.t{text-align:left;max-width:7.5em;overflow:hidden;text-overflow:ellipsis}
.dg>.h>*{font-weight:600;opacity:.62}
.dg>label{cursor:pointer}
.dg>label:hover{background:rgba(70,130,220,.13)}
.dg>label.on{background:rgba(70,130,220,.27);font-weight:600}
.dg-box{margin:0 0.6rem 0.5rem}
.dg-list{max-height:17rem;overflow-y:auto}
.dg-note{font-size:0.74rem;opacity:.72;padding:0.3em 0}
.dg-say{font-size:0.8rem;line-height:1.3;padding:0.45em 0.6em;border-radius:4px;
 background:rgba(128,128,128,.14);overflow-wrap:anywhere}
.dg-say.bad{background:rgba(215,50,40,.16);color:#b3261e}
</style>"""

_COLUMNS = (
    ('#', 'rank, best first'),
    ('object', 'what is grasped'),
    ('score', 'what grasps are ranked by, higher is better'),
    ('cont.', 'contacts that carry load'),
    ('resid.', 'mean energy left after a test wrench, 0 (held) to 0.5 (free)'),
    ('ε', 'Ferrari-Canny quality, – where nobody computed it'),
    ('pen. mm', 'deepest point of the hand inside the object'),
)
_TEXT_COLUMNS = {1}
_LEAST_FORCE = 0.005  # N, what two decimals show


def style() -> str:
    """Style sheet of all that stands below; once for each page."""
    return _STYLE


def grasp_table(
    grasps: GraspSet, objects: Sequence[str], buttons: Sequence[str], selected: int | None
) -> str:
    """Table of grasps, a row for each of `buttons`.

    Parameters
    ----------
    grasps
        N grasps, best first.
    objects
        [N] names of what is grasped.
    buttons
        Ids of the buttons that the first rows press.
    selected
        The row that stands out.
    """
    rows = []
    for i, button in enumerate(buttons):
        epsilon = grasps.epsilon[i]
        cells = (
            str(i + 1),
            objects[i],
            f'{grasps.score[i]:.3f}',
            str(int(grasps.contact_count[i])),
            f'{grasps.residual[i]:.3f}',
            f'{epsilon:.3f}' if np.isfinite(epsilon) else '–',
            f'{1000 * grasps.penetration[i]:.1f}',
        )
        on = ' class="on"' if i == selected else ''
        rows.append(f'<label for="{button}"{on} data-row="{i}">{_cells(cells)}</label>')
    head = ''.join(
        f'<span{_kind(n)} title="{html.escape(about)}">{name}</span>'
        for n, (name, about) in enumerate(_COLUMNS)
    )
    more = len(grasps) - len(buttons)
    note = f'<div class="dg-note">and {more} more, of lower score</div>' if more > 0 else ''
    # The buttons take no place: neither they nor the boxes that viser puts around them.
    hidden = ','.join(f':has(>[id="{b}"])' for b in buttons)
    hide = f'<style>{hidden}{{display:none}}</style>' if buttons else ''
    table = f'<div class="dg"><div class="h">{head}</div>{"".join(rows)}</div>'
    return f'{hide}<div class="dg-box"><div class="dg-list">{table}{note}</div></div>'


def contact_table(grasps: GraspSet, index: int) -> str:
    """Table of the loaded contacts of one grasp: link, force along and across the normal."""
    used = grasps.contact_links[index] >= 0
    forces, normals = grasps.contact_forces[index][used], grasps.contact_normals[index][used]
    along = np.einsum('ij,ij->i', forces, normals)
    across = np.linalg.norm(forces - along[:, None] * normals, axis=1)
    links = [grasps.link_names[link] for link in grasps.contact_links[index][used]]
    loaded = np.flatnonzero(along >= _LEAST_FORCE)
    rows = ''.join(
        f'<div>{_cells((str(n + 1), links[i], f"{along[i]:.2f}", f"{across[i]:.2f}"))}</div>'
        for n, i in enumerate(loaded)
    )
    head = (
        '<span>#</span><span class="t">link</span><span>normal N</span><span>tangential N</span>'
    )
    idle = len(links) - len(loaded)
    more = f'<div class="dg-note">and {idle} that touch without load</div>' if idle else ''
    table = f'<div class="dg"><div class="h">{head}</div>{rows}</div>'
    return f'<div class="dg-box">{table}{more}</div>'


def sentence(text: str, *, error: bool = False) -> str:
    """Box with a sentence about how things stand."""
    kind = 'dg-say bad' if error else 'dg-say'
    return f'<div class="dg-box"><div class="{kind}">{html.escape(text)}</div></div>'


def note(text: str) -> str:
    """Line with a remark in small letters."""
    return f'<div class="dg-box dg-note">{html.escape(text)}</div>'


def _cells(texts: Sequence[str]) -> str:
    return ''.join(f'<span{_kind(n)}>{html.escape(t)}</span>' for n, t in enumerate(texts))


def _kind(column: int) -> str:
    return ' class="t"' if column in _TEXT_COLUMNS else ''
