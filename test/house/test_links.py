"""Every link of the documents to a file, and to a heading of one, leads somewhere."""

import re
from pathlib import Path
from urllib.parse import unquote

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    [
        *ROOT.glob('*.md'),
        *(ROOT / 'docs').rglob('*.md'),
        *(ROOT / 'benchmark').glob('*.md'),
        ROOT / 'CHANGELOG.rst',
    ]
)
FENCE = re.compile(r'^(```|~~~).*?^\1', re.MULTILINE | re.DOTALL)
INDENTED = re.compile(r'(?<=\n\n)(?:(?:    .*)?\n)+')
CODE = re.compile(r'(`+).+?\1')
MARKDOWN = re.compile(r'\]\(\s*<?([^)\s>]*)')
REST = re.compile(
    r'`[^`<]*<([^`>]+)>`__?|^\.\. _[^:]+: (\S+)|^\.\. (?:image|figure):: (\S+)', re.M
)
HEADING = re.compile(r'^#+ (.+?)\s*$', re.MULTILINE)


def links(text: str, suffix: str) -> list[str]:
    """Targets of all links and images outside of code."""
    if suffix == '.rst':
        return [next(filter(None, found)) for found in REST.findall(text)]
    # A link's text may be code; what is left of it does not matter.
    return MARKDOWN.findall(CODE.sub('', INDENTED.sub('\n', FENCE.sub('', text))))


def anchors(text: str) -> set[str]:
    """What hosting sites call the headings of a page."""
    found: set[str] = set()
    for heading in HEADING.findall(FENCE.sub('', text)):
        plain = re.sub(r'\[([^]]*)\]\([^)]*\)', r'\1', heading).lower()
        slug = first = re.sub(r'[^\w\- ]', '', plain).replace(' ', '-')
        count = 0
        while slug in found:
            count += 1
            slug = f'{first}-{count}'
        found.add(slug)
    return found


def broken(page: Path) -> list[str]:
    """Links of a page that lead nowhere."""
    wrong = []
    for link in links(page.read_text(encoding='utf-8'), page.suffix):
        name, _, anchor = unquote(link).partition('#')
        if re.match(r'[a-z]+:', link):
            continue
        file = page.parent / name if name else page
        if not file.exists() or (
            anchor and anchor not in anchors(file.read_text(encoding='utf-8'))
        ):
            wrong.append(link)
    return wrong


@pytest.mark.parametrize('page', PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_every_link_leads_somewhere(page):
    assert broken(page) == []


def test_the_index_names_every_page():
    index = ROOT / 'docs' / 'index.md'
    named = {(index.parent / link).resolve() for link in links(index.read_text(), '.md')}
    assert [p for p in PAGES if p not in named | {index}] == []


def test_every_picture_is_shown():
    shown = {
        (page.parent / link).resolve()
        for page in PAGES
        for link in links(page.read_text(encoding='utf-8'), page.suffix)
        if link.endswith(('.png', '.svg'))
    }
    assert shown == set((ROOT / 'docs' / 'images').iterdir())


def test_links_that_lead_nowhere_are_found(tmp_path):
    page = tmp_path / 'page.md'
    page.write_text(
        '# A `b` page\n[x](#a-b-page) [`y`](other.md#two-1) ![z](z.png) [w](https://w.org/#x)\n'
        '`[code](no.md)`\n\n    [indented](no.md)\n\n```\n[fence](no.md)\n```\n[v](#none)\n'
    )
    (tmp_path / 'other.md').write_text('# Two\n## Two\n```\n# Three\n```\n')
    assert broken(page) == ['z.png', '#none']
    page.write_text('[u](other.md#three)')
    assert broken(page) == ['other.md#three']
    rest = tmp_path / 'page.rst'
    rest.write_text('See `this <other.md>`_ and `that <none.md>`__.\n')
    assert broken(rest) == ['none.md']
