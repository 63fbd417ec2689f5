"""The room that a scene stands in: table, floor, walls; their looks and lights by a seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import trimesh
from numpy.typing import NDArray

from dexgrasp_ros.core.poses import matrix_to_pose
from dexgrasp_ros.dataset.render.textures import draw_texture
from dexgrasp_ros.simulation.appearance import WHITE, Appearance, Lamp, Material
from dexgrasp_ros.simulation.bodies import Body

BACKGROUND, TABLE, OBJECT = 0, 1, 2  # labels
_HEIGHT = 2.7  # m, of the room, and the object's height
# A camera 1.5 m from the object is inside, and the farthest corner nearer than 6.5 m, where 16
# bits of 0.1 mm end.
_HALF_WIDTH = (1.9, 2.4)  # m, and the object's reach
_TABLE_HEIGHT = (0.6, 0.9)  # m
_MARGIN = 0.15  # m of table around the object at least
# What each surface may be made of, with the length of a repetition [m].
_KINDS = {
    'table': (('plain', 'checker', 'stripes', 'wood', 'wood', 'stone', 'tiles'), (0.4, 1.0)),
    'object': (('plain', 'plain', 'plain', 'checker', 'stripes', 'stone', 'wood'), (0.1, 0.4)),
    'floor': (('plain', 'wood', 'stone', 'tiles'), (1.0, 2.5)),
    'walls': (('plain', 'plain', 'plain', 'tiles', 'stripes'), (1.5, 3.0)),
}


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Bodies in a world whose table top is z = 0, and how they look."""

    bodies: tuple[Body, ...]  # floor, walls, table, and the objects
    appearance: Appearance
    occluders: tuple[int, ...]  # bodies that throw shadows: light comes in through the walls


def build_stage(things: Sequence[Body], seed: int) -> Stage:
    """Set objects on a table in a room.

    Parameters
    ----------
    things
        The objects in a world whose table top is z = 0.
    seed
        Of the table's size and place, of all looks, and of the lights.
    """
    rng = np.random.default_rng(seed)
    points = np.concatenate([thing.posed_vertices() for thing in things])
    middle = (points.min(axis=0) + points.max(axis=0)) / 2
    reach = float(np.linalg.norm(points[:, :2] - middle[:2], axis=1).max())
    bodies = (*_room(rng, middle, reach), _table(rng, middle, reach), *things)
    kinds = ('floor', 'walls', 'table', *['object'] * len(things))
    textures, materials = [], []
    for index, (kind, body) in enumerate(zip(kinds, bodies, strict=True)):
        names, (shortest, longest) = _KINDS[kind]
        textures.append(draw_texture(str(rng.choice(names)), rng))
        materials.append(
            Material(
                texture=index,
                tile=rng.uniform(shortest, longest),
                highlight=rng.uniform(0.0, 0.25) ** 1.5 if kind in ('table', 'object') else 0.0,
                gloss=rng.uniform(10.0, 80.0),
            )
        )
        if body.paint is not None:
            textures[-1] = np.full_like(textures[-1], WHITE)
            materials[-1] = Material(texture=index, tile=1.0)
    sky, lamps = _lights(rng)
    appearance = Appearance(
        textures=np.array(textures),
        materials=tuple(materials),
        sky=sky,
        sky_reach=rng.uniform(0.1, 0.3),
        # What falls on the table and comes back; it sees the sky and, aslant, the lamps.
        bounce=textures[2].mean(axis=(0, 1))
        * (sky + sum(lamp.color * lamp.toward[2] for lamp in lamps)),
        lamps=lamps,
    )
    return Stage(bodies=bodies, appearance=appearance, occluders=tuple(range(2, len(bodies))))


def _room(
    rng: np.random.Generator, middle: NDArray[np.float64], reach: float
) -> tuple[Body, Body]:
    """Floor, and walls with ceiling: a box around the table, turned about the vertical."""
    x, y = rng.uniform(*_HALF_WIDTH, size=2) + reach
    low = -rng.uniform(*_TABLE_HEIGHT)
    box = trimesh.creation.box(bounds=[[-x, -y, low], [x, y, low + _HEIGHT + 2 * middle[2]]])
    is_floor = box.face_normals[:, 2] < -0.5
    pose = _turned(rng, middle)
    vertices = np.asarray(box.vertices)
    return (
        Body(vertices=vertices, faces=box.faces[is_floor], pose=pose, label=BACKGROUND),
        Body(vertices=vertices, faces=box.faces[~is_floor], pose=pose, label=BACKGROUND),
    )


def _table(rng: np.random.Generator, middle: NDArray[np.float64], reach: float) -> Body:
    """Lay a board under the object, larger than it, and not with the object in its middle."""
    spare = rng.uniform(0.0, 0.4, size=(2, 2))
    size = reach + _MARGIN + spare
    thickness = rng.uniform(0.015, 0.05)
    box = trimesh.creation.box(bounds=[[*-size[0], -thickness], [*size[1], 0.0]])
    return Body(
        vertices=np.asarray(box.vertices),
        faces=np.asarray(box.faces),
        pose=_turned(rng, middle),
        label=TABLE,
    )


def _turned(rng: np.random.Generator, middle: NDArray[np.float64]) -> NDArray[np.float64]:
    """Pose [7] on the table's plane, at the object's middle, any way round."""
    angle = rng.uniform(0.0, 2 * np.pi)
    matrix = np.eye(4)
    matrix[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    matrix[:2, 3] = middle[:2]
    return matrix_to_pose(matrix)


def _lights(rng: np.random.Generator) -> tuple[NDArray[np.float64], tuple[Lamp, ...]]:
    """Sky, and one to three lamps above the table; together about what fills a picture's range."""
    count = int(rng.integers(1, 4))
    total = rng.uniform(0.55, 1.05)
    sky_share = rng.uniform(0.2, 0.5)
    shares = rng.dirichlet(np.full(count, 2.0)) * (1 - sky_share)
    lamps = []
    for share in shares:
        azimuth, elevation = rng.uniform(0, 2 * np.pi), rng.uniform(0.5, 1.4)
        flat = np.cos(elevation)
        toward = np.array([flat * np.cos(azimuth), flat * np.sin(azimuth), np.sin(elevation)])
        # Lambert's law takes the sine of the elevation from what falls on the table.
        color = 1.4 * total * share * _white(rng)
        lamps.append(Lamp(toward=toward, radius=rng.uniform(0.02, 0.25), color=color))
    return total * sky_share * _white(rng), tuple(lamps)


def _white(rng: np.random.Generator) -> NDArray[np.float64]:
    """White, warmer or cooler: from a bulb's orange to a clear sky's blue; mean 1."""
    warmth = rng.uniform(-0.12, 0.25)
    return np.array([1 + warmth, 1.0, 1 - warmth])
