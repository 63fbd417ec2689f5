"""Xacro files, expanded with arguments and without a sourced ROS."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from dexgrasp_ros.core.errors import ErrorCode, HandError, choices
from dexgrasp_ros.hand.packages import package_folders
from dexgrasp_ros.hand.plain_text import decode

_SUFFIX = '.xacro'


def is_xacro(path: Path) -> bool:
    """Whether a file's name says that xacro has to expand it."""
    return path.suffix.lower() == _SUFFIX


def expand(path: Path, given: Mapping[str, object]) -> str:
    """URDF that a xacro file makes.

    Parameters
    ----------
    path
        The file. ``$(find package)`` in it is sought as ``package://`` is for meshes.
    given
        Values of its arguments; the others have their defaults.

    Raises
    ------
    HandError
        INVALID_URDF where an argument without default is missing or xacro cannot expand it,
        FILE_NOT_FOUND for a package, INVALID_INPUT for an argument that it does not have.
    """
    import xacro

    arguments = _Arguments({str(name): str(value) for name, value in given.items()})
    missing_packages: list[str] = []
    try:
        # Not `process_file`, which opens files in the system's encoding.
        document = xacro.parse(decode(path.read_bytes(), f"'{path}'").lstrip('\ufeff \t\r\n'))
        macros = [e.getAttribute('name') for e in document.getElementsByTagName('xacro:macro')]
        xacro.init_stacks(str(path))
        with _packages_beside(path, missing_packages):
            xacro.process_doc(document, mappings=arguments)
    except HandError:
        raise
    except Exception as error:  # Whatever its expressions raise.
        if missing_packages:
            raise _no_package(path, missing_packages[0]) from error
        if arguments.missing is not None:
            raise _no_argument(path, arguments.missing) from error
        why = ' '.join(str(error).split()) or type(error).__name__
        raise HandError(f"xacro cannot expand '{path}' ({why}).") from error
    unknown = set(given) - arguments.asked
    if unknown:
        raise HandError(
            f"The xacro file '{path}' has no argument {choices(unknown)}; it has "
            f'{choices(arguments.asked - unknown)}.',
            ErrorCode.INVALID_INPUT,
        )
    if not document.getElementsByTagName('link'):
        only = f'; it only defines the macros {choices(macros)}' if macros else ''
        raise HandError(
            f"The xacro file '{path}' expands to no <link>{only}; expected one that makes a hand."
        )
    return document.toxml()


class _Arguments(dict[str, str]):
    """Values by name; xacro adds the defaults. Keeps in mind what was asked for."""

    def __init__(self, given: Mapping[str, str]) -> None:
        super().__init__(given)
        self.asked: set[str] = set()
        self.missing: str | None = None

    def __contains__(self, name: object) -> bool:
        self.asked.add(str(name))
        return super().__contains__(name)

    def __getitem__(self, name: str) -> str:
        self.asked.add(name)
        if name not in self:
            self.missing = name
        return super().__getitem__(name)


@contextlib.contextmanager
def _packages_beside(path: Path, missing: list[str]) -> Iterator[None]:
    """Let xacro find packages that no ament index knows; `missing` gets what is nowhere."""
    from xacro import substitution_args

    around = tuple(path.resolve().parents)

    def find(package: str) -> str:
        for folder in package_folders(package, around):
            if folder.is_dir():
                return str(folder)
        missing.append(package)
        raise LookupError(package)

    # xacro has no other door: it imports ament_index_python here, which is there with ROS only.
    before = substitution_args._eval_find
    substitution_args._eval_find = find
    try:
        yield
    finally:
        substitution_args._eval_find = before


def _no_argument(path: Path, name: str) -> HandError:
    return HandError(
        f"The xacro file '{path}' has no default for its argument '{name}'; give it a value: "
        f"--xacro-args {name}:=VALUE, in Python xacro_args={{'{name}': VALUE}}."
    )


def _no_package(path: Path, package: str) -> HandError:
    return HandError(
        f"The xacro file '{path}' needs the ROS package '{package}' ($(find {package})), which "
        'is neither in AMENT_PREFIX_PATH or ROS_PACKAGE_PATH nor in a folder around the file; '
        f"put '{package}' beside it or source its workspace, or give the URDF that xacro makes "
        'where it is.',
        ErrorCode.FILE_NOT_FOUND,
    )
