"""What `dexgrasp hand` prints: tables of joints and contact groups, and the same for programs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np
from rich.markup import escape
from rich.table import Table

from dexgrasp_ros.cli.hand_facts import (
    convex_pieces,
    couplings,
    jaw_pieces,
    stated_keys,
)
from dexgrasp_ros.cli.hand_fingers import find_fingers, stage_openings
from dexgrasp_ros.cli.report import narrow_table
from dexgrasp_ros.core.errors import choices
from dexgrasp_ros.core.hand_model import GeometryType, HandModel
from dexgrasp_ros.core.poses import pose_to_matrix
from dexgrasp_ros.hand import find_arm, locked_joints

_CLOSES = {1: '+', -1: '−', 0: ''}


def joint_table(hand: HandModel) -> Table:
    """List the joints that are commanded."""
    count = len(hand.joint_names)
    table = narrow_table(f'{hand.name}: {count} joint{"s" * (count != 1)}')
    table.add_column('joint', overflow='fold')
    for name in ('lower', 'upper', 'closes', 'pre-\nshape', 'effort', 'velo-\ncity'):
        table.add_column(name, justify='right', no_wrap=True)
    for i, name in enumerate(hand.joint_names):
        numbers = (hand.lower[i], hand.upper[i], hand.preshape[i])
        lower, upper, preshape = (f'{v:.3f}' for v in numbers)
        limits = (f'{hand.effort_limits[i]:g}', f'{hand.velocity_limits[i]:g}')
        table.add_row(escape(name), lower, upper, _CLOSES[int(hand.closing[i])], preshape, *limits)
    return table


def motion_table(hand: HandModel) -> Table:
    """List the links that each joint moves by itself, with the factor where one follows."""
    table = narrow_table('What each joint moves')
    for name in ('joint', 'links'):
        table.add_column(name, overflow='fold')
    for i, name in enumerate(hand.joint_names):
        table.add_row(escape(name), escape('\n'.join(_moved_links(hand, i))))
    return table


def group_table(hand: HandModel) -> Table:
    """List the links that can touch, with the geometry and the points on them."""
    table = narrow_table(f'{len(hand.group_names)} contact groups, {len(hand.points)} points')
    table.add_column('link', overflow='fold')
    for name in ('part', 'geometry'):
        table.add_column(name)
    for name in ('weight', 'points'):
        table.add_column(name, justify='right', no_wrap=True)
    for row in _links_with_geometry(hand):
        shapes = ', '.join(f'{n} {kind}' for kind, n in row['geometry'].items())
        weight, points = f'{row["weight"]:g}', str(row['points'])
        table.add_row(escape(row['link']), row['part'], shapes, weight, points)
    return table


def palm_lines(hand: HandModel) -> Iterator[str]:
    """Say where the palm is, how far jaws open, and what stands still or must not overlap."""
    frame = pose_to_matrix(hand.palm_pose)
    yield f"Palm in '{escape(hand.hand_frame)}'"
    yield f'    at              {_vector(frame[:3, 3])} m'
    yield f'    approach axis   {_vector(frame[:3, 2])}'
    yield f'    fingers toward  {_vector(frame[:3, 0])}'
    if openings := stage_openings(hand):
        yield 'Jaws'
        yield from (f'    {stage + ":":13} {gap_text(gap)}' for stage, gap in openings.items())
    if locked := locked_joints(hand):
        places = ', '.join(f'{escape(n)} at {v:g}' for n, v in locked.items())
        yield f'Locked: {places}.'
    yield f'{len(hand.self_collision_pairs)} pairs of groups must not overlap.'
    arm = find_arm(hand)
    if arm is not None:
        yield (
            f"Above the hand: flange '{escape(arm.flange_frame)}', placed from"
            f" '{escape(arm.base_frame)}' by {escape(', '.join(arm.joint_names)) or 'no joints'}."
        )


def idle_lines(hand: HandModel) -> Iterator[str]:
    """Name the fingers that no joint closes."""
    if idle := [finger.tip_link for finger in find_fingers(hand) if not finger.closes]:
        yield f'no joint closes the fingers of {choices(idle)}: dark red with a cross when drawn'


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
        'locked': locked_joints(hand),
        'couplings': couplings(hand),
        'links': _links_with_geometry(hand),
        'fingers': [
            {
                'name': finger.name,
                'tip': finger.tip_link,
                'joints': list(finger.joints),
                'closes': finger.closes,
                'closing_direction': finger.direction,
            }
            for finger in find_fingers(hand)
        ],
        'opening_width': stage_openings(hand) or None,
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
        'convex_pieces': convex_pieces(hand),
        'jaw_pieces': jaw_pieces(hand),
        'stated': stated_keys(hand),
        'warnings': list(hand.warnings),
    }


def gap_text(gap: float) -> str:
    """Say how far jaws are apart."""
    if np.isnan(gap):
        return 'the jaws do not face each other'
    return f'{1e3 * gap:.1f} mm between the jaws'


def _moved_links(hand: HandModel, joint: int) -> list[str]:
    """Name links whose joint has this coordinate, with the factor where it follows another."""
    names = []
    for link in np.flatnonzero(hand.coordinates == joint):
        scale, offset = hand.multipliers[link], hand.offsets[link]
        follows = '' if (scale, offset) == (1.0, 0.0) else f' × {scale:.4g}'
        follows += f' {offset:+g}' if offset else ''
        names.append(f'{hand.link_names[link]}{follows}')
    return names


def _links_with_geometry(hand: HandModel) -> list[dict[str, Any]]:
    """One row for each link; more where its groups have different weights."""
    counts = np.diff(hand.cluster_points[hand.group_clusters])
    kinds = [GeometryType(k).name.lower() for k in hand.geometry_types]
    rows: dict[tuple[int, float], dict[str, Any]] = {}
    order = np.lexsort((-hand.group_weights, hand.geometry_links))
    for group in order.tolist():
        link, weight = int(hand.geometry_links[group]), float(hand.group_weights[group])
        finger = int(hand.group_fingers[group])
        part = f'finger {finger + 1}' if finger >= 0 else _unfingered(hand, group)
        row = rows.setdefault(
            (link, weight),
            {
                'link': hand.link_names[link],
                'part': part,
                'geometry': defaultdict(int),
                'weight': weight,
                'points': 0,
            },
        )
        row['geometry'][kinds[group]] += 1
        row['points'] += int(counts[group])
    return list(rows.values())


def _unfingered(hand: HandModel, group: int) -> str:
    """Tell what a group is that belongs to no finger."""
    if hand.group_before_palm[group]:
        return 'before palm'
    return 'palm' if hand.group_weights[group] > 0.0 else '-'


def _vector(values: np.ndarray) -> str:
    return ' '.join(f'{v:+.3f}' for v in values)
