"""What follows from a hand's tree and geometry: points, palm, pairs; kept on disk."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.disk_cache import code_digest, load_arrays, store_arrays
from dexgrasp_ros.hand.anatomy import Anatomy
from dexgrasp_ros.hand.collision import self_collision_pairs
from dexgrasp_ros.hand.kinematics import tree_matrices
from dexgrasp_ros.hand.overrides import HandOverrides
from dexgrasp_ros.hand.palm import PalmModel, derive_palm
from dexgrasp_ros.hand.points import HandSurface, hand_surface
from dexgrasp_ros.hand.shapes import CollisionShapes
from dexgrasp_ros.hand.surface_motion import SurfaceMotion
from dexgrasp_ros.hand.tree import KinematicTree

_FOLDER = 'hands'


@dataclass(frozen=True, kw_only=True)
class Derived:
    """Results of `derive`."""

    surface: HandSurface
    palm: PalmModel
    pairs: NDArray[np.int32]  # [K, 2]


def derive(
    tree: KinematicTree,
    shapes: CollisionShapes,
    anatomy: Anatomy,
    spacings: NDArray[np.float64],
    overrides: HandOverrides,
) -> Derived:
    """Surface points, palm and self-collision pairs, from the disk where they were met before."""
    key = (
        code_digest(Path(__file__).parent),
        *vars(tree).values(),
        # The meshes follow from the planes.
        *(v for k, v in vars(shapes).items() if k != 'geometry_meshes'),
        spacings,
        # Of the overrides, what tree and shapes do not hold already.
        overrides.palm,
        sorted(overrides.closing.items()),
        sorted(overrides.preshape.items()),
    )
    names = [f.name for kind in (HandSurface, PalmModel) for f in fields(kind)]
    stored = load_arrays(_FOLDER, key)
    if stored is not None and {*names, 'pairs'} <= set(stored):
        palm = {f.name: stored[f.name] for f in fields(PalmModel)}
        return Derived(
            surface=HandSurface(**{f.name: stored[f.name] for f in fields(HandSurface)}),
            palm=PalmModel(**palm | {'doubt': float(palm['doubt'])}),
            pairs=stored['pairs'],
        )
    result = _derive(tree, shapes, anatomy, spacings, overrides)
    store_arrays(
        _FOLDER, key, {**vars(result.surface), **vars(result.palm), 'pairs': result.pairs}
    )
    return result


def _derive(
    tree: KinematicTree,
    shapes: CollisionShapes,
    anatomy: Anatomy,
    spacings: NDArray[np.float64],
    overrides: HandOverrides,
) -> Derived:
    zero = tree_matrices(tree, np.zeros((1, len(tree.joint_names))))[0]
    surface = hand_surface(shapes, anatomy, np.linalg.inv(zero[anatomy.bodies]) @ zero, spacings)
    motion = SurfaceMotion(
        tree=tree,
        points=surface.points,
        normals=surface.normals,
        links=shapes.geometry_links[surface.point_groups],
    )
    column = {name: i for i, name in enumerate(tree.joint_names)}
    palm = derive_palm(
        motion,
        anatomy,
        given=overrides.palm,
        given_closing={column[n]: s for n, s in overrides.closing.items() if n in column},
    )
    for name, value in overrides.preshape.items():
        if name in column:
            palm.preshape[column[name]] = value
    pairs = self_collision_pairs(motion, anatomy, shapes, surface.point_groups, palm.preshape)
    return Derived(surface=surface, palm=palm, pairs=pairs)
