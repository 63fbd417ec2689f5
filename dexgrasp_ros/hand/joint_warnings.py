"""What is odd about a hand's joints, and would pass without a word."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.hand_model import JointType
from dexgrasp_ros.hand.kinematics import tree_matrices
from dexgrasp_ros.hand.tree import KinematicTree

if TYPE_CHECKING:
    from yourdfpy.urdf import Joint, Robot

# Beyond these, limits were meant in other units; rounded up, as 2 pi is written with four digits.
_WHOLE_TURN = 1.001 * 2.0 * np.pi  # rad
_LONG_SLIDE = 1.0  # m
_SHARE = 0.02  # of a range: by how much limits may differ and be the same
_PARALLEL = 0.99  # cosine of 8 degrees


def joint_warnings(tree: KinematicTree, robot: Robot) -> list[str]:
    """Lines about limits in other units, followers beyond their limits, and jaws without mimic.

    Parameters
    ----------
    tree
        The hand's tree.
    robot
        The document that it was built from, with its couplings.
    """
    above = {joint.child: joint for joint in robot.joints}
    moving = {
        link: above[tree.link_names[link]]
        for link in range(1, len(tree.link_names))
        if tree.coordinates[link] >= 0
    }
    return [*_other_units(moving), *_beyond_limits(tree, moving), *_uncoupled(tree, moving)]


def _other_units(moving: dict[int, Joint]) -> Iterator[str]:
    """Joints that turn by more than a whole turn, or slide by more than a metre."""
    for kind, most, said in (
        ('revolute', _WHOLE_TURN, 'rad, more than a whole turn; are these degrees'),
        ('prismatic', _LONG_SLIDE, 'm, farther than a hand reaches; are these millimetres'),
    ):
        odd = [
            f"'{joint.name}' {lower:g} to {upper:g}"
            for joint in moving.values()
            for lower, upper in [_own_limits(joint)]
            if joint.type == kind and most < max(abs(lower), abs(upper)) < np.inf
        ]
        if odd:
            yield f'limits of {", ".join(odd)} {said}?'


def _beyond_limits(tree: KinematicTree, moving: dict[int, Joint]) -> Iterator[str]:
    """Joints that follow another one to where their own limits do not let them."""
    for link, joint in moving.items():
        leader = int(tree.coordinates[link])
        lower, upper = _own_limits(joint)
        if joint.mimic is None or (lower, upper) == (-np.inf, np.inf):
            continue
        scale = tree.multipliers[link]  # 0 times an endless range is no range
        ends = scale * np.array([tree.lower[leader], tree.upper[leader]]) if scale else np.zeros(2)
        low, high = np.sort(ends) + tree.offsets[link]
        slack = _SHARE * (upper - lower)
        if low < lower - slack or high > upper + slack:
            yield (
                f"joint '{joint.name}' follows '{tree.joint_names[leader]}' from {low:.4g} to "
                f'{high:.4g}, beyond its own limits {lower:g} to {upper:g}; these are not kept'
            )


def _uncoupled(tree: KinematicTree, moving: dict[int, Joint]) -> Iterator[str]:
    """Two jaws on one body that mirror each other and do not follow each other."""
    free = {link: joint for link, joint in moving.items() if joint.mimic is None}
    slides = [link for link, joint in free.items() if joint.type == 'prismatic']
    pair = slides if len(slides) == 2 else list(free)
    if len(pair) != 2 or len({_body(tree, link) for link in pair}) > 1:
        return
    matrices = tree_matrices(tree, np.zeros(len(tree.joint_names)))
    one, other = (matrices[link, :3, :3] @ tree.joint_axes[link] for link in pair)
    # Mirror images slide against each other, and turn against each other about parallel axes.
    sign = -np.sign(one @ other)
    bounds = [_column_limits(tree, link) for link in pair]
    if not np.isfinite(bounds).all():
        return
    slack = _SHARE * np.ptp(bounds[1])
    same = np.allclose(np.sort(sign * bounds[0]), bounds[1], rtol=0.0, atol=slack)
    kinds = {int(tree.joint_types[link]) for link in pair}
    if abs(one @ other) < _PARALLEL or len(kinds) > 1 or not same:
        return
    first, second = (free[link].name for link in pair)
    word = 'slide' if kinds == {JointType.PRISMATIC} else 'turn'
    factor = '' if sign > 0 else ', multiplier: -1'
    yield (
        f"joints '{first}' and '{second}' {word} as mirror images, and neither follows the other; "
        'if one motor drives both, say so in the YAML file beside the URDF: '
        f'couplings: {{{second}: {{follows: {first}{factor}}}}}'
    )


def _body(tree: KinematicTree, link: int) -> int:
    """Link that carries a joint, or the first above it that fixed joints tie to that."""
    above = int(tree.link_parents[link])
    while above > 0 and tree.coordinates[above] < 0:
        above = int(tree.link_parents[above])
    return above


def _own_limits(joint: Joint) -> tuple[float, float]:
    """Limits in the document; a side that is left out is 0, and none are stated where both are."""
    limit = joint.limit
    if joint.type == 'continuous' or limit is None or (limit.lower, limit.upper) == (None, None):
        return -np.inf, np.inf
    return limit.lower or 0.0, limit.upper or 0.0


def _column_limits(tree: KinematicTree, link: int) -> NDArray[np.float64]:
    column = tree.coordinates[link]
    return np.array([tree.lower[column], tree.upper[column]])
