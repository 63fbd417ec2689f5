"""Rendered tabletops whose labels are known: objects apart, touching, or on each other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import trimesh
from numpy.typing import NDArray

from dexgrasp_ros.core.depth_frame import DepthFrame
from dexgrasp_ros.simulation import Body, PinholeCamera, SensorNoise, render_depth_frame

ARRANGEMENTS = ('apart', 'touching', 'stacked')
# What other things stand on: their tops are flat and wide.
BASES = (
    '003_cracker_box',
    '010_potted_meat_can',
    '036_wood_block',
    '061_foam_brick',
    '077_rubiks_cube',
)
_COUNT = 5  # objects of a scene
_STACKS = 2
_APART = 0.06  # m between neighbours
_TABLE = (1.2, 1.2, 0.03)  # m


def make_scene(
    folder: Path, names: Sequence[str], arrangement: str, random_seed: int
) -> DepthFrame:
    """Five objects of `names` on a table, seen from about 0.8 m by a noisy camera.

    Objects stand in a row along a random direction, turned at random about the vertical: 'apart'
    by 6 cm, or 'touching' the one before. With 'stacked' two of them have flat tops (see `BASES`),
    on which two others stand. The camera has 640 x 480 px, a focal length of 525 px, and the noise
    of a Kinect v1; it looks down by 30 to 60 degrees. Colours are plain and drawn at random.
    """
    rng = np.random.default_rng(random_seed)
    bodies: list[Body] = []
    along = _direction(rng.uniform(0, 2 * np.pi))
    edge, tops = 0.0, []
    for k, name in enumerate(_choose(names, arrangement, rng)):
        vertices, faces = _turned(folder / f'{name}.obj', rng)
        if arrangement == 'stacked' and _STACKS <= k < 2 * _STACKS:
            vertices = vertices + tops[k - _STACKS] + np.append(rng.uniform(-0.01, 0.01, 2), 0)
        else:
            gap = 0.0 if arrangement == 'touching' else _APART
            shift = edge + gap - (vertices[:, :2] @ along).min()
            aside = np.array([-along[1], along[0]]) * rng.uniform(-0.02, 0.02)
            vertices = vertices + np.append(shift * along + aside, 0.0)
            edge = (vertices[:, :2] @ along).max()
            tops.append(np.append(vertices[:, :2].mean(axis=0), vertices[:, 2].max()))
        color = tuple(rng.uniform(0.05, 0.9, 3))
        bodies.append(Body(vertices=vertices, faces=faces, color=color, label=k + 1))
    middle = np.append(0.5 * edge * along, 0.05)
    bodies.append(_table(middle, rng))
    return render_depth_frame(
        bodies, _camera(middle, rng), noise=SensorNoise(), random_seed=random_seed
    )


def _choose(names: Sequence[str], arrangement: str, rng: np.random.Generator) -> list[str]:
    if arrangement != 'stacked':
        return [str(n) for n in rng.choice(names, _COUNT, replace=False)]
    bases = rng.choice([n for n in names if n in BASES], _STACKS, replace=False)
    others = [n for n in names if n not in bases]
    return [str(n) for n in (*bases, *rng.choice(others, _COUNT - _STACKS, replace=False))]


def _camera(target: NDArray[np.float64], rng: np.random.Generator) -> PinholeCamera:
    elevation, azimuth = np.radians(rng.uniform(30, 60)), rng.uniform(0, 2 * np.pi)
    direction = np.append(np.cos(elevation) * _direction(azimuth), np.sin(elevation))
    return PinholeCamera.looking_at(
        target + rng.uniform(0.7, 0.95) * direction,
        target,
        field_of_view=2 * np.arctan(240 / 525),
    )


def _direction(angle: float) -> NDArray[np.float64]:
    return np.array([np.cos(angle), np.sin(angle)])


def _table(middle: NDArray[np.float64], rng: np.random.Generator) -> Body:
    slab = trimesh.creation.box(_TABLE)
    color = tuple(rng.uniform(0.3, 0.7) * np.array([1.0, 0.9, 0.8]))
    vertices = slab.vertices + np.append(middle[:2], -_TABLE[2] / 2)
    return Body(vertices=vertices, faces=slab.faces, color=color)


def _turned(path: Path, rng: np.random.Generator) -> tuple[NDArray, NDArray]:
    """Vertices about the vertical axis through the middle, standing on z = 0, and faces."""
    mesh = trimesh.load(path, process=False)
    vertices = mesh.vertices - np.append(mesh.bounds.mean(axis=0)[:2], mesh.bounds[0, 2])
    angle = rng.uniform(0, 2 * np.pi)
    c, s = np.cos(angle), np.sin(angle)
    return vertices @ np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]]), np.asarray(mesh.faces)
