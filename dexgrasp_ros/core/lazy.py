"""Names of a package that are imported when they are first used.

A process imports only what it needs: Warp, trimesh and SciPy take a second of processor time.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any


def lazy_names(
    package: str, homes: Mapping[str, Sequence[str]]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return `__getattr__` and `__dir__` of a package (PEP 562).

    Beside the call, the package imports the same names under ``TYPE_CHECKING``, where type
    checkers see them, and has them in `__all__`.

    Parameters
    ----------
    package
        Name of the package.
    homes
        Names that the package has, by the module below it that they stand in.
    """
    home_of = {name: module for module, names in homes.items() for name in names}

    def get(name: str) -> Any:
        if name not in home_of:
            raise AttributeError(f'module {package!r} has no attribute {name!r}')
        value = getattr(importlib.import_module(f'{package}.{home_of[name]}'), name)
        # From now on it is found without asking here.
        setattr(sys.modules[package], name, value)
        return value

    def names() -> list[str]:
        return sorted({*home_of, *vars(sys.modules[package])})

    return get, names
