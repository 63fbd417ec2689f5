"""Options of the commands that load a hand."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

from dexgrasp_ros.core.errors import InputError
from dexgrasp_ros.core.files import write_text
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.core.names import path_within, safe_name

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
    path = path_within(folder.resolve(), f'{safe_name(hand.name)}.urdf')
    write_text(path, hand.urdf)
    return path
