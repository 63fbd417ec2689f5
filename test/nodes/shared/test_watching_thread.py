"""The executor's thread, which may watch a robot, goes on while descriptions come on a topic."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

pytest.importorskip('rclpy')

import rclpy
from made_hands import joint, link, robot
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from std_msgs.msg import String

from dexgrasp_ros.bridge.qos import latched_publisher
from dexgrasp_ros.nodes.shared import hand_source
from dexgrasp_ros.nodes.shared.hand_source import LARGEST_DESCRIPTION, HandSource
from dexgrasp_ros.nodes.shared.worker import Worker

PARTS = (
    link('palm', ((0, 0, 0), (0.06, 0.06, 0.02))),
    link('finger', ((0, 0, 0.03), (0.01, 0.02, 0.06))),
    joint('finger', 'palm', (0.03, 0, 0.01), (0, -1, 0), (0, 1.5)),
)
HAND = robot(*PARTS)
# 700 KB each: what a search for words would begin anew at each of them, and what is merely long.
COMMENT = robot(f'<!--{"<robot <mesh " * 50_000}-->', *PARTS)
BLANK = robot(' ' * 700_000, *PARTS)
OVERRIDES = robot('<dexgrasp_ros></dexgrasp_ros >' * 23_000, *PARTS)
LINKS = robot(*PARTS, *(link(f'spare_{i}') for i in range(15_000)))
LARGE = robot(f'<!--{"x" * LARGEST_DESCRIPTION}-->', *PARTS)
MOST_GAP = 2.0  # s that this process works between two ticks; 10 ms are wanted


@dataclass(frozen=True)
class Config:
    hand: str = ''
    hand_root_link: str = ''
    robot_description: str = HAND
    hand_overrides: str = ''
    mesh_folder: str = ''


class Watch:
    """A node that has a hand, and ticks on the thread that hears of other ones."""

    def __init__(self, domain: int) -> None:
        self.context = Context()
        rclpy.init(context=self.context, domain_id=domain)
        node = rclpy.create_node('watch', context=self.context)
        self.executor = SingleThreadedExecutor(context=self.context)
        self.executor.add_node(node)
        self.ready = 0
        self.worker = Worker(node)
        self.source = HandSource(node, self.worker, Config, on_ready=self._count)
        self.source.configure()
        self.ticks: list[float] = []
        node.create_timer(0.01, lambda: self.ticks.append(time.process_time()))
        self.publisher = node.create_publisher(String, 'robot_description', latched_publisher())
        self.node = node
        self.spin_until(self.publisher.get_subscription_count)

    def _count(self, _held: object) -> None:
        self.ready += 1

    def spin_until(self, condition: Callable[[], object]) -> None:
        until = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < until
            self.executor.spin_once(timeout_sec=0.05)

    def close(self) -> None:
        idle = threading.Event()
        self.worker.submit(idle.set)
        assert idle.wait(10)
        self.executor.shutdown()
        self.node.destroy_node()
        self.context.try_shutdown()


@pytest.fixture
def watch(ros_domain):
    before = sys.getswitchinterval()
    sys.setswitchinterval(0.001)  # as in the processes of nodes
    watch = Watch(ros_domain)
    yield watch
    watch.close()
    sys.setswitchinterval(before)


def test_descriptions_are_read_and_loaded_on_other_threads(watch, monkeypatch):
    """Each step waits for ticks, so that on their own thread it would never end."""

    def after_ticks(function):
        def slow(*args, **options):
            enough, until = len(watch.ticks) + 5, time.monotonic() + 20
            while len(watch.ticks) < enough:
                assert time.monotonic() < until, 'nothing ticks meanwhile'
                time.sleep(0.005)
            return function(*args, **options)

        return slow

    for name in ('hand_root', 'hand_of_description'):
        monkeypatch.setattr(hand_source, name, after_ticks(getattr(hand_source, name)))
    watch.publisher.publish(String(data=HAND.replace('"made"', '"other"')))
    watch.spin_until(lambda: watch.ready)
    assert watch.source.held.hand.name == 'other'


def test_long_descriptions_do_not_hold_it_up(watch):
    # So many that none is overtaken: the next comes when the one before has been answered.
    for text in (COMMENT, BLANK, OVERRIDES):
        ready = watch.ready
        watch.publisher.publish(String(data=text))
        watch.spin_until(lambda ready=ready: watch.ready > ready)
    for text, words in ((LINKS, 'have no parent'), (LARGE, 'bytes')):
        watch.publisher.publish(String(data=text))
        watch.spin_until(lambda words=words: words in str(watch.source._problem))
    assert watch.source.held.hand.joint_names == ('finger_joint',)
    assert np.diff(watch.ticks).max() < MOST_GAP


def test_of_many_descriptions_the_newest_is_read_and_no_queue_grows(watch, monkeypatch):
    read = []
    monkeypatch.setattr(
        hand_source, 'hand_root', lambda text, root: (time.sleep(0.2), read.append(text))
    )
    names = [f'hand_{i}' for i in range(8)]
    for name in names:
        watch.publisher.publish(String(data=HAND.replace('"made"', f'"{name}"')))
    watch.spin_until(lambda: watch.ready)
    assert watch.source.held.hand.name == names[-1]
    assert len(read) < len(names)
