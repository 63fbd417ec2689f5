"""What `dexgrasp hand` prints: tables of joints and contact groups, and the same for programs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from rich.markup import escape
from rich.table import Table

from dexgrasp_ros.core.hand_model import GeometryType, HandModel, JointType
from dexgrasp_ros.core.poses import pose_to_matrix
from dexgrasp_ros.hand import find_arm

_CLOSES = {1: '+', -1: '−', 0: ''}


def joint_table(hand: HandModel) -> Table:
    """List the joints that are commanded, with the links that each of them moves."""
    count = len(hand.joint_names)
    table = Table(title=f'{hand.name}: {count} joints', title_justify='left')
    for name in ('joint', 'lower', 'upper', 'closes', 'preshape', 'effort', 'velocity'):
        left = name == 'joint'
        table.add_column(name, justify='left' if left else 'right', no_wrap=left)
    table.add_column('moves', overflow='fold')
    for i, name in enumerate(hand.joint_names):
        numbers = (hand.lower[i], hand.upper[i], hand.preshape[i])
        lower, upper, preshape = (f'{v:.3f}' for v in numbers)
        moves = ', '.join(_moved_links(hand, i))
        table.add_row(
            escape(name),
            lower,
            upper,
            _CLOSES[int(hand.closing[i])],
            preshape,
            f'{hand.effort_limits[i]:g}',
            f'{hand.velocity_limits[i]:g}',
            escape(moves),
        )
    return table


def group_table(hand: HandModel) -> Table:
    """List the links that can touch, with the geometry and the points on them."""
    total = len(hand.group_names)
    title = f'{total} contact groups, {len(hand.points)} points'
    table = Table(title=title, title_justify='left')
    for name in ('link', 'part', 'geometry', 'weight', 'points'):
        table.add_column(name, justify='right' if name in ('weight', 'points') else 'left')
    for row in _links_with_geometry(hand):
        shapes = ', '.join(f'{n} {kind}' for kind, n in row['geometry'].items())
        table.add_row(
            escape(row['link']),
            row['part'],
            shapes,
            f'{row["weight"]:g}',
            str(row['points']),
        )
    return table


def palm_lines(hand: HandModel) -> Iterator[str]:
    """Say where the palm is, and what stands still or must not overlap."""
    frame = pose_to_matrix(hand.palm_pose)
    yield (
        f"Palm in '{escape(hand.hand_frame)}' at {_vector(frame[:3, 3])} m; approach axis "
        f'{_vector(frame[:3, 2])}, fingers toward {_vector(frame[:3, 0])}.'
    )
    locked = _locked_links(hand)
    if locked:
        places = ', '.join(f'{escape(n)} at {v:g}' for n, v in locked.items())
        yield f'Locked: the joints of {places}.'
    yield f'{len(hand.self_collision_pairs)} pairs of groups must not overlap.'
    arm = find_arm(hand)
    if arm is not None:
        yield (
            f"Above the hand: flange '{escape(arm.flange_frame)}', placed from"
            f" '{escape(arm.base_frame)}' by {escape(', '.join(arm.joint_names)) or 'no joints'}."
        )


def hand_summary(hand: HandModel) -> dict[str, Any]:
    """Everything that the tables show, as plain values."""
    frame = pose_to_matrix(hand.palm_pose)
    arm = find_arm(hand)
    return {
        'name': hand.name,
        'root': hand.hand_frame,
        'joints': [
            {
                'name': name,
                'lower': hand.lower[i],
                'upper': hand.upper[i],
                'closes': int(hand.closing[i]),
                'preshape': hand.preshape[i],
                'effort': hand.effort_limits[i],
                'velocity': hand.velocity_limits[i],
                'stiffness': hand.joint_stiffness[i],
                'moves': _moved_links(hand, i),
            }
            for i, name in enumerate(hand.joint_names)
        ],
        'locked': _locked_links(hand),
        'links': _links_with_geometry(hand),
        'groups': len(hand.group_names),
        'points': len(hand.points),
        'palm': {'position': frame[:3, 3], 'approach': frame[:3, 2], 'forward': frame[:3, 0]},
        'arm': None
        if arm is None
        else {
            'base': arm.base_frame,
            'flange': arm.flange_frame,
            'joints': list(arm.joint_names),
            'hand_pose': arm.hand_pose,
        },
        'self_collision_pairs': len(hand.self_collision_pairs),
        'warnings': list(hand.warnings),
    }


def _moved_links(hand: HandModel, joint: int) -> list[str]:
    """Name links whose joint has this coordinate, with the factor where it follows another."""
    names = []
    for link in np.flatnonzero(hand.coordinates == joint):
        scale, offset = hand.multipliers[link], hand.offsets[link]
        follows = '' if (scale, offset) == (1.0, 0.0) else f' × {scale:.4g}'
        follows += f' {offset:+g}' if offset else ''
        names.append(f'{hand.link_names[link]}{follows}')
    return names


def _locked_links(hand: HandModel) -> dict[str, float]:
    """Links whose joint could move and stands still, and where."""
    locked = (hand.coordinates < 0) & (hand.joint_types != JointType.FIXED)
    return {hand.link_names[i]: float(hand.offsets[i]) for i in np.flatnonzero(locked)}


def _links_with_geometry(hand: HandModel) -> list[dict[str, Any]]:
    counts = np.diff(hand.cluster_points[hand.group_clusters])
    rows = []
    for link in np.unique(hand.geometry_links):
        groups = np.flatnonzero(hand.geometry_links == link)
        kinds = [GeometryType(k).name.lower() for k in hand.geometry_types[groups]]
        finger, weight = int(hand.group_fingers[groups[0]]), hand.group_weights[groups].max()
        part = f'finger {finger + 1}' if finger >= 0 else 'palm' if weight > 0.0 else '-'
        rows.append(
            {
                'link': hand.link_names[link],
                'part': part,
                'geometry': {kind: kinds.count(kind) for kind in dict.fromkeys(kinds)},
                'weight': float(weight),
                'points': int(counts[groups].sum()),
            }
        )
    return rows


def _vector(values: np.ndarray) -> str:
    return ' '.join(f'{v:+.3f}' for v in values)
