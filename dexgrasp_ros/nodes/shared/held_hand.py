"""A hand that a node holds, from a description or from a file, as the node's parameters say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.hand import Arm, load_hand, load_hand_text
from dexgrasp_ros.hand.arm import hand_root
from dexgrasp_ros.hand.sources import find_source


@dataclass(frozen=True, kw_only=True)
class HeldHand:
    """A hand that is ready for use, and the arm that carries it."""

    hand: HandModel
    name: str  # what goals may call it
    origin: str  # where its description came from, for people
    arm: Arm | None = None  # None where there is none, or where the node does not care


class HandConfig(Protocol):
    """Parameters that say which hand a node has."""

    hand: str
    hand_root_link: str
    robot_description: str
    hand_overrides: str
    mesh_folder: str


def check_hand(before: str, after: str) -> None:
    """Refuse another name or path of a hand that leads to no description.

    Raises
    ------
    HandError
        As `find_source`.
    """
    if after != before:
        find_source(after)


def hand_of_description(text: str, config: HandConfig, origin: str) -> HeldHand:
    """Load the hand in a robot's description.

    Raises
    ------
    HandError
        As `hand_root` and `load_hand_text`.
    """
    hand = load_hand_text(
        text,
        root=hand_root(text, config.hand_root_link or None),
        base_folder=config.mesh_folder or None,
        overrides=config.hand_overrides or None,
    )
    return HeldHand(hand=hand, name=hand.name, origin=origin)


def hand_of_file(config: HandConfig) -> HeldHand:
    """Load the hand that the parameter `hand` names.

    Raises
    ------
    HandError
        UNKNOWN_LINK where it has no `hand_root_link`, or as `load_hand`.
    """
    if config.hand_root_link:
        hand_root(find_source(config.hand).text, config.hand_root_link)
    hand = load_hand(
        config.hand,
        root=config.hand_root_link or None,
        overrides=config.hand_overrides or None,
    )
    return HeldHand(hand=hand, name=config.hand, origin=f"'{config.hand}'")
