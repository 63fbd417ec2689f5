"""YAML from outside: plain values, bounds on depth, references and numbers."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dexgrasp_ros.core.doors import MEBIBYTE, read_text, reading
from dexgrasp_ros.core.errors import DexGraspError, ErrorCode, InputError

if TYPE_CHECKING:
    import yaml

YAML_LIMIT = MEBIBYTE  # of settings
_DEEPEST = 50  # lists and mappings in each other
_LARGEST = 2_000_000  # values, those that are referred to (`*name`) counted each time
_DIGITS = 1000  # of a number


def read_yaml(path: Path, kind: str, limit: int = YAML_LIMIT) -> Any:
    """Read a YAML file as `parse_yaml` does.

    Raises
    ------
    InputError
        FILE_NOT_FOUND, OUT_OF_RANGE for its size, INVALID_INPUT.
    """
    return parse_yaml(read_text(path, kind, limit), f"'{path}'")


def parse_yaml(text: str, source: str, error: type[DexGraspError] = InputError) -> Any:
    """Values of a document: mappings, lists, words, numbers.

    Parameters
    ----------
    text
        The document.
    source
        What to call it in messages.
    error
        What is raised.

    Raises
    ------
    DexGraspError
        INVALID_INPUT: it is not YAML, refers to more than 2,000,000 values or to itself, is
        deeper than 50 or has a number of more than 1000 digits.
    """
    import yaml

    with reading(f'{source} is not YAML', error, ErrorCode.INVALID_INPUT):
        # libyaml takes a fifteenth of the time; a build without it reads all the same.
        loader = getattr(yaml, 'CSafeLoader', yaml.SafeLoader)(text)
        try:
            node = loader.get_single_node()
            if node is None:
                return None
            _count(node, {}, 0)
            return loader.construct_document(node)
        finally:
            loader.dispose()


def is_finite(number: float) -> bool:
    """Whether a number of a document is one for computing; an integer may be too large for it."""
    return abs(number) <= sys.float_info.max


def _count(node: yaml.Node, known: dict[int, int], depth: int) -> int:
    """Values in a node, counted as often as they are referred to.

    Raises
    ------
    ValueError
        It is too large, too deep or in itself, or has too long a number.
    """
    if id(node) in known:
        if not known[id(node)]:
            raise ValueError('it refers to itself')
        return known[id(node)]
    if depth > _DEEPEST:
        raise ValueError(f'more than {_DEEPEST} lists and mappings stand in each other')
    known[id(node)] = 0
    count = 1
    if isinstance(node.value, str):
        if node.tag.endswith((':int', ':float')) and len(node.value) > _DIGITS:
            raise ValueError(f'a number has {len(node.value)} digits, more than {_DIGITS}')
    else:
        for part in node.value:
            for one in part if isinstance(part, tuple) else (part,):
                count += _count(one, known, depth + 1)
    if count > _LARGEST:
        raise ValueError(f'with all that it refers to it has more than {_LARGEST} values')
    known[id(node)] = count
    return count
