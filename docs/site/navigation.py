"""The tree of pages in the site's side bar is read off the index, so that there is one list.

Each section of `docs/index.md` that links to pages becomes a part of the tree, in its order. A
page that the index does not name is one that nobody finds: Sphinx tells, and the build fails.
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx

INDEX, API = 'docs/index', 'docs/api'
_LINK = re.compile(r'\[([^]]+)\]\(([^)#:]+)\.(?:md|rst)(?:#[^)]*)?\)')
_START = '<meta http-equiv="refresh" content="0; url=docs/index.html"><title>dexgrasp_ros</title>'


def trees(page: str, folder: str) -> str:
    """Return a hidden ``toctree`` for each section of a page of Markdown that has links."""
    found = []
    for section in re.split(r'^## ', page, flags=re.MULTILINE)[1:]:
        caption, _, text = section.partition('\n')
        titles: dict[str, str] = {}
        for title, link in _LINK.findall(text):
            titles.setdefault(posixpath.normpath(posixpath.join(folder, link)), title)
        if titles:
            entries = [f'{title} </{name}>' for name, title in titles.items()]
            found.append(tree([f':caption: {caption}', '', *entries]))
    return ''.join(found)


def tree(lines: list[str]) -> str:
    """Return a hidden ``toctree``."""
    return '\n'.join(['', '```{toctree}', ':hidden:', *lines, '```', ''])


def connect(app: Sphinx) -> None:
    """Add the trees where pages are read, and a page at the root that leads to the index."""
    app.connect('source-read', _add_trees)
    app.connect('build-finished', _write_start)


def _add_trees(app: Sphinx, name: str, source: list[str]) -> None:
    if name == INDEX:
        source[0] += trees(source[0], posixpath.dirname(INDEX))
    elif name == API:
        source[0] += tree(['', '/docs/api/dexgrasp_ros'])


def _write_start(app: Sphinx, error: Exception | None) -> None:
    if error is None and app.builder.name == 'html':
        (app.outdir / 'index.html').write_text(_START, encoding='utf-8')
