"""Where a hand's description and its overrides come from."""

from __future__ import annotations

import errno
import html
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from dexgrasp_ros.core.doors import check_file, read_text
from dexgrasp_ros.core.errors import ErrorCode, HandError, InputError, choices, quoted
from dexgrasp_ros.core.resources import find_resource, share_folders
from dexgrasp_ros.core.yaml_files import YAML_LIMIT
from dexgrasp_ros.hand.catalogue import (
    catalogue_hint,
    catalogue_name,
    catalogue_path,
    is_in_catalogue,
)
from dexgrasp_ros.hand.meshes import MeshFinder
from dexgrasp_ros.hand.overrides import HandOverrides, read_overrides, write_overrides
from dexgrasp_ros.hand.plain_text import DESCRIPTION_LIMIT, plain_document
from dexgrasp_ros.hand.variants import variant_document, variant_names
from dexgrasp_ros.hand.xacro_files import expand, is_xacro
from dexgrasp_ros.hand.xml_spans import (
    ATTRIBUTE,
    before_blanks,
    element_spans,
    replace_parts,
)

MIRROR_SUFFIX = '_left'
# A description that we hand on carries its overrides in this element, which other readers skip.
ELEMENT = 'dexgrasp_ros'
_LONGEST_NAME = 100  # letters of a robot's name that may be that of a file


@dataclass(frozen=True, kw_only=True)
class HandSource:
    """A description as it was found."""

    text: str  # as `plain_document` returns it
    name: str
    folder: Path  # of the URDF: where relative mesh files and `NAME.yaml` are
    mirrored: bool = False


def known_hands() -> list[str]:
    """Names that `load_hand` takes: right hands, their mirror images, and variants of them."""
    right = {p.stem for folder in share_folders() for p in folder.glob('urdf/*.urdf')}
    return sorted({*right, *variant_names(), *(f'{name}{MIRROR_SUFFIX}' for name in right)})


def find_source(source: str | Path, xacro_args: Mapping[str, object] | None = None) -> HandSource:
    """Read a hand by name, path of a URDF or xacro file, or module of robot_descriptions.

    Parameters
    ----------
    source
        The hand.
    xacro_args
        Values of a xacro file's arguments, by name.

    Raises
    ------
    HandError
        UNKNOWN_HAND, FILE_NOT_FOUND, INVALID_INPUT for arguments without a xacro file; as
        `plain_document` and, for a xacro file, `expand`.
    """
    text = str(source)
    mirrored = False
    looks_like_path = '/' in text or text.lower().endswith(('.urdf', '.xml', '.xacro'))
    if not _can_be_file(text):
        raise HandError(
            f'There is no hand {quoted(text)}, which is no name that a file can have; there are '
            f'{choices(known_hands())}.',
            ErrorCode.FILE_NOT_FOUND if looks_like_path else ErrorCode.UNKNOWN_HAND,
        )
    if looks_like_path or Path(source).is_file():
        path = Path(source)
        # Both `hand.xacro` and `hand.urdf.xacro` are usual.
        name = path.stem.removesuffix('.urdf') if is_xacro(path) else path.stem
        if not path.is_file():
            raise HandError(
                f'There is no file {quoted(text)}; expected a URDF, or one of the hands '
                f'{choices(known_hands())}.',
                ErrorCode.FILE_NOT_FOUND,
            )
    elif is_in_catalogue(text):
        name = catalogue_name(text)
        path = catalogue_path(name)
    elif (document := variant_document(text)) is not None:
        folder = find_resource('urdf')
        return HandSource(text=plain_document(document, text), name=text, folder=folder)
    else:
        path = _packaged(text)
        name, mirrored = path.stem, path.stem != text
    document = _read_document(path, xacro_args or {})
    return HandSource(text=document, name=name, folder=path.resolve().parent, mirrored=mirrored)


def find_overrides(
    text: str, *, stem: str | None = None, folder: Path | None = None
) -> tuple[HandOverrides, str | None]:
    """Find a description's overrides, and name the file if only its robot's name led there.

    `text` is as `plain_document` returns it. Searched in this order, and the first counts: an
    element ``<dexgrasp_ros>`` in the document; ``STEM.yaml`` beside the URDF;
    ``config/hands/STEM.yaml``, where STEM is the name of one of the package's hands;
    ``config/hands/ROBOT.yaml``, where ROBOT is the name in ``<robot>``.

    Raises
    ------
    HandError
        As `read_overrides`.
    """
    embedded = ElementTree.fromstring(text).find(ELEMENT)
    if embedded is not None:
        return read_overrides(embedded.text or '', f'the element <{ELEMENT}>'), None
    for path, guessed in override_files(text, stem=stem, folder=folder):
        if path.is_file():
            return _read(path), str(path) if guessed else None
    return HandOverrides(), None


def has_overrides(text: str) -> bool:
    """Whether a description, as `plain_document` returns it, carries overrides in itself."""
    return ElementTree.fromstring(text).find(ELEMENT) is not None


def override_files(
    text: str, *, stem: str | None = None, folder: Path | None = None
) -> list[tuple[Path, bool]]:
    """List where the files of `find_overrides` may be, and whether the robot's name leads there.

    Parameters
    ----------
    text, stem, folder
        As for `find_overrides`.
    """
    beside = [(folder / f'{stem}.yaml', False)] if folder is not None and stem else []
    packaged = folder is not None and any(folder == f.resolve() / 'urdf' for f in share_folders())
    robot = ElementTree.fromstring(text).get('name', '')
    named = [(stem, False)] if packaged and stem else []
    if len(robot) <= _LONGEST_NAME and re.fullmatch(r'[\w.-]+', robot):
        named.append((robot, True))
    return beside + [(_configured(name), guessed) for name, guessed in named]


def _configured(name: str) -> Path:
    """File of the package's configuration for a hand, whether it is there or not."""
    file = Path('config') / 'hands' / f'{name}.yaml'
    try:
        return find_resource(file)
    except InputError:
        return list(share_folders())[-1] / file


def read_overrides_file(path: str | Path) -> HandOverrides:
    """Read the overrides of a YAML file that somebody named.

    Raises
    ------
    HandError
        FILE_NOT_FOUND, or as `read_overrides`.
    """
    if not Path(path).is_file():
        raise HandError(
            f"There is no file '{path}'; expected YAML that says what the URDF does not.",
            ErrorCode.FILE_NOT_FOUND,
        )
    return _read(Path(path))


def self_contained(text: str, overrides: HandOverrides, finder: MeshFinder) -> str:
    """Return the document with absolute mesh files and its overrides in it.

    It can be stored with grasps and loaded from anywhere on this machine, with the same result. A
    document without meshes and overrides is returned as it is.
    """

    def absolute(filename: str) -> str:
        path = finder.find(filename)
        return filename if path is None else f'file://{path}'

    document = rename_meshes(text, absolute).encode()
    own = element_spans(document, (ELEMENT,))
    parts = [(before_blanks(document, span.start), span.end, b'') for span in own]
    document = replace_parts(document, parts)
    if overrides != HandOverrides():
        robot = element_spans(document, ('robot',))[-1]
        said = f'  <{ELEMENT}>\n{escape(write_overrides(overrides))}</{ELEMENT}>\n'
        document = replace_parts(document, [(robot.close, robot.close, said.encode())])
    return document.decode()


def rename_meshes(text: str, rename: Callable[[str], str]) -> str:
    """Return a URDF with other names of mesh files, which `rename` gives for each that it has."""

    def renamed(match: re.Match[bytes]) -> bytes:
        begin, value = match.groups()
        if begin.split(b'=')[0].strip() != b'filename':
            return match[0]
        quote, name = chr(value[0]), html.unescape(value[1:-1].decode())
        new = rename(name)
        if new == name:
            return match[0]
        quoted = escape(new, {quote: '&quot;' if quote == '"' else '&apos;'})
        return begin + f'{quote}{quoted}{quote}'.encode()

    document = text.encode()
    tags = [(s.start, s.inner) for s in element_spans(document, ('mesh',))]
    parts = [(a, b, ATTRIBUTE.sub(renamed, document[a:b])) for a, b in tags]
    return replace_parts(document, parts).decode()


def _read_document(path: Path, xacro_args: Mapping[str, object]) -> str:
    """Read a file of a hand, expanded where it is a xacro file."""
    try:
        if is_xacro(path):
            check_file(path, 'xacro', DESCRIPTION_LIMIT, HandError)
            return plain_document(expand(path, xacro_args), f"'{path}'")
        check_file(path, 'URDF', DESCRIPTION_LIMIT, HandError)
        content = path.read_bytes()
    except OSError as error:
        raise HandError(f"'{path}' cannot be read ({error}).") from error
    if xacro_args:
        raise HandError(
            f"'{path}' is no xacro file, so it has no argument {choices(xacro_args)}; expected "
            'none, or a file whose name ends in .xacro.',
            ErrorCode.INVALID_INPUT,
        )
    return plain_document(content, f"'{path}'")


def _can_be_file(path: str) -> bool:
    """Whether the system allows such a name, be there a file or not."""
    try:
        Path(path).stat()
    except FileNotFoundError:
        return True
    except (OSError, ValueError) as error:
        return getattr(error, 'errno', None) in (errno.ENOTDIR, errno.EACCES, errno.ELOOP)
    return True


def _packaged(name: str) -> Path:
    """URDF of a hand of the package; of the right one for a left one that has none."""
    for stem in dict.fromkeys((name, name.removesuffix(MIRROR_SUFFIX))):
        try:
            return find_resource(Path('urdf') / f'{stem}.urdf')
        except InputError:
            continue
    raise HandError(
        f'There is no hand {quoted(name)}; there are {choices(known_hands())}, or give the path '
        f'of a URDF file.{catalogue_hint(name)}',
        ErrorCode.UNKNOWN_HAND,
    )


def _read(path: Path) -> HandOverrides:
    return read_overrides(read_text(path, 'YAML', YAML_LIMIT, HandError), f"'{path}'")
