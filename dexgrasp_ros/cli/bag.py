"""``dexgrasp bag``: records the package's topics and plays them back."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from dexgrasp_ros.cli.interrupts import stop_flag


@dataclass(frozen=True, kw_only=True)
class Record:
    """Record topics into a folder of rosbag2 with an MCAP file, until Ctrl-C."""

    out: Path
    """Name of the recording: box, or box.mcap, is recorded as box/box.mcap."""
    topics: tuple[str, ...] = ()
    """Which topics; by default all that the package takes in and gives out."""
    duration: float | None = None
    """Seconds to record, from the first message on."""
    wait: float = 30.0
    """With --duration: seconds after which to give up, where no message comes."""
    namespace: str = ''
    """Of the topics."""


@dataclass(frozen=True, kw_only=True)
class Play:
    """Publish what was recorded, in its rhythm."""

    file: tyro.conf.Positional[Path]
    """The recording: folder, .mcap or .db3."""
    topics: tuple[str, ...] = ()
    """Which topics, by their full names as recorded; by default all."""
    remap: tuple[str, ...] = ()
    """FROM:=TO: publish the recorded topic FROM under another name."""
    rate: float = 1.0
    """How many seconds of the recording one second takes."""
    loop: bool = False
    """Begin again at the end, until Ctrl-C."""
    clock: bool = False
    """Publish the recording's time on /clock, for nodes with use_sim_time."""
    restamp: bool = False
    """Move the stamps in messages to now, for nodes that look at the age of images."""
    delay: float = 1.0
    """Seconds in which subscriptions find the topics, before the first message."""
    hold: float = 0.0
    """Seconds for which latched messages stay there after the last one."""


_Action = (
    Annotated[Record, tyro.conf.subcommand('record')]
    | Annotated[Play, tyro.conf.subcommand('play')]
)


def bag(
    *,
    action: Annotated[
        _Action,
        tyro.conf.arg(name=''),
        tyro.conf.OmitSubcommandPrefixes,
        tyro.conf.OmitArgPrefixes,
    ],
) -> None:
    """Record topics into a rosbag2 recording (MCAP), or play one back.

    Parameters
    ----------
    action
        What to do.
    """
    if isinstance(action, Record):
        _record(action)
    else:
        _play(action)


def _record(options: Record) -> None:
    from rich.console import Console

    from dexgrasp_ros.bridge.bags import TOPICS
    from dexgrasp_ros.core.errors import ErrorCode, InputError, PerceptionError, choices
    from dexgrasp_ros.dataset.formats.bags import BagWriter
    from dexgrasp_ros.nodes.bags.recorder import record
    from dexgrasp_ros.nodes.shared.process import command_node

    if options.duration is not None and not options.duration > 0:
        raise InputError(
            f'--duration is {options.duration}; expected seconds above 0.', ErrorCode.OUT_OF_RANGE
        )
    console, topics = Console(), options.topics or TOPICS
    with (
        BagWriter(options.out) as writer,
        command_node('bag_recorder', options.namespace) as node,
        stop_flag() as is_stopped,
        console.status('Recording; Ctrl-C ends it') as status,
    ):

        def show(counts: dict[str, int]) -> None:
            told = ', '.join(f'{count} {topic}' for topic, count in counts.items())
            status.update(f'Recording; Ctrl-C ends it: {told or "nothing yet"}')

        is_over = _limit(options, lambda: sum(writer.counts.values()) > 0)
        record(node, writer, topics, should_stop=lambda: is_stopped() or is_over(), progress=show)
    if not sum(writer.counts.values()):
        raise PerceptionError(
            f'No message came on any of {choices(topics)}; is somebody publishing in namespace'
            f" '/{options.namespace.strip('/')}' of this ROS domain?",
            ErrorCode.NO_IMAGES,
        )
    for topic, count in writer.counts.items():
        console.print(f'{count:7d}  {topic}', highlight=False)
    console.print(f'Written to {writer.folder}', highlight=False)


def _play(options: Play) -> None:
    from rich.console import Console

    from dexgrasp_ros.dataset.formats.bags import BagReader
    from dexgrasp_ros.nodes.bags.player import BagPlayer
    from dexgrasp_ros.nodes.shared.process import command_node

    console = Console()
    with (
        BagReader(options.file) as reader,
        command_node('bag_player') as node,
        stop_flag() as should_stop,
        console.status('Waiting for subscriptions') as status,
    ):
        player = BagPlayer(
            node,
            reader,
            options.topics,
            remap=read_remappings(options.remap),
            rate=options.rate,
            clock=options.clock,
            restamp=options.restamp,
        )
        _sleep(options.delay, should_stop)
        total = reader.duration
        while not should_stop():
            player.play(
                should_stop, lambda s: status.update(f'{s:.1f} of {total:.1f} s; Ctrl-C ends it')
            )
            if not options.loop:
                break
        player.finish()
        _sleep(options.hold, should_stop)
    console.print(f'Played {options.file}, {total:.1f} s', highlight=False)


def read_remappings(rules: tuple[str, ...]) -> dict[str, str]:
    """Names by recorded names, of words FROM:=TO.

    Raises
    ------
    InputError
        INVALID_INPUT for a word of another form.
    """
    from dexgrasp_ros.core.errors import InputError, quoted

    pairs = [tuple(rule.split(':=')) for rule in rules]
    for rule, pair in zip(rules, pairs, strict=True):
        if len(pair) != 2 or not all(pair):
            raise InputError(f'--remap is {quoted(rule)}; expected FROM:=TO, two topics.')
    return dict(pairs)


def _sleep(seconds: float, should_stop: Callable[[], bool]) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until and not should_stop():
        time.sleep(0.02)


def _limit(options: Record, has_begun: Callable[[], bool]) -> Callable[[], bool]:
    """Whether the time is over that the options give."""
    until = time.monotonic() + options.wait
    begun = False

    def is_over() -> bool:
        nonlocal until, begun
        if options.duration is None:
            return False
        if not begun and has_begun():
            begun, until = True, time.monotonic() + options.duration
        return time.monotonic() >= until

    return is_over
