"""Hands of robot_descriptions, a catalogue on PyPI whose modules fetch what they describe."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import pkgutil
from pathlib import Path

from dexgrasp_ros.core.errors import ErrorCode, HandError, choices

_CATALOGUE = 'robot_descriptions'
_SUFFIX = '_description'
_MJCF = '_mj'  # modules that end so before the suffix lead to MJCF
_NEAR = 0.7  # difflib's ratio of two names: 'leap_hand' has 0.86 to 'leap_hand_v1', 0.64 to 'go2'


def catalogue_name(name: str) -> str:
    """Name of a module without that of the package."""
    return name.removeprefix(f'{_CATALOGUE}.')


def is_in_catalogue(name: str) -> bool:
    """Whether robot_descriptions is installed and has such a module."""
    module = f'{_CATALOGUE}.{catalogue_name(name)}'
    if not all(part.isidentifier() for part in module.split('.')):
        return False
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def catalogue_path(name: str) -> Path:
    """``URDF_PATH`` of a module of robot_descriptions; importing it may fetch the files.

    Raises
    ------
    HandError
        FILE_NOT_FOUND.
    """
    try:
        module = importlib.import_module(f'{_CATALOGUE}.{name}')
    except Exception as error:  # Whatever its download meets.
        raise HandError(
            f"robot_descriptions has '{name}', but it cannot be imported ({error}).",
            ErrorCode.FILE_NOT_FOUND,
        ) from error
    path = getattr(module, 'URDF_PATH', None)
    if path is None or not Path(path).is_file():
        others = [key for key in vars(module) if key.endswith('_PATH') and key.isupper()]
        raise HandError(
            f"The module '{name}' of robot_descriptions leads to no URDF (URDF_PATH is {path!r}, "
            f'it has {choices(others)}); expected one that does, or the path of a URDF or xacro '
            f'file.{catalogue_hint(name)}',
            ErrorCode.FILE_NOT_FOUND,
        )
    return Path(path)


def catalogue_hint(name: str) -> str:
    """Say what helps where an unknown name looks like a module, else nothing; import none."""
    try:
        package = importlib.util.find_spec(_CATALOGUE)
    except (ImportError, ValueError):
        package = None
    if package is None:
        if name.startswith(f'{_CATALOGUE}.') or name.endswith(_SUFFIX):
            return (
                ' For a module of robot_descriptions install that first: '
                'pip install robot_descriptions.'
            )
        return ''
    modules = {
        found.name.removesuffix(_SUFFIX): found.name
        for found in pkgutil.iter_modules(package.submodule_search_locations)
        if found.name.endswith(_SUFFIX) and not found.name.endswith(f'{_MJCF}{_SUFFIX}')
    }
    asked = catalogue_name(name).lower().removesuffix(_SUFFIX).removesuffix(_MJCF)
    near = difflib.get_close_matches(asked, modules, cutoff=_NEAR)
    if not near:
        return ''
    return f' robot_descriptions has {choices(modules[n] for n in near)}.'
