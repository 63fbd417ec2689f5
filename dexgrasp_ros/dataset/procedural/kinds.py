"""What kinds of objects there are: each a function from random numbers to a solid, in metres.

All are built by manifold3d, whose booleans of closed solids are closed. Sizes are drawn about
those of things that a hand takes; `objects.py` brings what came out too small or too large back.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from manifold3d import CrossSection, FillRule, Manifold, OpType
from numpy.typing import NDArray

_ROUND = 40  # corners of a circle: chords of a radius of 5 cm are 0.15 mm off
_BALL = 20  # of the balls that rounded things are hulls of

Solid: TypeAlias = Manifold
Draw: TypeAlias = Callable[[np.random.Generator], Solid]


def box(rng: np.random.Generator) -> Solid:
    """Packets and blocks, half of them with round edges."""
    half = rng.uniform(0.012, 0.07, 3) * [1.0, 1.0, rng.choice([0.6, 1.0, 1.6])]
    radius = rng.uniform(0.05, 0.5) * half.min() if rng.random() < 0.5 else 0.0
    return _rounded_box(half, radius)


def plate(rng: np.random.Generator) -> Solid:
    """Thin things: boards, discs, lids, shallow dishes."""
    thickness, radius = rng.uniform(0.004, 0.015), rng.uniform(0.03, 0.11)
    form = rng.integers(3)
    if form == 0:
        half = np.array([radius, radius * rng.uniform(0.3, 1.0), thickness / 2])
        return _rounded_box(half, rng.choice([0.0, 0.8]) * half[2])
    if form == 1:
        return Manifold.cylinder(thickness, radius, -1.0, _ROUND)
    depth = thickness + rng.uniform(0.008, 0.03)
    flat = 0.7 * radius
    bottom = [[0, 0], [flat, 0], [radius, depth]]
    top = [[radius - thickness, depth], [flat - thickness / 2, thickness], [0, thickness]]
    return _turned([*bottom, *top])


def can(rng: np.random.Generator) -> Solid:
    """Cans, jars, tubes, cones and prisms of few sides."""
    radius, height = rng.uniform(0.012, 0.05), rng.uniform(0.03, 0.2)
    sides = _ROUND if rng.random() < 0.7 else int(rng.integers(3, 9))
    solid = Manifold.cylinder(height, radius, radius * rng.uniform(0.6, 1.0), sides)
    if rng.random() < 0.25:
        hole = Manifold.cylinder(2.0 * height, radius * rng.uniform(0.4, 0.6), -1.0, sides)
        solid -= hole.translate([0.0, 0.0, -0.5 * height])
    return solid


def bottle(rng: np.random.Generator) -> Solid:
    """Bottles: a body, a shoulder and a neck, turned."""
    radius, height = rng.uniform(0.018, 0.045), rng.uniform(0.1, 0.24)
    neck = radius * rng.uniform(0.3, 0.6)
    waist = radius * rng.uniform(0.75, 1.0)
    shoulder, top = height * rng.uniform(0.5, 0.7), height * rng.uniform(0.75, 0.9)
    body = [[0, 0], [0.9 * radius, 0], [radius, 0.04 * height], [waist, 0.5 * shoulder]]
    return _turned([*body, [radius, shoulder], [neck, top], [1.1 * neck, height], [0, height]])


def bowl(rng: np.random.Generator) -> Solid:
    """Bowls: an arc about the axis, with a wall and a flat foot."""
    radius, wall = rng.uniform(0.035, 0.09), rng.uniform(0.003, 0.009)
    depth = radius * rng.uniform(0.5, 1.0)
    angle = np.linspace(0.25, 0.5 * np.pi, 9)
    outer = np.stack([radius * np.sin(angle), depth * (1.0 - np.cos(angle))], axis=1)
    inner = np.stack(
        [(radius - wall) * np.sin(angle), depth - (depth - wall) * np.cos(angle)], axis=1
    )
    foot, bottom = outer[0, 1], inner[0, 1]
    return _turned([[0, foot], *outer.tolist(), *inner[::-1].tolist(), [0, bottom]])


def mug(rng: np.random.Generator) -> Solid:
    """Cups with a wall and a handle that fingers go through, or only hook."""
    radius, height = rng.uniform(0.028, 0.048), rng.uniform(0.06, 0.13)
    wall, taper = rng.uniform(0.003, 0.007), rng.uniform(0.75, 1.05)
    bow, thick = height * rng.uniform(0.25, 0.38), rng.uniform(0.004, 0.008)
    ring = CrossSection.circle(thick, 16).translate([bow, 0.0])
    handle = Manifold.revolve(ring, _ROUND).rotate([90.0, 0.0, 0.0])
    handle = handle.scale([rng.uniform(0.7, 1.1), 1.0, 1.0])
    handle = handle.translate([0.9 * radius, 0.0, 0.5 * height])
    body = Manifold.cylinder(height, taper * radius, radius, _ROUND)
    inside = Manifold.cylinder(height, taper * radius - wall, radius - wall, _ROUND)
    return (body + handle) - inside.translate([0.0, 0.0, wall])


def tool(rng: np.random.Generator) -> Solid:
    """Grips with a head: hammers, screwdrivers, spatulas, pans without a rim."""
    length, radius = rng.uniform(0.08, 0.15), rng.uniform(0.007, 0.016)
    grip = _rod([0.0, 0.0, 0.0], [0.0, 0.0, length], radius, radius * rng.uniform(0.7, 1.2))
    form = rng.integers(4)
    if form == 0:
        half = np.array([rng.uniform(0.03, 0.06), *rng.uniform(0.009, 0.02, 2)])
        return grip + _rounded_box(half, 0.2 * half.min()).translate([0.0, 0.0, length])
    if form == 1:
        shaft = _rod([0, 0, length], [0, 0, 1.75 * length], 0.4 * radius, 0.3 * radius)
        return grip + shaft
    if form == 2:
        half = np.array([rng.uniform(0.015, 0.04), 0.3 * radius, rng.uniform(0.02, 0.05)])
        return grip + _rounded_box(half, 0.2 * half[1]).translate([0, 0, length + 0.9 * half[2]])
    disc = Manifold.cylinder(rng.uniform(0.01, 0.03), rng.uniform(0.025, 0.05), -1.0, _ROUND, True)
    return grip + disc.rotate([90.0, 0.0, 0.0]).translate([0.0, 0.0, length + 0.015])


def bent(rng: np.random.Generator) -> Solid:
    """Rods along an arc or with corners, and rings."""
    thick = rng.uniform(0.008, 0.022)
    if rng.random() < 0.2:
        ring = CrossSection.circle(thick, 20).translate([thick + rng.uniform(0.015, 0.06), 0.0])
        return Manifold.revolve(ring, _ROUND)
    count = int(rng.integers(2, 7))
    turn = rng.uniform(0.6, 4.0) / count * rng.choice([1.0, 1.0, -1.0], count)
    step = rng.uniform(0.07, 0.2) / count
    heading = np.cumsum(turn)
    way = np.cumsum(np.stack([np.cos(heading), np.sin(heading), 0 * heading], axis=1), axis=0)
    places = np.vstack([np.zeros(3), step * way])
    radii = thick * rng.uniform(0.7, 1.2, count + 1)
    rods = [_rod(*places[k : k + 2], *radii[k : k + 2]) for k in range(count)]
    return Manifold.batch_boolean(rods, OpType.Add)


def joined(rng: np.random.Generator) -> Solid:
    """Two to four simple solids grown into each other."""
    solid = _part(rng)
    for _ in range(rng.integers(1, 4)):
        low, high = np.split(np.array(solid.bounding_box()), 2)
        solid += _part(rng).translate(rng.uniform(low, high))
    return solid


KINDS: dict[str, Draw] = {
    kind.__name__: kind for kind in (bent, bottle, bowl, box, can, joined, mug, plate, tool)
}


def _part(rng: np.random.Generator) -> Solid:
    half = rng.uniform(0.01, 0.04, 3)
    form = rng.integers(3)
    if form == 0:
        part = _rounded_box(half, 0.15 * half.min())
    elif form == 1:
        part = Manifold.cylinder(2.0 * half[2], half[0], half[1], _ROUND, True)
    else:
        part = Manifold.sphere(1.0, _ROUND).scale(half)
    return part.rotate(rng.uniform(0.0, 360.0, 3))


def _rounded_box(half: NDArray[np.float64], radius: float) -> Solid:
    """Box of half extents [3] about the origin, whose edges are rounded by `radius`."""
    if radius <= 0.0:
        return Manifold.cube(2.0 * half, True)
    core, ball = half - radius, Manifold.sphere(radius, _BALL)
    corners = np.stack(np.meshgrid(*[[-1.0, 1.0]] * 3), axis=-1).reshape(-1, 3) * core
    return Manifold.batch_hull([ball.translate(corner) for corner in corners])


def _rod(start: object, end: object, first: float, last: float) -> Solid:
    """Round rod between two places, whose ends are balls of two radii."""
    balls = [Manifold.sphere(r, _BALL).translate(p) for p, r in ((start, first), (end, last))]
    return Manifold.batch_hull(balls)


def _turned(profile: list[list[float]]) -> Solid:
    """Turn a profile of (radius, height) about the z axis."""
    # The fill rule takes the outline whichever way round it is given.
    return Manifold.revolve(CrossSection([np.array(profile)], FillRule.EvenOdd), _ROUND)
