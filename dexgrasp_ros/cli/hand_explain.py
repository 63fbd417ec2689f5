"""`dexgrasp hand --explain`: what was derived and from what, as the YAML that overrides it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dexgrasp_ros.cli.hand_facts import (
    convex_pieces,
    couplings,
    jaw_pieces,
    stated_overrides,
)
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.core.poses import pose_to_matrix
from dexgrasp_ros.hand import locked_joints
from dexgrasp_ros.hand.sources import ELEMENT

_WIDTH = 80
_STATED = 'stated'


def explain(hand: HandModel, files: Sequence[Path]) -> Iterator[str]:
    """Yield the lines of a YAML document that says of a hand what its loader derived.

    Each key has the value that it has now, and a comment with what that follows from. It can be
    read as overrides, whole or in part, and then changes nothing until a value in it is changed.

    Parameters
    ----------
    hand
        The hand.
    files
        Where its overrides are looked for; the first that is there counts. None where they stand
        in the description itself.
    """
    yield from _said(
        f'{hand.name}: what was understood, and from what. Every key can be pasted into a file of '
        'overrides, with another value; what is left out there is derived again. '
        f'{_source(files)} Limits, efforts and velocities are those of <limit>.'
    )
    for section in (_root, _locked, _coupled, _closing, _preshape, _palm, _weights, _stiffness,
                    _collisions, _pieces):  # fmt: skip
        yield ''
        yield from section(hand)
    if hand.warnings:
        yield ''
        yield from _said('Warnings')
        for warning in hand.warnings:
            yield from _said(f'- {warning}')


def _source(files: Sequence[Path]) -> str:
    if not files:
        return f'Overrides stand in the description, in <{ELEMENT}>.'
    found = next((path for path in files if path.is_file()), None)
    if found is None:
        return f'No overrides were found; looked for: {", ".join(map(str, files))}.'
    return f'Overrides were read from {found}.'


def _root(hand: HandModel) -> Iterator[str]:
    stated = _of(hand, 'root')
    yield from _said(
        f'Root: {_STATED}. The hand is what hangs below it.'
        if stated
        else 'Root: the one link that hangs on no other. On an arm the hand begins farther out.'
    )
    yield from _yaml({'root': hand.hand_frame})


def _locked(hand: HandModel) -> Iterator[str]:
    locked, stated = locked_joints(hand), _of(hand, 'locked_joints')
    yield from _said(
        'Locked joints: those that are stated, and those whose limits leave them no range. All '
        'others below the root are moved by the search, be they a wrist.'
    )
    notes = [_STATED if name in stated else 'no range, or its leader stands' for name in locked]
    yield from _block('locked_joints', locked, notes, {hand.joint_names[0]: 0.0})


def _coupled(hand: HandModel) -> Iterator[str]:
    coupled, stated = couplings(hand), _of(hand, 'couplings')
    yield from _said(
        'Couplings: joints that follow another one by a fixed ratio, from <mimic> or as stated: '
        'multiplier x position + offset. A tendon or a linkage without <mimic> is not seen.'
    )
    notes = [_STATED if name in stated else '<mimic>' for name in coupled]
    example = {'JOINT': {'follows': hand.joint_names[0]}}
    yield from _block('couplings', coupled, notes, example)


def _closing(hand: HandModel) -> Iterator[str]:
    yield from _said(
        'Closing directions: a joint closes the way in which its finger curls, its tip coming '
        "nearer to the finger's base. Jaws, and fingers that do not curl, close to where their "
        'surface faces that of the others and of the palm most. What spreads or turns a finger '
        'closes nothing: 0. Warnings say where that was hard to tell.'
    )
    values = dict(zip(hand.joint_names, hand.closing.tolist(), strict=True))
    yield from _block('closing', values, _notes(hand, 'closing'))


def _preshape(hand: HandModel) -> Iterator[str]:
    yield from _said(
        'Preshape, where searches start from [rad or m]: 40 % of the way from open to closed; '
        'what closes nothing stands at mid-range, and at 0 if it has no limits.'
    )
    values = {
        name: _within(value, lower, upper)
        for name, value, lower, upper in zip(
            hand.joint_names, hand.preshape, hand.lower, hand.upper, strict=True
        )
    }
    yield from _block('preshape', values, _notes(hand, 'preshape'))


def _palm(hand: HandModel) -> Iterator[str]:
    said = stated_overrides(hand).palm
    yield from _said(
        f"Palm frame in '{hand.hand_frame}'. approach: normal of the palm's face that looks at "
        'what the closing fingers enclose. position: the middle of that face [m]. forward: where '
        'the open fingertips are; for two jaws, the way they move.'
    )
    frame = pose_to_matrix(hand.palm_pose)
    values = {'position': frame[:3, 3], 'approach': frame[:3, 2], 'forward': frame[:3, 0]}
    lists = {k: [float(x) for x in np.round(v, 5) + 0.0] for k, v in values.items()}
    yield from _block('palm', lists, [_STATED if getattr(said, k) else '' for k in values])


def _weights(hand: HandModel) -> Iterator[str]:
    stated = _of(hand, 'contact_weights')
    yield from _said(
        'Contact weights, how much contact is wanted on a link, 0 to 1: 1 on the last body of a '
        'finger, 0.5 on the one before it, 0.25 on others and on the palm. The palm is the last '
        'body that all fingers hang on, a finger each branch of it. What is before the palm has 0 '
        'and does not touch the object; it may where more is stated here.'
    )
    values, notes = {}, []
    for link in np.unique(hand.geometry_links):
        groups = np.flatnonzero(hand.geometry_links == link)
        alike = len(set(hand.group_weights[groups])) == 1
        for group in groups[:1] if alike else groups:
            name = hand.link_names[link] if alike else hand.group_names[group]
            if name in values:  # pieces of a jaw share a name
                continue
            finger, weight = int(hand.group_fingers[group]), float(hand.group_weights[group])
            values[name] = weight
            part = f'finger {finger + 1}' if finger >= 0 else _part(hand, group)
            notes.append(f'{part}, {_STATED}' if name in stated else part)
    yield from _block('contact_weights', values, notes)


def _part(hand: HandModel, group: int) -> str:
    """Tell what a group is that belongs to no finger."""
    if hand.group_before_palm[group]:
        return 'before the palm'
    return 'palm' if hand.group_weights[group] else 'none'


def _stiffness(hand: HandModel) -> Iterator[str]:
    yield from _said(
        "Stiffness of the joints' controllers, which says how far a squeeze goes beyond contact: "
        '5 N m/rad for what turns; for what slides its effort at 5 mm [N/m].'
    )
    numbers = (float(f'{value:.6g}') for value in hand.joint_stiffness)
    values = dict(zip(hand.joint_names, numbers, strict=True))
    yield from _block('joint_stiffness', values, _notes(hand, 'joint_stiffness'))


def _collisions(hand: HandModel) -> Iterator[str]:
    stated, kept = stated_overrides(hand).ignored_collisions, hand.self_collision_pairs
    count = len(hand.group_names)
    total = count * (count - 1) // 2
    yield from _said(
        f'Self-collision: {len(kept)} of {total} pairs of groups must not overlap. '
        f'{total - len(kept)} are left out: on one body or two that a joint connects, overlapping '
        'at the preshape or nearly always, never nearer than 2 cm, or stated here.'
    )
    links = hand.geometry_links[kept[0]] if len(kept) else hand.geometry_links[[0, -1]]
    example = [[hand.link_names[link] for link in links]]
    lines = _yaml({'ignored_collisions': [list(pair) for pair in stated] or example})
    yield from lines if stated else (f'# {line}' for line in lines)


def _pieces(hand: HandModel) -> Iterator[str]:
    cut, jaws = convex_pieces(hand), jaw_pieces(hand)
    told = ', '.join(f'{name} {n}' for name, n in cut.items()) or 'none'
    yield from _said(
        f'Convex pieces that collision meshes were cut into: {told}. No key changes that; '
        'primitives in <collision> do, and are faster.'
    )
    if jaws:
        told = ', '.join(f'{name} {n}' for name, n in jaws.items())
        yield from _said(
            f'Jaws of a gripper, in pieces of about 2 cm so that a face makes several contacts: '
            f'{told}. No key changes that.'
        )


def _of(hand: HandModel, key: str) -> Any:
    return getattr(stated_overrides(hand), key)


def _notes(hand: HandModel, key: str) -> list[str]:
    """Return what to write behind a value of each joint."""
    stated = _of(hand, key)
    return [_STATED if name in stated else '' for name in hand.joint_names]


def _within(value: float, lower: float, upper: float) -> float:
    """Round a number, unless that brings it beyond its limits."""
    short = round(float(value), 4)
    return short if lower <= short <= upper else float(value)


def _said(text: str) -> Iterator[str]:
    """Comment lines; paths and names stay whole."""
    yield from textwrap.wrap(
        text,
        _WIDTH,
        initial_indent='# ',
        subsequent_indent='#   ' if text.startswith('- ') else '# ',
        break_long_words=False,
        break_on_hyphens=False,
    )


def _block(
    key: str,
    values: Mapping[str, Any],
    notes: Iterable[str],
    example: Mapping[str, Any] | None = None,
) -> Iterator[str]:
    """Yield a key with names and values, a note behind each; where it is empty an example."""
    if not values:
        yield from (f'# {line}' for line in (f'{key}:', *_indented(_yaml(example or {}))))
        return
    yield f'{key}:'
    for (name, value), note in zip(values.items(), notes, strict=True):
        first, *rest = _indented(_yaml({name: value}))
        noted = f'{first}  # {note}' if note else first
        yield noted if len(noted) <= _WIDTH else first
        yield from rest


def _indented(lines: Iterable[str]) -> Iterator[str]:
    return (f'  {line}' for line in lines)


def _yaml(values: Mapping[str, Any]) -> Iterator[str]:
    """Lines of YAML, one for each name where that is short enough."""
    import yaml

    for name, value in values.items():
        flow = None if isinstance(value, Mapping | list) else False
        text = yaml.safe_dump({name: value}, default_flow_style=flow, width=10**6)
        if len(text) > _WIDTH - 2:
            text = yaml.safe_dump({name: value}, default_flow_style=False, width=10**6)
        yield from text.splitlines()
