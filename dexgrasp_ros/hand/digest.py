"""What tells one hand from another: a digest of all that a grasp depends on."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.core.poses import pose_to_matrix
from dexgrasp_ros.hand.document import parse_document
from dexgrasp_ros.hand.meshes import MeshError, MeshFinder

if TYPE_CHECKING:
    from yourdfpy.urdf import Geometry, Robot

# Of m, rad, N …; rotations from angles differ in their last digits from machine to machine.
_DECIMALS = 9
_TREE = (
    *('link_names', 'link_parents', 'joint_types', 'joint_axes', 'coordinates', 'multipliers'),
    *('offsets', 'joint_names', 'lower', 'upper', 'velocity_limits', 'effort_limits'),
)


def with_digest(
    hand: HandModel, document: Robot | None = None, finder: MeshFinder | None = None
) -> HandModel:
    """Return the hand with its `digest`, from its tree and the geometry in its description.

    `document` is the description where it was parsed already, and `finder` may have read its
    mesh files.

    Two descriptions have the same digest exactly where links, joints (names, order, frames, axes,
    what follows or is locked, limits of position, speed and effort) and collision geometry
    (primitives, corners of meshes, their scale and place) of the hand are the same. The name
    of the robot, comments, layout, drawings, masses, an arm above the hand and where mesh files
    lie have no part in it; neither has how meshes are cut into pieces.
    """
    tree = (getattr(hand, name) for name in _TREE)
    document = document or parse_document(hand.urdf, 'the description')
    geometry = _geometry(hand, document, finder or MeshFinder(None, []))
    digest = hashlib.sha256()
    for part in itertools.chain(tree, [pose_to_matrix(hand.joint_origins)], geometry):
        digest.update(_bytes(part))
        digest.update(b'\0')
    return dataclasses.replace(hand, digest=digest.hexdigest())


def _geometry(hand: HandModel, document: Robot, finder: MeshFinder) -> Iterator[object]:
    """Geometry that the hand touches with, link by link, as its description has it."""
    links = {link.name: link for link in document.links}
    for name in hand.link_names:
        yield name
        # What is drawn counts where there is nothing else, as in `collision_shapes`.
        for element in links[name].collisions or links[name].visuals:
            yield np.eye(4) if element.origin is None else element.origin
            yield from _shape(element.geometry, finder)


def _shape(geometry: Geometry, finder: MeshFinder) -> Iterator[object]:
    if geometry.box is not None:
        yield from ('box', geometry.box.size)
    if geometry.sphere is not None:
        yield from ('sphere', geometry.sphere.radius)
    if geometry.cylinder is not None:
        shape = geometry.cylinder
        yield from (type(shape).__name__, shape.radius, shape.length)
    if geometry.mesh is not None:
        yield _corners(geometry.mesh.filename, finder)
        scale = geometry.mesh.scale
        yield np.broadcast_to(1.0 if scale is None else scale, 3)


def _corners(filename: str, finder: MeshFinder) -> object:
    """Corners of a mesh, in an order that no reader decides; a word where there are none."""
    try:
        mesh = finder.load(filename)
    except MeshError:
        return 'missing'
    return np.unique(np.round(mesh.vertices, _DECIMALS), axis=0)


def _bytes(part: object) -> bytes:
    if isinstance(part, str | tuple):
        return repr(part).encode()
    # No negative zeros, which differ in their bytes alone.
    return (np.round(np.asarray(part, dtype='<f8'), _DECIMALS) + 0.0).tobytes()
