"""What is refused of any message before its content is looked at: endless names, no numbers."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from dexgrasp_ros.bridge.message_types import message_class, part_types
from dexgrasp_ros.core.errors import LONGEST_QUOTE, ErrorCode, InputError, quoted

# Bytes of a warning; sentences that were made on the way, which nobody repeats.
LONGEST_WARNING = 10_000
_TEXTS, _NUMBERS = ('string', 'wstring'), ('float', 'double')


def check_texts(message: Any, **limits: int) -> None:
    """Refuse a message with a text that is longer than `LONGEST_QUOTE`, or than its own limit.

    Names that pass can be repeated in messages as they are.

    Parameters
    ----------
    message
        The message.
    limits
        Most bytes of some of its fields.

    Raises
    ------
    InputError
        INVALID_INPUT, naming the field.
    """
    for field, value in _leaves(message, _TEXTS):
        most = limits.get(field, LONGEST_QUOTE)
        for text in (value,) if isinstance(value, str) else value:
            # A letter takes four bytes at most, so that most texts need not be encoded.
            if 4 * len(text) > most and len(_encoded(text)) > most:
                raise InputError(
                    f"'{field}' is {quoted(text)}, {len(_encoded(text))} bytes long; expected at"
                    f' most {most}.'
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
                f"'{field}' is {quoted(numbers.tolist())}; expected finite numbers.",
                ErrorCode.OUT_OF_RANGE,
            )


def _encoded(text: str) -> bytes:
    return text.encode('utf-8', 'surrogatepass')


def _leaves(message: Any, kinds: tuple[str, ...], name: str = '') -> Iterator[tuple[str, Any]]:
    """Name and value of each field, also of parts, that is one or more of some basic types."""
    for field, is_message in _fields(type(message), kinds):
        value, path = getattr(message, field), f'{name}{field}'
        if not is_message:
            yield path, value
        elif isinstance(value, list | tuple):
            for i, part in enumerate(value):
                yield from _leaves(part, kinds, f'{path}[{i}].')
        else:
            yield from _leaves(value, kinds, f'{path}.')


@functools.cache
def _fields(message: type, kinds: tuple[str, ...]) -> tuple[tuple[str, bool], ...]:
    """Fields that lead to such types, and whether they are messages; spares a mesh's vertices."""
    found = []
    for field, kind in message.get_fields_and_field_types().items():
        parts = part_types(kind)
        if parts and _fields(message_class(parts[0]), kinds):
            found.append((field, True))
        elif not parts and _basic(kind) in kinds:
            found.append((field, False))
    return tuple(found)


def _basic(kind: str) -> str:
    """Name of a basic type without what says how many of it there are."""
    return re.sub(r'sequence<|[>,<\[].*', '', kind)
