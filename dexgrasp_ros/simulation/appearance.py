"""How a scene looks: textures of its bodies, and lights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Material:
    """How a body takes light. Its texture lies on the three axis planes of the body's frame."""

    texture: int  # index
    tile: float  # m, side of one repetition of the texture
    highlight: float = 0.0  # strength of mirrored lights (Blinn-Phong)
    gloss: float = 30.0  # exponent: the larger, the smaller the highlight


@dataclass(frozen=True, kw_only=True)
class Lamp:
    """A disc of light so far away that it lies in one direction from everywhere."""

    toward: NDArray[np.float64]  # unit [3], to its centre
    radius: float  # rad: softness of the shadows
    color: NDArray[np.float64]  # linear RGB; a white surface that faces it gets as much


@dataclass(frozen=True, kw_only=True)
class Appearance:
    """Textures, materials and lights of one scene."""

    textures: NDArray[np.float32]  # [T, S, S, 3] linear RGB, which repeat without a seam
    materials: tuple[Material, ...]  # one for each body
    sky: NDArray[np.float64]  # linear RGB, from all around
    sky_reach: float  # m: farther things darken no corner
    bounce: NDArray[np.float64]  # linear RGB, thrown up by the table
    lamps: tuple[Lamp, ...]  # at most `MAX_LAMPS`


MAX_LAMPS = 3
WHITE = 0.8  # linear RGB of the texture under colours that a body has of its own
