"""Check the licences of what is installed, and write docs/licences.md.

scripts/licences.py .venv .venv-colcon; what is accepted stands in scripts/licences.toml.
"""

from __future__ import annotations

import re
import sys
import tomllib
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Mapping
from importlib.metadata import Distribution, distributions
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / 'docs' / 'licences.md'
RULES = tomllib.loads((ROOT / 'scripts' / 'licences.toml').read_text(encoding='utf-8'))
# This project, and what every environment begins with.
NOT_LISTED = {'dexgrasp-ros', 'dexgrasp-msgs', 'pip'}
METADATA, ROS = 'metadata', '`package.xml`'

HEAD = """# Licences of the dependencies

What `make demo`, `make test` and `make docs` install, as the files in `locks/` name it, with the
licence of each. `make licences` writes this page from what is installed, and fails where a licence
is not in the list of accepted ones, `scripts/licences.toml`, which also has the licences that
metadata do not tell. This package is under Apache-2.0 and holds no code of theirs.
`LicenseRef-BSD` is a BSD licence whose number of clauses the metadata leave open. Compiled
libraries that a wheel brings along may have licences of their own, which lie in the wheel.

| package | licence (SPDX) | told by |
|---|---|---|
"""


def installed(paths: Iterable[str]) -> dict[str, Distribution]:
    """Find what pip has installed in folders of packages, by name as PyPI spells it."""
    found = {}
    for distribution in distributions(path=list(paths)):
        name = re.sub(r'[-_.]+', '-', distribution.metadata['Name']).lower()
        # A wheel of ROS brings further entries, of what is in it.
        if name not in NOT_LISTED and distribution.read_text('INSTALLER'):
            found[name] = distribution
    return found


def licence(name: str, distribution: Distribution) -> tuple[str, str]:
    """Return an expression of SPDX and what told it; the expression is empty where nobody did."""
    if name in RULES['told']:
        return tuple(RULES['told'][name])
    metadata = distribution.metadata
    if expression := metadata.get('License-Expression'):
        return expression, METADATA
    texts = package_xml_licences(distribution)
    if texts:
        return ' AND '.join(map(identifier, texts)), ROS
    line = (metadata.get('License') or '').strip()
    if acceptable(identifier(line)):
        return identifier(line), METADATA
    classes = metadata.get_all('Classifier') or []
    named = [c.rpartition(' :: ')[2] for c in classes if c.startswith('License ::')]
    return ' AND '.join(map(identifier, named)), METADATA


def package_xml_licences(distribution: Distribution) -> list[str]:
    """Return the licences in the manifest of a ROS package; its wheel's metadata have none."""
    return [
        element.text.strip()
        for file in distribution.files or []
        if file.name == 'package.xml' and distribution.metadata['Name'].startswith('ros-')
        for element in ET.parse(file.locate()).getroot().findall('license')
    ]


def identifier(text: str) -> str:
    """Return SPDX's name for what an author wrote, or that itself."""
    return RULES['spelled'].get(text.lower(), text)


def acceptable(expression: str) -> bool:
    """Tell whether one alternative of an expression has accepted licences only."""
    alternatives = (part.split(' AND ') for part in expression.split(' OR '))
    return any(all(one in RULES['accepted'] for one in parts) for parts in alternatives)


def complaints(licences: Mapping[str, tuple[str, str]]) -> list[str]:
    """Return a sentence about each licence that is not accepted."""
    return [
        f"{name}: {expression or 'no licence is told'}; expected one of 'accepted', or a line in"
        " 'told', of scripts/licences.toml"
        for name, (expression, _) in sorted(licences.items())
        if not acceptable(expression)
    ]


def page(licences: Mapping[str, tuple[str, str]]) -> str:
    """Return all of the page."""
    rows = [f'| `{name}` | {what} | {who} |\n' for name, (what, who) in sorted(licences.items())]
    return HEAD + ''.join(rows)


def main(environments: Iterable[str]) -> None:
    """Write the page, or end with what is not accepted."""
    paths = [str(p) for e in environments for p in Path(e).glob('lib/python*/site-packages')]
    licences = {name: licence(name, what) for name, what in installed(paths).items()}
    if bad := complaints(licences):
        sys.exit('\n'.join(bad))
    PAGE.write_text(page(licences), encoding='utf-8')


if __name__ == '__main__':
    main(sys.argv[1:])
