"""A description as it comes, in any encoding, as the plain URDF that all else reads."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from xml.etree import ElementTree
from xml.parsers import expat

import numpy as np

from dexgrasp_ros.core.doors import MEBIBYTE
from dexgrasp_ros.core.errors import LONGEST_QUOTE, ErrorCode, HandError, quoted, reason

# Longer marks first: that of UTF-32 begins with that of UTF-16.
_MARKS = {
    codecs.BOM_UTF8: 'utf-8-sig',
    codecs.BOM_UTF32_LE: 'utf-32',
    codecs.BOM_UTF32_BE: 'utf-32',
    codecs.BOM_UTF16_LE: 'utf-16',
    codecs.BOM_UTF16_BE: 'utf-16',
    b'<\0': 'utf-16-le',
    b'\0<': 'utf-16-be',
}
_DECLARED = re.compile(r'(<\?xml[^>]*?)\s+encoding\s*=\s*["\']([\w.:-]+)["\']')
_FIRST = 200  # letters at the beginning, among which the encoding is declared
DESCRIPTION_LIMIT = 16 * MEBIBYTE  # bytes of a file, letters of a text
_DEEPEST = 100  # elements in each other; a URDF has 6, and what reads it calls itself for each
_XACRO_ADVICE = (
    'expected a URDF: expand it (`xacro FILE > hand.urdf`), or give it as a file whose name ends '
    'in .xacro'
)
# By outermost element: what it is, and what to do.
_OTHER_FORMATS = {
    'mujoco': (
        'MJCF, the format of MuJoCo',
        "give the maker's URDF or xacro file of the hand (in robot_descriptions, the module "
        'without `_mj` in its name)',
    ),
    'sdf': (
        'SDFormat, the format of Gazebo',
        'give the URDF or xacro file that it was made from',
    ),
    'html': ('a web page', 'download the file itself ("raw")'),
}


def plain_document(content: str | bytes, source: str) -> str:
    """Return a URDF as a text that any reader of XML understands, whatever it came as.

    Tags lose their namespaces, ``quat_xyzw`` of URDF 1.1 becomes ``rpy``, and the first line
    names no other encoding than UTF-8. A document that has none of these stays as it is.

    Parameters
    ----------
    content
        The document; bytes are in the encoding that they declare, UTF-8 else.
    source
        What to call it in messages.

    Raises
    ------
    HandError
        INVALID_URDF when it is not text, not XML, or something else than a URDF: xacro, MJCF,
        SDFormat.
    """
    if len(content) > DESCRIPTION_LIMIT:
        raise HandError(
            f'{source} has {len(content) / MEBIBYTE:.0f} MiB; expected a URDF of at most '
            f'{DESCRIPTION_LIMIT / MEBIBYTE:.0f} MiB.',
            ErrorCode.OUT_OF_RANGE,
        )
    text = content if isinstance(content, str) else decode(content, source)
    text = text.lstrip('\ufeff \t\r\n')
    reader = _Reader(source)
    root = reader.read(text)
    _check_format(root, source)
    quaternions = [o for o in root.iter('origin') if o.get('quat_xyzw') is not None]
    for origin in quaternions:
        _turn_by_angles(origin, source)
    if quaternions or not reader.is_plain:
        return ElementTree.tostring(root, encoding='unicode')
    declared = _DECLARED.match(text[:_FIRST])
    foreign = declared is not None and declared[2].lower() not in ('utf-8', 'utf8')
    return declared[1] + text[declared.end() :] if foreign else text


def decode(content: bytes, source: str) -> str:
    """Text of a file: by its byte order mark, by its XML declaration, or UTF-8.

    Raises
    ------
    HandError
        INVALID_URDF when it is no text in that encoding.
    """
    encoding = next((name for mark, name in _MARKS.items() if content.startswith(mark)), None)
    if encoding is None:
        declared = _DECLARED.match(content[:_FIRST].decode('latin-1').lstrip())
        encoding = declared[2] if declared else 'utf-8'
        # Some tools declare the encoding that their strings have in memory, and write UTF-8.
        if re.match('utf-?(16|32)|ucs', encoding, re.IGNORECASE):
            encoding = 'utf-8'
    try:
        return content.decode(encoding)
    except (UnicodeDecodeError, LookupError) as error:
        raise HandError(
            f'{source} cannot be read as text ({error}); expected UTF-8, or the name of its '
            'encoding in the first line, as <?xml version="1.0" encoding="latin-1"?>.'
        ) from error


class _Reader:
    """Reads elements without namespaces: prefixes are cut off, since many are never declared."""

    def __init__(self, source: str) -> None:
        self.is_plain = True  # no tag had a namespace
        self._source = source
        self._depth = 0
        self._builder = ElementTree.TreeBuilder()
        self._parser = expat.ParserCreate('utf-8')
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._builder.data
        self._parser.StartDoctypeDeclHandler = self._refuse_doctype

    def read(self, text: str) -> ElementTree.Element:
        """Return the outermost element."""
        try:
            self._parser.Parse(text, True)
            return self._builder.close()
        except (expat.ExpatError, ValueError) as error:
            raise HandError(
                f'{self._source} is not XML ({reason(error)}); expected a URDF.'
            ) from error

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        prefix, colon, local = tag.rpartition(':')
        if prefix == 'xacro':
            line = self._parser.CurrentLineNumber
            raise HandError(
                f'{self._source} is a xacro file, not a URDF: line {line} has <{tag}>; '
                f'{_XACRO_ADVICE}.'
            )
        self._depth += 1
        if self._depth > _DEEPEST:
            raise HandError(
                f'{self._source}: more than {_DEEPEST} elements stand in each other; expected a '
                'URDF.'
            )
        self.is_plain = self.is_plain and not colon and 'xmlns' not in attributes
        own = {k: v for k, v in attributes.items() if ':' not in k and k != 'xmlns'}
        self._builder.start(local, own)

    def _end(self, tag: str) -> None:
        self._depth -= 1
        self._builder.end(tag.rpartition(':')[2])

    def _refuse_doctype(self, name: str, *_: object) -> None:
        if name.lower() == 'html':
            raise _other_format('html', self._source)
        # A description that comes over a topic must not expand entities or open files.
        raise HandError(f'{self._source}: a document type or entities have no place in a URDF.')


def _check_format(root: ElementTree.Element, source: str) -> None:
    """Refuse what is no URDF, or one that xacro has not expanded, by what it is."""
    if root.tag.lower() in _OTHER_FORMATS:
        raise _other_format(root.tag.lower(), source)
    if root.tag != 'robot':
        raise HandError(f'{source}: the outermost element is <{root.tag}>; expected <robot>.')
    _check_name(root, source)
    for where, element in _read_elements(root):
        _check_name(element, source)
        for name, value in element.items():
            if '${' in value or '$(' in value:
                raise HandError(
                    f'{source} is not expanded by xacro: {where} has {name}={quoted(value)} in '
                    f'<{element.tag}>; {_XACRO_ADVICE}.'
                )


def _check_name(element: ElementTree.Element, source: str) -> None:
    """Refuse names that no message of ROS and no file may have, in whatever names a thing."""
    for attribute in ('name', 'link', 'joint'):
        value = element.get(attribute, '')
        if len(value.encode(errors='replace')) > LONGEST_QUOTE:
            raise HandError(
                f'{source}: an element <{element.tag}> has {attribute}={quoted(value)}; expected'
                f' at most {LONGEST_QUOTE} bytes.'
            )


def _other_format(tag: str, source: str) -> HandError:
    name, advice = _OTHER_FORMATS[tag]
    return HandError(f'{source} is {name} (<{tag}>); expected a URDF: {advice}.')


def _read_elements(root: ElementTree.Element) -> Iterator[tuple[str, ElementTree.Element]]:
    """Elements that the loader reads, and in what they stand; plugins may hold anything."""
    for child in root:
        if child.tag in ('link', 'joint', 'material'):
            for element in child.iter():
                yield f"the {child.tag} '{child.get('name')}'", element


def _turn_by_angles(origin: ElementTree.Element, source: str) -> None:
    """Write a quaternion of URDF 1.1 (urdfdom 5.1) as the angles that every reader knows."""
    from scipy.spatial.transform import Rotation

    words = origin.attrib.pop('quat_xyzw')
    try:
        turn = np.array([float(word) for word in words.split()])
    except ValueError:
        turn = np.empty(0)
    if len(turn) != 4 or not np.isfinite(turn).all() or not turn.any() or origin.get('rpy'):
        raise HandError(
            f'{source}: an <origin> has quat_xyzw={quoted(words)}; expected 4 numbers that are '
            'not all 0, and no rpy beside them.'
        )
    angles = Rotation.from_quat(turn).as_euler('xyz')
    origin.set('rpy', ' '.join(repr(float(angle)) for angle in angles))
