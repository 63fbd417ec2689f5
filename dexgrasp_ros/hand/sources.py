"""Where a hand's description and its overrides come from."""

from __future__ import annotations

import importlib
import importlib.util
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from dexgrasp_ros.core.errors import ErrorCode, HandError, InputError, choices
from dexgrasp_ros.core.resources import find_resource, share_folders
from dexgrasp_ros.hand.meshes import MeshFinder
from dexgrasp_ros.hand.overrides import HandOverrides, read_overrides, write_overrides

MIRROR_SUFFIX = '_left'
# A description that we hand on carries its overrides in this element, which other readers skip.
ELEMENT = 'dexgrasp_ros'
_CATALOGUE = 'robot_descriptions'
_XACRO = '.xacro'


@dataclass(frozen=True, kw_only=True)
class HandSource:
    """A description as it was found."""

    text: str
    name: str
    folder: Path  # of the URDF: where relative mesh files and `NAME.yaml` are
    mirrored: bool = False


def known_hands() -> list[str]:
    """Names that `load_hand` takes: right hands, and their mirror images."""
    right = {p.stem for folder in share_folders() for p in folder.glob('urdf/*.urdf')}
    return sorted(right | {f'{name}{MIRROR_SUFFIX}' for name in right})


def find_source(source: str | Path) -> HandSource:
    """Read a hand by name, path of a URDF or xacro file, or module of robot_descriptions.

    Raises
    ------
    HandError
        UNKNOWN_HAND, FILE_NOT_FOUND, or INVALID_URDF for what is not text, or no xacro.
    """
    text = str(source)
    mirrored = False
    looks_like_path = '/' in text or text.lower().endswith(('.urdf', '.xml', _XACRO))
    if looks_like_path or Path(source).is_file():
        path = Path(source)
        # Both `hand.xacro` and `hand.urdf.xacro` are usual.
        name = path.stem.removesuffix('.urdf') if _is_xacro(path) else path.stem
        if not path.is_file():
            raise HandError(
                f"There is no file '{path}'; expected a URDF, or one of the hands "
                f'{choices(known_hands())}.',
                ErrorCode.FILE_NOT_FOUND,
            )
    elif _is_in_catalogue(text):
        name = text.removeprefix(f'{_CATALOGUE}.')
        path = _catalogue_path(name)
    else:
        path = _packaged(text)
        name, mirrored = path.stem, path.stem != text
    try:
        document = _expanded(path) if _is_xacro(path) else path.read_text(encoding='utf-8')
    except (OSError, UnicodeDecodeError) as error:
        raise HandError(f"'{path}' cannot be read as text ({error}).") from error
    return HandSource(text=document, name=name, folder=path.resolve().parent, mirrored=mirrored)


def find_overrides(
    text: str, *, stem: str | None = None, folder: Path | None = None
) -> tuple[HandOverrides, str | None]:
    """Find a description's overrides, and name the file if only its robot's name led there.

    Searched in this order, and the first counts: an element ``<dexgrasp_ros>`` in the document;
    ``STEM.yaml`` beside the URDF; ``config/hands/STEM.yaml``, where STEM is the name of one of the
    package's hands; ``config/hands/ROBOT.yaml``, where ROBOT is the name in ``<robot>``.

    Raises
    ------
    HandError
        As `read_overrides`.
    """
    embedded = re.search(rf'<{ELEMENT}>(.*?)</{ELEMENT}>', text, re.DOTALL)
    if embedded:
        element = ElementTree.fromstring(embedded[0])
        return read_overrides(element.text or '', f'the element <{ELEMENT}>'), None
    if folder is not None and stem and (folder / f'{stem}.yaml').is_file():
        return _read(folder / f'{stem}.yaml'), None
    packaged = folder is not None and any(folder == f.resolve() / 'urdf' for f in share_folders())
    robot = re.search(r'<robot\b[^>]*?\bname\s*=\s*["\']([^"\']*)', text)
    named = [(stem, False)] if packaged and stem else []
    named += [(robot[1], True)] if robot and re.fullmatch(r'[\w.-]+', robot[1]) else []
    for name, guessed in named:
        try:
            path = find_resource(Path('config') / 'hands' / f'{name}.yaml')
        except InputError:
            continue
        return _read(path), str(path) if guessed else None
    return HandOverrides(), None


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

    text = rename_meshes(text, absolute)
    text = re.sub(rf'\s*<{ELEMENT}>.*?</{ELEMENT}>', '', text, flags=re.DOTALL)
    if overrides == HandOverrides():
        return text
    head, end, tail = text.rpartition('</robot>')
    return f'{head}  <{ELEMENT}>\n{escape(write_overrides(overrides))}</{ELEMENT}>\n{end}{tail}'


def rename_meshes(text: str, rename: Callable[[str], str]) -> str:
    """Return a URDF with other names of mesh files, which `rename` gives for each that it has."""

    def replaced(match: re.Match[str]) -> str:
        return f'{match[1]}{match[2]}{rename(match[3])}{match[2]}'

    return re.sub(r'(<mesh\b[^>]*?\bfilename\s*=\s*)(["\'])(.*?)\2', replaced, text)


def _is_xacro(path: Path) -> bool:
    return path.suffix.lower() == _XACRO


def _expanded(path: Path) -> str:
    """URDF that a xacro file makes, its arguments at their defaults."""
    import xacro

    try:
        return xacro.process_file(str(path)).toxml()
    except Exception as error:  # Whatever its expressions raise.
        why = ' '.join(str(error).split()) or type(error).__name__
        raise HandError(f"xacro cannot expand '{path}' ({why}).") from error


def _packaged(name: str) -> Path:
    """URDF of a hand of the package; of the right one for a left one that has none."""
    for stem in dict.fromkeys((name, name.removesuffix(MIRROR_SUFFIX))):
        try:
            return find_resource(Path('urdf') / f'{stem}.urdf')
        except InputError:
            continue
    raise HandError(
        f"There is no hand '{name}'; there are {choices(known_hands())}, or give the path of a "
        'URDF file.',
        ErrorCode.UNKNOWN_HAND,
    )


def _is_in_catalogue(name: str) -> bool:
    """Whether robot_descriptions is installed and has such a module."""
    module = f'{_CATALOGUE}.{name.removeprefix(f"{_CATALOGUE}.")}'
    if not all(part.isidentifier() for part in module.split('.')):
        return False
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def _catalogue_path(name: str) -> Path:
    """``URDF_PATH`` of a module of robot_descriptions; importing it may fetch the files."""
    try:
        module = importlib.import_module(f'{_CATALOGUE}.{name}')
    except Exception as error:  # Whatever its download meets.
        raise HandError(
            f"robot_descriptions has '{name}', but it cannot be imported ({error}).",
            ErrorCode.FILE_NOT_FOUND,
        ) from error
    path = getattr(module, 'URDF_PATH', None)
    if path is None or not Path(path).is_file():
        raise HandError(
            f"The module '{name}' of robot_descriptions leads to no URDF (URDF_PATH is {path!r}).",
            ErrorCode.FILE_NOT_FOUND,
        )
    return Path(path)


def _read(path: Path) -> HandOverrides:
    try:
        text = path.read_text(encoding='utf-8')
    except (OSError, UnicodeDecodeError) as error:
        raise HandError(
            f"'{path}' cannot be read as text ({error}).", ErrorCode.INVALID_INPUT
        ) from error
    return read_overrides(text, f"'{path}'")
