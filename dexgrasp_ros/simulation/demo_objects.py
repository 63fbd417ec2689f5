"""Household objects made in code: closed meshes in metres that stand on z = 0."""

from __future__ import annotations

import manifold3d
import numpy as np
import trimesh
from manifold3d import CrossSection, Manifold

_SEGMENTS = 96  # of a full circle


def make_bottle(
    *, height: float = 0.19, radius: float = 0.034, neck_radius: float = 0.015
) -> trimesh.Trimesh:
    """Make a bottle: a body with rounded bottom, a shoulder, a neck and a cap."""
    shoulder = np.linspace(0, np.pi, 16)
    fall = (radius - neck_radius) / 2
    profile = [
        [0, 0],
        *_arc(radius - 0.008, 0.008, 0.008, -90, 0),
        *np.column_stack(
            [
                neck_radius + fall * (1 + np.cos(shoulder)),
                height * (0.58 + 0.20 * shoulder / np.pi),
            ]
        ),
        [neck_radius, 0.85 * height],
        *_arc(neck_radius, 0.86 * height + 0.002, 0.002, -90, 0),
        *_arc(neck_radius, height - 0.003, 0.002, 0, 90),
        [0, height - 0.001],
    ]
    return _mesh(_revolve(profile))


def make_mug(
    *,
    height: float = 0.095,
    radius: float = 0.041,
    wall: float = 0.004,
    handle_width: float = 0.012,
) -> trimesh.Trimesh:
    """Make a hollow mug whose handle points along +x."""
    outside = _revolve(
        [
            [0, 0],
            *_arc(radius - 0.005, 0.005, 0.005, -90, 0),
            *_arc(radius - wall / 2, height - wall / 2, wall / 2, 0, 90),
            [0, height],
        ]
    )
    inner = radius - wall
    inside = _revolve(
        [
            [0, wall],
            *_arc(inner - 0.008, wall + 0.008, 0.008, -90, 0),
            [inner, height - wall / 2],
            *_arc(inner + wall / 2, height - wall / 2, wall / 2, 180, 90),
            [inner + wall / 2, height + 0.01],
            [0, height + 0.01],
        ]
    )
    # A ring of round section, stretched upwards, that dives into the wall.
    ring = Manifold.revolve(
        CrossSection.circle(handle_width / 2, 32).translate((0.026, 0)), _SEGMENTS
    )
    ring = ring.rotate((90, 0, 0)).scale((1, 1, 1.15)).translate((radius + 0.002, 0, 0.5 * height))
    return _mesh((outside + ring) - inside)


def make_box(
    *, length: float = 0.11, width: float = 0.06, height: float = 0.075, rounding: float = 0.004
) -> trimesh.Trimesh:
    """Make a carton with rounded edges."""
    corner = Manifold.sphere(rounding, 24)
    half = np.array([length, width, height]) / 2 - rounding
    signs = np.stack(np.meshgrid(*[[-1, 1]] * 3), axis=-1).reshape(-1, 3)
    hull = Manifold.batch_hull([corner.translate(tuple(half * s)) for s in signs])
    return _mesh(hull.translate((0, 0, height / 2)))


def _arc(r: float, z: float, radius: float, start: float, end: float) -> list[tuple[float, float]]:
    """Points (r, z) of an arc about a centre, from one angle to another [degrees]."""
    angle = np.radians(np.linspace(start, end, 9))
    return [(r + radius * np.cos(a), z + radius * np.sin(a)) for a in angle]


def _revolve(profile: list) -> Manifold:
    """Turn a profile of (r, z), counter-clockwise, about the z axis."""
    outline = CrossSection([np.asarray(profile, dtype=np.float64)], manifold3d.FillRule.NonZero)
    return outline.revolve(_SEGMENTS)


def _mesh(solid: Manifold) -> trimesh.Trimesh:
    raw = solid.to_mesh()
    return trimesh.Trimesh(raw.vert_properties[:, :3], raw.tri_verts, process=False)
