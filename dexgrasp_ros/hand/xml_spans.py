"""Where elements stand in the text of an XML document, to change them and leave all else as it is.

A parser finds them, so that comments and what is quoted do not count, and no text makes it slow.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from xml.parsers import expat

_PAIR = rb'\s[^\s=/<>"\']+\s*=\s*)("[^"]*"|\'[^\']*\')'
# Both are for tags that a parser has accepted, so that there is one way only to read them.
ATTRIBUTE = re.compile(rb'(' + _PAIR)  # all before the value, and the value with its quotes
_START_TAG = re.compile(rb'<[^\s=/<>"\']+(?:(?:\s*' + _PAIR + rb')*\s*/?>')


@dataclass(frozen=True, kw_only=True)
class Span:
    """Where one element stands, in bytes."""

    tag: str
    start: int  # of its start tag
    inner: int  # of what is in it
    close: int  # of its end tag; `inner` where it is empty
    end: int


def element_spans(document: bytes, tags: Iterable[str]) -> list[Span]:
    """Elements of some tags in the order in which they end; UTF-8, as `plain_document` made it."""
    wanted, opened, found = set(tags), [], []
    parser = expat.ParserCreate('utf-8')

    def start(tag: str, _attributes: dict[str, str]) -> None:
        if tag in wanted:
            begin = parser.CurrentByteIndex
            opened.append((begin, _START_TAG.match(document, begin).end()))

    def end(tag: str) -> None:
        if tag not in wanted:
            return
        begin, inner = opened.pop()
        close = end = inner
        if document[inner - 2 : inner] != b'/>':
            close = parser.CurrentByteIndex
            end = document.index(b'>', close) + 1
        found.append(Span(tag=tag, start=begin, inner=inner, close=close, end=end))

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.Parse(document, True)
    return found


def before_blanks(document: bytes, begin: int) -> int:
    """Where the blanks begin that end at `begin`."""
    while begin and document[begin - 1 : begin].isspace():
        begin -= 1
    return begin


def replace_parts(document: bytes, parts: Iterable[tuple[int, int, bytes]]) -> bytes:
    """Put other bytes in place of [begin, end); of parts in each other the outermost counts."""
    pieces, at = [], 0
    for begin, end, new in sorted(parts, key=lambda part: (part[0], -part[1])):
        if begin >= at:
            pieces += [document[at:begin], new]
            at = end
    return b''.join([*pieces, document[at:]])
