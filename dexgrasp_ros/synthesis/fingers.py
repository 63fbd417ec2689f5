"""Palm, fingers and fingertips of a hand by the groups on them, and what they are called."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.errors import ErrorCode, InputError, choices
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.synthesis.upload import moving_bodies

_PALM = -1  # `HandModel.group_fingers` of the palm


def palm_groups(hand: HandModel) -> NDArray[np.bool_]:
    """[G] groups of the palm, without what is above it (a forearm)."""
    return (hand.group_fingers == _PALM) & (hand.group_weights > 0.0)


def fingertips(hand: HandModel) -> NDArray[np.bool_]:
    """[G] groups of the last bodies of fingers: no other body of the finger hangs on them.

    Bodies without contact weight are none, such as a gripper's link that closes a loop.
    """
    links, body_of_link, _ = moving_bodies(hand)
    body = body_of_link[hand.geometry_links]
    inner: set[tuple[int, int]] = set()  # (body, finger)
    for b, finger in zip(body, hand.group_fingers, strict=True):
        while b > 0:
            b = body_of_link[hand.link_parents[links[b]]]
            inner.add((int(b), int(finger)))
    return np.array(
        [
            f != _PALM and weight > 0.0 and (int(b), int(f)) not in inner
            for b, f, weight in zip(body, hand.group_fingers, hand.group_weights, strict=True)
        ]
    )


def finger_names(hand: HandModel) -> dict[int, str]:
    """Shortest name of each finger: the beginning that only its links' names share, or a link."""
    finger = fingers_of_links(hand)
    names = {}
    for f in np.unique(finger[finger != _PALM]):
        own = [n for n, other in zip(hand.link_names, finger, strict=True) if other == f]
        start = _common_start(own)
        alone = start and not any(n.startswith(start) for n in set(hand.link_names) - set(own))
        names[int(f)] = start if alone else own[-1]
    return names


def _common_start(names: list[str]) -> str:
    """Return what all names begin with; the first and the last in order differ most."""
    pairs = itertools.takewhile(lambda p: p[0] == p[1], zip(min(names), max(names), strict=False))
    return ''.join(a for a, _ in pairs)


def fingers_of_links(hand: HandModel) -> NDArray[np.int64]:
    """[L] finger whose geometry hangs on a link and no other, or that the link hangs on; or -1."""
    below: list[set[int]] = [set() for _ in hand.link_names]
    for link, finger in zip(hand.geometry_links, hand.group_fingers, strict=True):
        while link >= 0:
            below[link].add(int(finger))
            link = hand.link_parents[link]
    result = np.full(len(below), _PALM)
    for link, fingers in enumerate(below):
        if len(fingers) == 1:
            result[link] = next(iter(fingers))
        elif not fingers and hand.link_parents[link] >= 0:
            result[link] = result[hand.link_parents[link]]
    return result


def groups_of(hand: HandModel, name: str) -> NDArray[np.bool_]:
    """[G] groups of the finger, or of the palm, that `name` means.

    Raises
    ------
    InputError
        UNKNOWN_LINK.
    """
    names = finger_names(hand)
    of_link = fingers_of_links(hand)
    for finger, short in names.items():
        links = {n for n, f in zip(hand.link_names, of_link, strict=True) if f == finger}
        if name == short or name in links:
            return hand.group_fingers == finger
    palm = palm_groups(hand)
    palm_links = {hand.link_names[i] for i in hand.geometry_links[palm]}
    if name in palm_links:
        return palm
    raise InputError(
        f"'{hand.name}' has no finger '{name}'; expected one of "
        f'{choices([*names.values(), *palm_links])}, or another link of a finger.',
        ErrorCode.UNKNOWN_LINK,
    )
