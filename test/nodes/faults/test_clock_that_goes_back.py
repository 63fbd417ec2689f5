"""A simulation that starts anew: what was said before its clock went back is not of now."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip('rclpy')

import rclpy
from builtin_interfaces.msg import Time
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
from rosgraph_msgs.msg import Clock

from dexgrasp_msgs.msg import Object, ObjectArray
from dexgrasp_ros.bridge.geometry import header
from dexgrasp_ros.bridge.qos import latched_publisher
from dexgrasp_ros.bridge.transforms import TransformPublisher, transform_listener
from dexgrasp_ros.core.errors import ErrorCode, PerceptionError
from dexgrasp_ros.nodes.synthesis.object_source import ObjectSource

SECOND = 10**9  # ns
LABEL = 5


class Simulated:
    """A node that lives by a clock which the test sets."""

    def __init__(self, domain: int, until) -> None:
        self.context, self._until = Context(), until
        rclpy.init(context=self.context, domain_id=domain)
        simulated = [Parameter('use_sim_time', value=True)]
        self.node = rclpy.create_node(
            'simulated', context=self.context, parameter_overrides=simulated
        )
        self._executor = SingleThreadedExecutor(context=self.context)
        self._executor.add_node(self.node)
        self._clock = self.node.create_publisher(Clock, '/clock', 1)

    def spin_until(self, condition, what) -> None:
        def spun():
            self._executor.spin_once(timeout_sec=0.02)
            return condition()

        self._until(spun, what)

    def set(self, seconds: int) -> None:
        def told():
            self._clock.publish(Clock(clock=Time(sec=seconds)))
            return self.node.get_clock().now().nanoseconds == seconds * SECOND

        self.spin_until(told, 'the time')

    def close(self) -> None:
        self._executor.shutdown()
        self.node.destroy_node()
        self.context.try_shutdown()


@pytest.fixture
def simulated(ros_domain, until):
    simulated = Simulated(ros_domain, until)
    yield simulated
    simulated.close()


def test_moving_transforms_are_forgotten(simulated):
    """A second is less than what tf remembers, so stamps alone would not tell."""
    listener, publisher = (
        make(simulated.node) for make in (transform_listener, TransformPublisher)
    )
    pose = np.array([[1.0, 0, 0, 0, 0, 0, 1]])

    def known(stamp):
        try:
            return listener.lookup('world', 'wrist', stamp * SECOND)[0] == 1.0
        except PerceptionError as error:
            assert error.code == ErrorCode.TRANSFORM_UNAVAILABLE
            return False

    simulated.set(100)
    simulated.spin_until(lambda: simulated.node.count_subscribers('/tf'), 'the connection')
    publisher.publish(['world'], ['wrist'], 100 * SECOND, pose)
    simulated.spin_until(lambda: known(100), 'the transform')
    simulated.set(99)
    assert not known(100)
    listener.close()


def test_objects_of_the_future_are_not_fresh(simulated):
    source = ObjectSource(simulated.node)
    publisher = simulated.node.create_publisher(ObjectArray, 'objects', latched_publisher())
    head = header('camera', 100 * SECOND)
    publisher.publish(ObjectArray(header=head, objects=[Object(header=head, label=LABEL)]))

    def is_found():
        try:
            found, _ = source.find(LABEL, max_age=2.0, timeout=1.0, should_stop=lambda: False)
        except PerceptionError as error:
            assert 'Nobody offers' in str(error)
            return False
        return [o.label for o in found] == [LABEL]

    simulated.set(100)
    simulated.spin_until(is_found, 'the objects')
    simulated.set(50)
    assert not is_found()
