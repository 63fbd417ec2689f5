"""Configuration dataclasses as command-line options, with their units and texts as help."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Collection
from typing import Annotated, Any

import tyro

from dexgrasp_ros.core.config import SynthesisConfig


def options_of(config: type, *, leave_out: Collection[str] = ()) -> type:
    """Dataclass with the fields of `config`, annotated so that ``--help`` describes them."""
    types = typing.get_type_hints(config)
    fields: list[tuple[str, Any, Any]] = []
    for f in dataclasses.fields(config):
        if f.name in leave_out:
            continue
        text, unit = f.metadata['text'], f.metadata['unit']
        help_text = text if unit in ('-', '1') else f'{text} [{unit}]'
        annotation = Annotated[types[f.name], tyro.conf.arg(help=help_text)]
        fields.append((f.name, annotation, dataclasses.field(default=f.default)))
    return dataclasses.make_dataclass(config.__name__, fields, frozen=True, kw_only=True)


SearchOptions = options_of(SynthesisConfig)


def synthesis_config(options: Any) -> SynthesisConfig:
    """Check the options' ranges and return the configuration.

    Raises
    ------
    InputError
        OUT_OF_RANGE.
    """
    return SynthesisConfig(**dataclasses.asdict(options))
