"""What cannot be taken from the middleware leaves the rest of a node at work."""

from __future__ import annotations

import time

import pytest

pytest.importorskip('rclpy')

from rclpy.callback_groups import MutuallyExclusiveCallbackGroup

from dexgrasp_ros.bridge.executor import SteadyExecutor


class CancelsAtTheLastMoment(MutuallyExclusiveCallbackGroup):
    """Does what another thread may do, after the executor has looked and before it takes."""

    timer = None

    def beginning_execution(self, entity):
        if entity is self.timer:
            entity.cancel()
        return super().beginning_execution(entity)


def test_a_timer_that_is_cancelled_as_it_is_due_holds_up_nothing(node):
    group, ticks = CancelsAtTheLastMoment(), []
    group.timer = node.create_timer(0.01, lambda: None, callback_group=group)
    node.create_timer(0.01, lambda: ticks.append(group.timer.is_canceled()), callback_group=group)
    executor = SteadyExecutor(context=node.context)
    executor.add_node(node)
    until = time.monotonic() + 20
    while ticks.count(True) < 3:
        assert time.monotonic() < until, 'the other timer of the group'
        executor.spin_once(timeout_sec=0.1)
    executor.shutdown()
