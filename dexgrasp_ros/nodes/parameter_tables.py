"""Tables of all parameters for people, made from the same dataclasses as the declarations.

``python -m dexgrasp_ros.nodes.parameter_tables ROOT`` writes them into `README.md`, which has
those of the nodes themselves, and `docs/parameters.md`, which has all.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dexgrasp_ros.bridge.parameters import parameter_fields
from dexgrasp_ros.nodes.configuration import NODE_PARAMETERS

_BEGIN, _END = '<!-- parameters: begin -->', '<!-- parameters: end -->'
_HEAD = '| parameter | default | unit | range | |\n|---|---|---|---|---|\n'


def parameter_table(config_type: type, *, groups: bool) -> str:
    """Table of a node's parameters; without `groups` one row for all of each group."""
    rows, counts = [], {}
    for name, about, value in parameter_fields(config_type()):
        group, dot, _ = name.partition('.')
        if dot and not groups:
            counts[group] = counts.get(group, 0) + 1
        else:
            rows.append(_row(name, about, value))
    rows += [
        f'| `{group}.*` | | | | {count} parameters: [`docs/parameters.md`](docs/parameters.md) |'
        for group, count in counts.items()
    ]
    return _HEAD + '\n'.join(rows) + '\n'


def readme_with_tables(readme: str) -> str:
    """`readme` with the tables of today between its two marks."""
    tables = ''.join(
        f'\n**`{node}`**\n\n{parameter_table(config_type, groups=False)}'
        for node, config_type in NODE_PARAMETERS.items()
    )
    pattern = re.compile(f'{_BEGIN}.*?{_END}', re.DOTALL)
    return pattern.sub(lambda _: f'{_BEGIN}\n{tables}\n{_END}', readme)


def parameter_page() -> str:
    """`docs/parameters.md`."""
    parts = [
        '# Parameters of the nodes\n\n'
        'Made from the dataclasses in `dexgrasp_ros/nodes/configuration.py`; files with'
        ' the defaults stand in `config/`.\nA value outside its range is refused when it is set.\n'
    ]
    parts += [
        f'\n## `{node}`\n\n{parameter_table(config_type, groups=True)}'
        for node, config_type in NODE_PARAMETERS.items()
    ]
    return ''.join(parts)


def _row(name: str, about: Mapping[str, Any], value: object) -> str:
    low, high = about.get('low'), about.get('high')
    unit = about.get('unit', '-')
    default = str(value).lower() if isinstance(value, bool) else str(value)
    cells = [
        f'`{name}`',
        f'`{default}`' if default else '*empty*',
        '' if unit in ('-', '1') else unit,
        _range(low, high),
        about.get('text', '').replace('|', r'\|'),
    ]
    return f'| {" | ".join(cells)} |'


def _range(low: float | None, high: float | None) -> str:
    if low is None:
        return '' if high is None else f'≤ {high:g}'
    return f'≥ {low:g}' if high is None else f'{low:g} … {high:g}'


def main() -> None:
    """Write both files below the folder that is the first argument."""
    root = Path(sys.argv[1])
    readme = root / 'README.md'
    readme.write_text(readme_with_tables(readme.read_text(encoding='utf-8')), encoding='utf-8')
    (root / 'docs' / 'parameters.md').write_text(parameter_page(), encoding='utf-8')


if __name__ == '__main__':
    main()
