"""Procedural textures that repeat without a seam: plain, checker, stripes, wood, stone, tiles."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

SIZE = 512  # px, side of a texture
Picture = NDArray[np.float32]  # [SIZE, SIZE, 3] linear RGB


def draw_texture(kind: str, rng: np.random.Generator) -> Picture:
    """Draw one of `TEXTURES` with colours and proportions by chance."""
    return np.clip(TEXTURES[kind](rng), 0.01, 0.95).astype(np.float32)


def draw_color(rng: np.random.Generator, saturation: float = 0.95) -> NDArray[np.float64]:
    """Linear RGB [3] of a thing: any hue, `saturation` at most, neither black nor white."""
    hue, strength = rng.random(), saturation * rng.random() ** 0.5
    value = rng.uniform(0.05, 0.75)
    wheel = 0.5 + 0.5 * np.cos(2 * np.pi * (hue - np.array([0.0, 1 / 3, 2 / 3])))
    return value * (1 - strength + strength * wheel)


def noise(
    rng: np.random.Generator, *, roughness: float = 1.5, stretch: tuple[float, float] = (1, 1)
) -> NDArray[np.float64]:
    """Periodic noise [SIZE, SIZE] of mean 0 and variance 1.

    White noise whose amplitudes fall with frequency to the power of `roughness`; `stretch` makes
    its grains longer along rows and columns.
    """
    frequency = np.fft.fftfreq(SIZE) * SIZE
    rows, columns = frequency[:, None] * stretch[0], frequency[None, : SIZE // 2 + 1] * stretch[1]
    spectrum = np.fft.rfft2(rng.normal(size=(SIZE, SIZE)))
    spectrum *= (1 + rows**2 + columns**2) ** (-roughness / 2)
    spectrum[0, 0] = 0
    values = np.fft.irfft2(spectrum, s=(SIZE, SIZE))
    return values / values.std()


def _plain(rng: np.random.Generator) -> Picture:
    """One colour, a little worn."""
    return draw_color(rng) * (1 + rng.uniform(0.02, 0.08) * noise(rng))[..., None]


def _checker(rng: np.random.Generator) -> Picture:
    count = 2 * int(rng.integers(2, 9))
    v, u = np.indices((SIZE, SIZE)) * count // SIZE
    return _worn(_mix(draw_color(rng), draw_color(rng), ((u + v) % 2).astype(float)), rng)


def _stripes(rng: np.random.Generator) -> Picture:
    """Bands of two to four colours and of different widths."""
    edges = np.sort(rng.integers(0, SIZE, size=2 * int(rng.integers(3, 12))))
    colors = np.array([draw_color(rng) for _ in range(int(rng.integers(2, 5)))])
    band = np.searchsorted(edges, np.arange(SIZE), side='right') % len(edges)
    row = colors[band % len(colors)]
    return _worn(np.broadcast_to(row, (SIZE, SIZE, 3)), rng)


def _wood(rng: np.random.Generator) -> Picture:
    """Boards along the columns, with rings that noise bends, and a fine grain."""
    light = np.array([0.50, 0.30, 0.15]) * rng.uniform(0.5, 1.3) * rng.uniform(0.85, 1.15, 3)
    dark = light * rng.uniform(0.35, 0.7)
    boards = int(rng.integers(1, 6))
    u = np.broadcast_to(np.arange(SIZE) / SIZE, (SIZE, SIZE))
    board = np.floor(u * boards).astype(int)
    bend = noise(rng, roughness=2.0, stretch=(8.0, 1.0))
    rings = np.sin(2 * np.pi * (boards * 6 * u + 0.7 * bend + rng.random(boards)[board] * 6))
    grain = noise(rng, roughness=0.6, stretch=(24.0, 1.0))
    share = np.clip(0.5 + 0.3 * rings + 0.18 * grain, 0, 1)
    picture = _mix(light, dark, share) * rng.uniform(0.8, 1.1, boards)[board][..., None]
    joint = np.abs((u * boards + 0.5) % 1 - 0.5) < 0.004 * boards
    return picture * np.where(joint & (boards > 1), 0.4, 1.0)[..., None]


def _stone(rng: np.random.Generator) -> Picture:
    """Grains of three colours, as in granite or terrazzo."""
    base = draw_color(rng, 0.25)
    picture = np.broadcast_to(base, (SIZE, SIZE, 3)) * (1 + 0.06 * noise(rng))[..., None]
    for _ in range(2):
        grains = noise(rng, roughness=rng.uniform(0.8, 1.4), stretch=(0.2, 0.2))
        share = np.clip(4 * (grains - rng.uniform(0.6, 1.6)), 0, 1)
        picture = _mix(picture, draw_color(rng, 0.3), share)
    return picture


def _tiles(rng: np.random.Generator) -> Picture:
    """Square tiles of like colours, parted by grout."""
    count = int(rng.integers(2, 7))
    v, u = np.indices((SIZE, SIZE)) * count / SIZE
    tint = rng.uniform(0.8, 1.2, (count, count))[v.astype(int), u.astype(int)]
    edge = np.minimum(np.abs((u + 0.5) % 1 - 0.5), np.abs((v + 0.5) % 1 - 0.5))
    tile = _worn(draw_color(rng, 0.4) * tint[..., None], rng)
    return _mix(tile, np.array(3 * [rng.uniform(0.1, 0.5)]), np.clip(3 - edge / 0.008, 0, 1))


def _mix(a: NDArray, b: NDArray, share: NDArray) -> NDArray:
    return a + share[..., None] * (b - a)


def _worn(picture: NDArray, rng: np.random.Generator) -> NDArray:
    return picture * (1 + rng.uniform(0.02, 0.07) * noise(rng))[..., None]


TEXTURES: dict[str, Callable[[np.random.Generator], Picture]] = {
    'plain': _plain,
    'checker': _checker,
    'stripes': _stripes,
    'wood': _wood,
    'stone': _stone,
    'tiles': _tiles,
}
