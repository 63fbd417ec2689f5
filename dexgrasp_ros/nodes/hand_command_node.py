"""`hand_command_node`: joint trajectories for the best grasp, once that is allowed.

For each `grasps` that arrives while `command_enabled` is true, publishes on `joint_trajectory` the
way to pregrasp, grasp and squeeze of the first one, at a share of the hand's velocity limits.
Grasps that came before commanding was enabled, that are empty, of another hand, outside the
joints' limits or from an image older than `max_age` move nothing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import JointState
from std_msgs.msg import Header
from trajectory_msgs.msg import JointTrajectory

from dexgrasp_msgs.msg import Grasp, GraspArray
from dexgrasp_ros.bridge.geometry import stamp_to_nanoseconds
from dexgrasp_ros.bridge.grasps import joint_trajectory
from dexgrasp_ros.bridge.qos import latched_subscription, sensor_data, standard
from dexgrasp_ros.core.errors import CommandError, DexGraspError, ErrorCode, choices
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.nodes.configuration import HandCommandParameters
from dexgrasp_ros.nodes.hand_source import HandSource
from dexgrasp_ros.nodes.lifecycle import AutostartNode
from dexgrasp_ros.nodes.process import main_of
from dexgrasp_ros.nodes.worker import Worker

# rad or m; what rounding may put a posture outside its limits
_LIMIT_TOLERANCE = 1e-4
# s; for a description that is being loaded
_CLOSE_TIMEOUT = 5.0
# A joint without limits is at most half a turn from anywhere.
_HALF_TURN = np.pi


class HandCommandNode(AutostartNode[HandCommandParameters]):
    """See the module."""

    def __init__(self) -> None:
        super().__init__('hand_command_node', HandCommandParameters)
        overrides = QoSOverridingOptions.with_default_policies()
        self._trajectories = self.create_publisher(
            JointTrajectory, 'joint_trajectory', standard(), qos_overriding_options=overrides
        )
        self._worker = Worker(self)
        self._hands = HandSource(self, self._worker, lambda: self.config)
        self._state: JointState | None = None
        self._inputs = [
            self.create_subscription(
                GraspArray,
                'grasps',
                self._take_grasps,
                latched_subscription(),
                qos_overriding_options=overrides,
            ),
            self.create_subscription(
                JointState,
                'joint_states',
                self._take_state,
                sensor_data(),
                qos_overriding_options=overrides,
            ),
        ]

    def configure(self) -> None:
        """Load the hand."""
        self._hands.configure()

    def cleanup(self) -> None:
        """Forget the hand."""
        self._hands.clear()

    def close(self) -> None:
        """Let the worker come to an end."""
        super().close()
        self._worker.close(_CLOSE_TIMEOUT)

    @property
    def _hand(self) -> HandModel:
        return self._hands.hold().hand

    def _take_state(self, message: JointState) -> None:
        self._state = message

    def _take_grasps(self, message: GraspArray) -> None:
        if not (self.is_active and self.config.command_enabled and message.grasps):
            return
        grasp = message.grasps[0]
        try:
            self._check(grasp)
            trajectory = joint_trajectory(
                grasp,
                self._start_posture(grasp),
                dict(zip(self._hand.joint_names, self._hand.velocity_limits, strict=True)),
                header=Header(frame_id=grasp.hand_frame),
                speed_scale=self.config.speed_scale,
            )
        except DexGraspError as error:
            self.get_logger().error(f'No command: {error}')
            return
        self._trajectories.publish(trajectory)
        end = trajectory.points[-1].time_from_start
        self.get_logger().info(
            f"Commanded the best of {len(message.grasps)} grasps of '{grasp.object_id}', which"
            f' takes {end.sec + end.nanosec / 1e9:.2f} s.'
        )

    def _check(self, grasp: Grasp) -> None:
        """Refuse what must not move the hand.

        Raises
        ------
        CommandError
            INVALID_COMMAND.
        DexGraspError
            STALE_DATA.
        """
        hand = self._hand
        age = self._age(grasp.header)
        if age > self.config.max_age:
            raise DexGraspError(
                f'The image of the grasps is {age:.1f} s old; expected at most'
                f' {self.config.max_age:g} s.',
                ErrorCode.STALE_DATA,
            )
        if list(grasp.joint_names) != list(hand.joint_names):
            raise CommandError(
                f"The grasp is for joints {choices(grasp.joint_names)} of '{grasp.hand}';"
                f" '{hand.name}' has {choices(hand.joint_names)}."
            )
        for posture in ('pregrasp', 'grasp', 'squeeze'):
            q = np.asarray(getattr(grasp, posture), dtype=np.float64)
            if q.shape != hand.lower.shape or not np.isfinite(q).all():
                raise CommandError(
                    f"'{posture}' is {q.tolist()}; expected {len(hand.lower)} finite numbers."
                )
            beyond = (q < hand.lower - _LIMIT_TOLERANCE) | (q > hand.upper + _LIMIT_TOLERANCE)
            if posture != 'squeeze' and beyond.any():
                names = [hand.joint_names[i] for i in np.flatnonzero(beyond)]
                raise CommandError(f"'{posture}' passes the limits of {choices(names)}.")

    def _start_posture(self, grasp: Grasp) -> NDArray[np.float64]:
        """Where the hand is; where nobody says so recently, as far from the pregrasp as it can be.

        The trajectory then takes longer than it need, but no joint is asked for more than its
        speed.
        """
        state, hand = self._state, self._hand
        if state is not None and self._age(state.header) <= self.config.joint_state_max_age:
            positions = dict(zip(state.name, state.position, strict=False))
            if all(name in positions for name in hand.joint_names):
                return np.array([positions[name] for name in hand.joint_names])
        target = np.asarray(grasp.pregrasp)
        lower = np.where(np.isfinite(hand.lower), hand.lower, target - _HALF_TURN)
        upper = np.where(np.isfinite(hand.upper), hand.upper, target + _HALF_TURN)
        return np.where(target - lower > upper - target, lower, upper)

    def _age(self, header: Header) -> float:
        return (self.get_clock().now().nanoseconds - stamp_to_nanoseconds(header.stamp)) / 1e9


main = main_of(HandCommandNode)

if __name__ == '__main__':
    main()
