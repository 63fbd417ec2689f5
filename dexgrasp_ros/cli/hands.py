"""Options of the commands that load a hand."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

from dexgrasp_ros.core.errors import InputError
from dexgrasp_ros.core.hand_model import HandModel

# Several after one option, and the option several times.
XacroArgs = Annotated[
    tuple[tuple[str, ...], ...],
    tyro.conf.UseAppendAction,
    tyro.conf.arg(metavar='NAME:=VALUE [NAME:=VALUE ...]'),
]


def read_xacro_args(words: tuple[tuple[str, ...], ...]) -> dict[str, str]:
    """Values by name, of words such as ``side:=left``.

    Raises
    ------
    InputError
        INVALID_INPUT.
    """
    values = {}
    for word in (word for group in words for word in group):
        name, is_set, value = word.partition(':=')
        if not name or not is_set:
            raise InputError(f"--xacro-args has '{word}'; expected name:=value, as side:=left.")
        values[name] = value
    return values


def hand_file(hand: HandModel, folder: Path) -> Path:
    """Write a hand as a URDF that needs no options: all that was said of it stands in it."""
    path = folder.resolve() / f'{hand.name}.urdf'
    path.write_text(hand.urdf, encoding='utf-8')
    return path
