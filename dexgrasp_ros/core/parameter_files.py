"""Parameter files of ROS 2, looked at before nodes are started with them.

Launch files import this where nothing but ROS may be installed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from dexgrasp_ros.core.errors import InputError, choices
from dexgrasp_ros.core.yaml_files import read_yaml

_SECTION = 'ros__parameters'


def check_parameter_file(path: str, nodes: Sequence[str]) -> str:
    """Refuse a file that is none, since nodes would start without it.

    Parameters
    ----------
    path
        The file.
    nodes
        Full names of the nodes that it is for.

    Returns
    -------
    str
        A sentence where no section of it is for any of the nodes; else an empty text.

    Raises
    ------
    InputError
        FILE_NOT_FOUND, or INVALID_INPUT where it is not YAML with parameters.
    """
    sections = list(_sections(read_yaml(Path(path), 'parameter'), ''))
    if not sections:
        raise InputError(
            f"'{path}' has no parameters; expected sections with '{_SECTION}', such as"
            f' {{/**: {{{_SECTION}: {{hand: barrett}}}}}}.'
        )
    if any(_matches(section, node) for section in sections for node in nodes):
        return ''
    return (
        f"No section of '{path}' is for a node here: it has {choices(sections)}, nodes are"
        f' {choices(nodes)}.'
    )


def _sections(values: Any, above: str) -> Iterator[str]:
    """Full names in a file, where namespaces and nodes may stand in each other."""
    for name, inside in values.items() if isinstance(values, Mapping) else ():
        full = f'{above}/{str(name).strip("/")}'
        if isinstance(inside, Mapping):
            if _SECTION in inside:
                yield full
            yield from _sections({k: v for k, v in inside.items() if k != _SECTION}, full)


def _matches(section: str, node: str) -> bool:
    """Whether a section is for a node, by the rules of rcl: * is one name, ** any number."""
    pattern = re.escape(section).replace(r'/\*\*', r'(/\w+)*').replace(r'\*', r'\w+')
    return re.fullmatch(pattern, node) is not None
