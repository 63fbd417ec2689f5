"""Ways to spoil a message, from its definition alone, as hypothesis draws and shrinks them."""

from __future__ import annotations

import copy
import functools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

from dexgrasp_ros.bridge.message_types import message_class

LONG = 1_000_000  # letters
MANY = 1000
TEXTS = (
    *('', ' ', 'x', '/', '//', 'a/b', '../../etc/passwd', '/dev/zero', 'file:///etc/passwd'),
    *('\n\n', '\t', 'é\u202e\U0001f980', '%s%n', '{}', '{0.__class__}', '<robot name="x"><link'),
    *('x' * 255, 'x' * 256, 'é' * 200, 'x' * LONG, '{"a":' * MANY, 'nan', '0', '-1'),
    *('mono8', 'rgb8', 'bgra8', '8UC3', '16UC1', '32FC1', '32SC1', '64FC1', '32FC4', '16SC2'),
    *('allegro', 'table', 'camera', 'base_link', 'none', 'plumb_bob'),
)
FLOATS = (
    *(0.0, -0.0, 1.0, -1.0, 2.0, 1e-3, 1e-9, 1e-310, 1e3, 1e6, -1e6, 1e9, 1e10, 1e30, 3e38),
    *(float('nan'), float('inf'), float('-inf')),
)
DOUBLES = (*FLOATS, 1e154, 1e300, 1e308, -1e308)
_PART = re.compile(r'([a-z]\w*/[A-Z]\w*)')


@dataclass(frozen=True)
class Spoiling:
    """One thing that is done to a message."""

    place: int  # which of its fields, also those of parts
    value: int  # which of the values, or how much

    def __call__(self, message: Any) -> None:
        """Do it."""
        places = list(fields(message))
        owner, name, kind = places[self.place % len(places)]
        old = getattr(owner, name)
        values = candidates(kind, old, self.value)
        setattr(owner, name, values[self.value % len(values)]())


def spoilings() -> st.SearchStrategy[list[Spoiling]]:
    """One to three changes."""
    one = st.builds(Spoiling, st.integers(0, 999), st.integers(0, 999))
    return st.lists(one, min_size=1, max_size=3)


def spoilt(message: Any, several: list[Spoiling]) -> Any:
    """Return a copy of a message with changes made to it."""
    message = copy.deepcopy(message)
    for change in several:
        change(message)
    return message


def fields(message: Any) -> Iterator[tuple[Any, str, str]]:
    """Owner, name and type of each field; of a list of parts, those of its last one."""
    for name, kind in message.get_fields_and_field_types().items():
        yield message, name, kind
        value = getattr(message, name)
        if not _PART.search(kind):
            continue
        if not isinstance(value, list | tuple):
            yield from fields(value)
        elif value:
            yield from fields(value[-1])


def candidates(kind: str, old: Any, value: int) -> list[Callable[[], Any]]:
    """Makers of what may stand in a field of a type in place of what does."""
    if bound := re.search(r', (\d+)>$', kind):  # no message can have more
        some = candidates(f'{kind[: bound.start()]}>', old, value)
        return [functools.partial(lambda make: make()[: int(bound[1])], make) for make in some]
    part = _PART.search(kind)
    length = re.search(r'\[(\d+)\]$', kind)
    many = kind.startswith('sequence<') or length is not None
    if part is not None:
        make = message_class(part[1])
        if not many:
            return [make]
        longest = copy.deepcopy(old[0]) if old else make()
        return [
            *(list, lambda: [make()], lambda: [*old, make()], lambda: old[:-1]),
            *(lambda: [*old, *copy.deepcopy(old)], lambda: [longest] * MANY),
        ]
    basic = re.sub(r'sequence<|[>,<\[].*', '', kind)
    some = _basic(basic)
    if not many:
        return [functools.partial(lambda v: v, v) for v in some]
    one = some[value // 7 % len(some)]
    if length is not None:
        return [lambda: [one] * int(length[1]), lambda: [*list(old)[:-1], one]]
    if basic in ('uint8', 'octet'):
        return [
            *(lambda: b'', lambda: bytes(old)[:-1], lambda: bytes(old)[: len(old) // 2]),
            *(lambda: bytes(old) * 2, lambda: b'\xff' * len(old), lambda: b'\x7f' * len(old)),
            *(lambda: bytes(old)[::-1], lambda: b'\0' * LONG),
        ]
    return [
        *(list, lambda: [one], lambda: list(old)[:-1], lambda: [*old, one]),
        *(lambda: [one] * len(old), lambda: [*list(old)[:-1], one], lambda: list(old) * 2),
        *(lambda: list(old)[::-1], lambda: [one if one not in TEXTS else one[:100]] * 20 * MANY),
    ]


@functools.cache
def _basic(kind: str) -> tuple[Any, ...]:
    """Values of a basic type."""
    if kind in ('string', 'wstring'):
        return TEXTS
    if kind == 'float':
        return FLOATS
    if kind == 'double':
        return DOUBLES
    if kind == 'boolean':
        return (False, True)
    if kind == 'octet':
        return (b'\0', b'\xff')
    most = np.iinfo(kind)
    some = (0, 1, 2, 3, 7, 50, 1000, 65_535, 100_000, -1, -2)
    return (*(v for v in some if most.min <= v <= most.max), int(most.min), int(most.max))
