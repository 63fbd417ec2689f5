"""Ways to spoil a file, as hypothesis draws and shrinks them."""

from __future__ import annotations

import io
import re
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

# What stands for a value in a text of any format.
WORDS = (
    *('', ' ', 'x', 'null', 'true', '~', '-1', '0', '-0', '1e308', '1e400', '-1e9', '9' * 400),
    *('nan', '.nan', 'NaN', 'inf', '.inf', '-Infinity', '0x' + 'F' * 3000, '1:' * 500 + '1'),
    *(
        '[]',
        '{}',
        '[[]]',
        '{a: 1}',
        '[1, 2]',
        '"x"',
        '""',
        '"\\ud800"',
        '"\\u0000"',
        'é',
        '\u202e',
    ),
    *('!!int ""', '!!bool x', '!!float ""', '!!timestamp x', '!!binary "é"', '!!set {a}', '!x y'),
    *('*nope', '&a [*a]', '&a {x: *a}', '{<<: 5}', '? [a]', '@', '`', '%', '- - -', '|\n  x'),
    *('../../../etc/passwd', '/etc/passwd', '/dev/zero', 'x' * 5000, 'a/b', 'file:///etc/passwd'),
    *('&lt;', '<![CDATA[', '<!--', '<a>' * 300, '<!DOCTYPE a [<!ENTITY b "c">]>', '99999999999'),
    '[' * 20_000,
    '[&b0 ["x", "x"], '
    + ', '.join(f'&b{i} [{", ".join([f"*b{i - 1}"] * 10)}]' for i in range(1, 9))
    + ']',
)
NUMBERS = (0, 1, 0xFF, 0x7FFFFFFF, 0xFFFFFFFF, 2**40, 2**62, 2**64 - 1)
# A word, a number, or what is quoted: what a change of a text replaces.
_TOKEN = re.compile(rb'"[^"\n]*"|-?\d+(?:\.\d+)?(?:e-?\d+)?|[A-Za-z_][\w.-]*')

HEADERS = ('(1000000, 1000000)', '(-1, 5)', '(2**62,)', "('a',)", '(1.5,)', '(2,', '((' * 2000)


def weird_arrays() -> list[np.ndarray]:
    """Arrays that stand where others should."""
    values = [
        *(np.array(v) for v in ('x', '', '{"a":', '[1]', 'null', '[' * 5000, '{"a": NaN}')),
        *(np.array(v) for v in (1.0, -1, np.nan, 2**63, True, 1 + 2j, [], ['a', 'b'], [[1]])),
        *(np.full((3, 4), v) for v in (np.nan, np.inf, 1e38, 1e308, 0.0, -1e9)),
        *(np.zeros(shape) for shape in ((0, 0), (0, 5), (3, 0), (1, 1), (2, 2, 2, 2), (4, 4))),
        *(np.zeros((3, 3), kind) for kind in ('f2', '?', 'u8', 'S3', '>f4', 'M8[s]', 'm8[s]')),
        *(np.zeros((2, 2), kind) for kind in ([('a', 'f4')], 'V4')),
    ]
    return [*values, np.eye(3), -np.eye(3), np.eye(4) * 1e300, np.full((3, 4), -5, np.int64)]


ARRAYS = weird_arrays()


@dataclass(frozen=True)
class Change:
    """One thing that is done to a file."""

    kind: str
    place: float  # 0 … 1, of the file
    value: int  # which of the values, or how much

    def __call__(self, content: bytes) -> bytes:
        """Return the file as it is then."""
        return _KINDS[self.kind](content, self.place, self.value)


def changes(*kinds: str) -> st.SearchStrategy[list[Change]]:
    """One to three changes of some kinds."""
    one = st.builds(Change, st.sampled_from(kinds), st.floats(0.0, 1.0), st.integers(0, 255))
    return st.lists(one, min_size=1, max_size=3)


BYTES = ('flip', 'cut', 'delete', 'insert', 'number', 'repeat', 'empty')
TEXT = (*BYTES[:4], 'word', 'word', 'word', 'drop line', 'repeat line')
NPZ = (*BYTES, 'array', 'array', 'array', 'lose array', 'header')


def _at(content: bytes, place: float) -> int:
    return int(place * max(0, len(content) - 1))


def _flip(content: bytes, place: float, value: int) -> bytes:
    at = _at(content, place)
    return content[:at] + bytes([value]) + content[at + 1 :]


def _delete(content: bytes, place: float, value: int) -> bytes:
    at = _at(content, place)
    return content[:at] + content[at + 1 + value // 4 :]


def _insert(content: bytes, place: float, value: int) -> bytes:
    at = _at(content, place)
    return content[:at] + bytes(range(value, value + min(8, 256 - value))) + content[at:]


def _number(content: bytes, place: float, value: int) -> bytes:
    at, number = _at(content, place), NUMBERS[value % len(NUMBERS)]
    packed = struct.pack('<Q', number) if value & 64 else struct.pack('<I', number & 0xFFFFFFFF)
    return content[:at] + packed + content[at + len(packed) :]


def _word(content: bytes, place: float, value: int) -> bytes:
    tokens = list(_TOKEN.finditer(content))
    if not tokens:
        return content
    token = tokens[int(place * (len(tokens) - 1))]
    word = WORDS[value % len(WORDS)].encode('utf-8', 'surrogatepass')
    # Where a value is quoted it stays so, in half of the cases.
    quoted = token[0].startswith(b'"') and value & 1
    return (
        content[: token.start()]
        + (b'"' + word + b'"' if quoted else word)
        + content[token.end() :]
    )


def _line(copies: int) -> Callable[[bytes, float, int], bytes]:
    def change(content: bytes, place: float, _value: int) -> bytes:
        lines = content.split(b'\n')
        at = int(place * (len(lines) - 1))
        return b'\n'.join([*lines[:at], *[lines[at]] * copies, *lines[at + 1 :]])

    return change


def _member(change: Callable[[bytes, int], bytes | None]) -> Callable[[bytes, float, int], bytes]:
    """Return a change of one member of an archive, which None leaves out."""

    def changed(content: bytes, place: float, value: int) -> bytes:
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                members = {m.filename: archive.read(m) for m in archive.infolist()}
        except Exception:  # spoilt by the change before
            return content
        names = sorted(members)
        if not names:
            return content
        name = names[int(place * (len(names) - 1))]
        new = change(members.pop(name), value)
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, 'w', zipfile.ZIP_DEFLATED) as archive:
            for other, data in members.items():
                archive.writestr(other, data)
            if new is not None:
                archive.writestr(name, new)
        return buffer.getvalue()

    return changed


def _array(_old: bytes, value: int) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, ARRAYS[value % len(ARRAYS)])
    return buffer.getvalue()


def _header(old: bytes, value: int) -> bytes:
    shape = HEADERS[value % len(HEADERS)]
    text = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b'\x93NUMPY\1\0' + struct.pack('<H', len(text)) + text + old[-64:]


_KINDS: dict[str, Callable[[bytes, float, int], bytes]] = {
    'flip': _flip,
    'cut': lambda content, place, _: content[: _at(content, place)],
    'delete': _delete,
    'insert': _insert,
    'number': _number,
    'repeat': lambda content, place, _: content + content[_at(content, place) :],
    'empty': lambda *_: b'',
    'word': _word,
    'drop line': _line(0),
    'repeat line': _line(2),
    'array': _member(_array),
    'header': _member(_header),
    'lose array': _member(lambda *_: None),
}
