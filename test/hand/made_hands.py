"""Small hands of boxes, by what they must be understood as: jaws, linkages, fingers on palms."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Iterable, Sequence

from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.hand import load_hand_text

Vector = Sequence[float]


@functools.cache
def load(urdf: str) -> HandModel:
    """Load a hand, once for all tests of a process."""
    return load_hand_text(urdf)


def _three(vector: Vector) -> str:
    return ' '.join(f'{v:.9g}' for v in vector)


def link(name: str, *boxes: tuple[Vector, Vector] | tuple[Vector, Vector, Vector]) -> str:
    """A link of boxes: centre and size, and roll, pitch, yaw where they are not 0."""
    parts = (
        f'<collision><origin xyz="{_three(center)}" rpy="{_three((turn or [(0, 0, 0)])[0])}"/>'
        f'<geometry><box size="{_three(size)}"/></geometry></collision>'
        for center, size, *turn in boxes
    )
    return f'<link name="{name}">{"".join(parts)}</link>'


def joint(
    child: str,
    parent: str,
    at: Vector,
    axis: Vector,
    limits: tuple[float, float],
    *,
    turn: Vector = (0, 0, 0),
    kind: str = 'revolute',
    follows: tuple[str, float] | None = None,
) -> str:
    """A joint ``CHILD_joint``; `follows` is the driver's child and the multiplier."""
    mimic = f'<mimic joint="{follows[0]}_joint" multiplier="{follows[1]}"/>' if follows else ''
    return (
        f'<joint name="{child}_joint" type="{kind}"><parent link="{parent}"/>'
        f'<child link="{child}"/><origin xyz="{_three(at)}" rpy="{_three(turn)}"/>'
        f'<axis xyz="{_three(axis)}"/><limit lower="{limits[0]}" upper="{limits[1]}" '
        f'effort="5" velocity="1"/>{mimic}</joint>'
    )


def robot(*parts: str) -> str:
    return f'<robot name="made">{"".join(parts)}</robot>'


def turned_round(urdf: str) -> str:
    """The same hand, all joints counted the other way: axes and limits change sign."""

    def negative(match: re.Match[str]) -> str:
        return f'<axis xyz="{_three([-float(v) for v in match[1].split()])}"/>'

    urdf = re.sub(r'<axis xyz="([^"]*)"/>', negative, urdf)
    return re.sub(
        r'lower="([^"]*)" upper="([^"]*)"',
        lambda m: f'lower="{-float(m[2])}" upper="{-float(m[1])}"',
        urdf,
    )


def jaws(*, follow: bool = True, closed_at: float = 0.0, rod: bool = False) -> str:
    """Jaws above a base that slide along y, 40 mm each; each may have a rod through the base."""
    base = link('base', ((0, 0, 0.02), (0.06, 0.16, 0.04)))
    parts = [base]
    for name, side in (('left', 1), ('right', -1)):
        pads = [((0, 0.006 * side, 0.05), (0.02, 0.012, 0.08))]
        if rod:
            pads.append(((0, -0.05 * side, 0.0), (0.008, 0.1, 0.008)))
        parts.append(link(name, *pads))
        leads = ('left', 1.0) if follow and name == 'right' else None
        # Stroke s and its limits, counted from where the jaws meet.
        limits = (0.0, 0.04) if closed_at == 0.0 else (-0.04, 0.0)
        axis = (0, side if closed_at == 0.0 else -side, 0)
        at = (0, 0, 0.04)
        parts.append(joint(name, 'base', at, axis, limits, kind='prismatic', follows=leads))
    return robot(*parts)


def swinging() -> str:
    """A finger on a plate that bends to both sides alike: it can close to neither."""
    finger = link('finger', ((0, 0, 0.03), (0.014, 0.014, 0.06)))
    swings = joint('finger', 'plate', (0, 0, 0.008), (0, 1, 0), (-1.0, 1.0))
    return robot(link('plate', ((0, 0, -0.01), (0.1, 0.1, 0.02))), finger, swings)


def jaws_with_horn() -> str:
    """Jaws, and a motor's horn that turns in front of the base, between them."""
    horn = link('horn', ((0, 0, 0), (0.03, 0.006, 0.004)))
    turns = joint('horn', 'base', (0, 0, 0.038), (0, 0, 1), (-1.5, 1.5))
    return jaws().replace('</robot>', f'{horn}{turns}</robot>')


def linkage(*, loop: bool = True) -> str:
    """Two parallelograms: outer knuckles drive tips that stay upright; inner ones close the loop.

    At 0 the fingers lie out to the sides, at 1.3 rad they stand and the tips meet, farther from
    the base than before.
    """
    arm, spread, lean = 0.06, 0.02, 1.3
    parts = [link('base', ((0, 0, -0.04), (0.05, 0.1, 0.08)))]
    for name, side in (('left', 1), ('right', -1)):
        bar = ((0, 0, arm / 2), (0.02, 0.008, arm))
        # From open to closed, the left knuckles turn by +1.3 rad about x, the right ones by -1.3.
        limits = (0.0, lean) if side == 1 else (-lean, 0.0)
        leads = ('left', float(side))
        at, turn = (0, side * spread, 0.004), (-side * lean, 0, 0)
        own = None if side == 1 else leads
        parts.append(link(name, bar))
        parts.append(joint(name, 'base', at, (1, 0, 0), limits, turn=turn, follows=own))
        if loop:
            inner = f'{name}_inner'
            at = (0.014, side * (spread - 0.012), 0.004)
            parts.append(link(inner, bar))
            parts.append(joint(inner, 'base', at, (1, 0, 0), limits, turn=turn, follows=leads))
        # The tip reaches from the outer to the inner knuckle's end, and up.
        tip = f'{name}_tip'
        parts.append(link(tip, ((0.004, -side * spread / 2, 0.025), (0.03, spread, 0.06))))
        back, turn = (-limits[1], -limits[0]), (side * lean, 0, 0)
        leads = ('left', -float(side))
        at = (0, 0, arm)
        parts.append(joint(tip, name, at, (1, 0, 0), back, turn=turn, follows=leads))
    return robot(*parts)


def upright(upper: float, *, count: int = 3, links: int = 2, lower: float = -0.2) -> str:
    """Fingers that stand around the upper side of a plate and bend inwards."""
    parts = [link('plate', ((0, 0, -0.01), (0.13, 0.13, 0.02)))]
    for k in range(count):
        angle = 2.0 * math.pi * k / count
        x, y = 0.05 * math.cos(angle), 0.05 * math.sin(angle)
        parent, at, turn = 'plate', (x, y, 0.008), (0, 0, angle)
        for i in range(links):
            name = f'finger{k}_{i}'
            parts.append(link(name, ((0, 0, 0.025), (0.014, 0.014, 0.05))))
            parts.append(joint(name, parent, at, (0, -1, 0), (lower, upper), turn=turn))
            parent, at, turn = name, (0, 0, 0.052), (0, 0, 0)
    return robot(*parts)


def hand(
    *,
    palm: Iterable[tuple] = (((0, -0.012, 0.045), (0.09, 0.024, 0.09)),),
    edge: float = 0.0,
    ranges: Sequence[float] = (1.5, 1.6),
    coupled: bool = False,
    spread: bool = False,
) -> str:
    """Three fingers along +z and a thumb that opposes them, on a palm that faces +y.

    Parameters
    ----------
    palm
        Its boxes; the one by default is 24 mm thick, its face at y = 0.
    edge
        y of the fingers' joints, m.
    ranges
        How far their joints flex, rad.
    coupled
        Whether the second joint follows the first one.
    spread
        Whether a joint before these spreads the finger.
    """
    parts = [link('palm', *palm)]
    for k, x in enumerate((-0.03, 0.0, 0.03)):
        parent, at = 'palm', (x, edge, 0.095)
        if spread:
            parts.append(link(f'f{k}_spread', ((0, 0, 0), (0.012, 0.012, 0.012))))
            parts.append(joint(f'f{k}_spread', parent, at, (0, 1, 0), (-0.4, 0.4)))
            parent, at = f'f{k}_spread', (0, 0, 0.01)
        for i, upper in enumerate(ranges):
            name = f'f{k}_{i}'
            leads = (f'f{k}_0', upper / ranges[0]) if coupled and i else None
            parts.append(link(name, ((0, 0, 0.02), (0.014, 0.014, 0.04))))
            parts.append(joint(name, parent, at, (-1, 0, 0), (0, upper), follows=leads))
            parent, at = name, (0, 0, 0.042)
    # The thumb's first joint turns it from the palm's side to in front of the fingers.
    bar, turned = ((0, 0, 0.02), (0.014, 0.014, 0.04)), (0, 0, 1.4)
    at, base = (0.05, 0.004, 0.02), ((0, 0, 0), (0.016, 0.016, 0.016))
    parts += [
        link('thumb_turn', base),
        joint('thumb_turn', 'palm', at, (0, 0, -1), (0.0, 1.4), turn=turned),
        link('thumb_0', bar),
        joint('thumb_0', 'thumb_turn', (0, 0.012, 0), (-1, 0, 0), (-0.3, 1.0), turn=(-0.9, 0, 0)),
        link('thumb_1', bar),
        joint('thumb_1', 'thumb_0', (0, 0, 0.042), (-1, 0, 0), (0.0, 1.4)),
    ]
    return robot(*parts)


# Behind the face of a thick palm there are motors; a heel slopes to the wrist; a bevel, toward it.
THICK = (((0, -0.03, 0.045), (0.09, 0.06, 0.09)),)
HEEL = (
    ((0, -0.012, 0.045), (0.09, 0.024, 0.09)),
    ((0, -0.012, 0.0), (0.09, 0.034, 0.034), (math.pi / 4, 0, 0)),
)
BEVEL = (
    ((0, -0.03, 0.045), (0.09, 0.06, 0.09)),
    ((0, -0.025, 0.0), (0.09, 0.05, 0.05), (math.pi / 4, 0, 0)),
)
