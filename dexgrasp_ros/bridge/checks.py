"""What is refused of any message before its content is looked at: endless names, no numbers."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from dexgrasp_ros.bridge.message_types import message_class
from dexgrasp_ros.core.errors import ErrorCode, InputError, cut

LONGEST_NAME = 255  # bytes, as of a file's name
_PART = re.compile(r'[a-z][a-z0-9_]*/[A-Z]\w*')
_TEXTS, _NUMBERS = ('string', 'wstring'), ('float', 'double')


def check_texts(message: Any) -> None:
    """Refuse a message with a text that is longer than `LONGEST_NAME`.

    Raises
    ------
    InputError
        INVALID_INPUT, naming the field.
    """
    for field, value in _leaves(message, _TEXTS):
        for text in (value,) if isinstance(value, str) else value:
            # A letter takes four bytes at most, so that most texts need not be encoded.
            if 4 * len(text) > LONGEST_NAME and len(_encoded(text)) > LONGEST_NAME:
                raise InputError(
                    f"'{field}' is '{cut(text)}', {len(_encoded(text))} bytes long; expected at"
                    f' most {LONGEST_NAME}.'
                )


def check_numbers(message: Any, *, unknown: tuple[str, ...] = ()) -> None:
    """Refuse a message with a number that is not finite.

    Parameters
    ----------
    message
        The message.
    unknown
        Fields of it in which NaN says that nobody knows, and is none of what is refused.

    Raises
    ------
    InputError
        OUT_OF_RANGE, naming the field.
    """
    for field, value in _leaves(message, _NUMBERS):
        numbers = np.asarray(value, dtype=np.float64)
        bad = ~np.isfinite(numbers)
        if re.split(r'[.\[]', field, maxsplit=1)[0] in unknown:
            bad = np.isinf(numbers)
        if bad.any():
            raise InputError(
                f"'{field}' is {cut(numbers.tolist())}; expected finite numbers.",
                ErrorCode.OUT_OF_RANGE,
            )


def _encoded(text: str) -> bytes:
    return text.encode('utf-8', 'surrogatepass')


def _leaves(message: Any, kinds: tuple[str, ...], name: str = '') -> Iterator[tuple[str, Any]]:
    """Name and value of each field, also of parts, that is one or more of some basic types."""
    for field, kind in message.get_fields_and_field_types().items():
        base = _PART.findall(kind)
        value, path = getattr(message, field), f'{name}{field}'
        if base:
            if not _has(base[0], kinds):
                continue  # spares a walk over a mesh's vertices
            if isinstance(value, list | tuple):
                for i, part in enumerate(value):
                    yield from _leaves(part, kinds, f'{path}[{i}].')
            else:
                yield from _leaves(value, kinds, f'{path}.')
        elif _basic(kind) in kinds:
            yield path, value


@functools.cache
def _has(kind: str, kinds: tuple[str, ...]) -> bool:
    """Whether there are such fields in messages of a type."""
    for field in message_class(kind).get_fields_and_field_types().values():
        parts = _PART.findall(field)
        if _has(parts[0], kinds) if parts else _basic(field) in kinds:
            return True
    return False


def _basic(kind: str) -> str:
    """Name of a basic type without what says how many of it there are."""
    return re.sub(r'sequence<|[>,<\[].*', '', kind)
