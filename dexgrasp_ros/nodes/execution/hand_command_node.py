"""`hand_command_node`: what moves a hand, once that is allowed.

The action `execute_grasp` carries out one grasp, watched phase by phase (see `goal`). With
`follow_grasps`, the fingers also close on the best grasp of each `grasps` that arrives while no
goal runs and none left the hand holding something: pregrasp, grasp and squeeze at a share of the
velocity limits, unwatched. Grasps that are not found just now, but replayed from a recording, are
not followed (see `follow_token`).

Everything that leaves passes one gate (see `command_gate`), which is shut until the parameter
`command_enabled` is true. Grasps that came before that, that are empty, of another hand, outside
the joints' limits or from an image older than `max_age` move nothing.

Disabling commands, deactivating the node, or another hand in `robot_description` ends the goal
that is under way and stops the hand. While another hand is loaded, nothing moves.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from rclpy.clock import Clock, ClockType
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import JointState
from std_msgs.msg import Header

from dexgrasp_msgs.msg import Grasp, GraspArray
from dexgrasp_ros.bridge.diagnostics import OK, WARN, Diagnostics, Report
from dexgrasp_ros.bridge.geometry import age_text, stamp_to_nanoseconds
from dexgrasp_ros.bridge.grasps import joint_trajectory
from dexgrasp_ros.bridge.qos import sensor_data, standard
from dexgrasp_ros.bridge.silent_topics import why_silent
from dexgrasp_ros.bridge.transforms import transform_listener
from dexgrasp_ros.core.errors import DexGraspError, ErrorCode
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.nodes.execution.command_gate import CommandGate
from dexgrasp_ros.nodes.execution.follow_token import FollowToken
from dexgrasp_ros.nodes.execution.joint_feed import JointFeed
from dexgrasp_ros.nodes.execution.parameters import HandCommandParameters
from dexgrasp_ros.nodes.execution.plan import checked_postures, within_efforts
from dexgrasp_ros.nodes.execution.server import ExecutionServer, limited_sentence
from dexgrasp_ros.nodes.execution.way_planner import WayPlanner
from dexgrasp_ros.nodes.shared.hand_source import HandSource
from dexgrasp_ros.nodes.shared.held_hand import HeldHand, check_hand
from dexgrasp_ros.nodes.shared.lifecycle import AutostartNode
from dexgrasp_ros.nodes.shared.process import main_of
from dexgrasp_ros.nodes.shared.worker import Worker

# A joint without limits is at most half a turn from anywhere.
_HALF_TURN = np.pi


class HandCommandNode(AutostartNode[HandCommandParameters]):
    """See the module."""

    def __init__(self) -> None:
        super().__init__('hand_command_node', HandCommandParameters)
        overrides = QoSOverridingOptions.with_default_policies()
        self._gate = CommandGate(
            self,
            lambda: self.config,
            lambda: self.is_active,
            on_failure=self._on_failure,
            present=self._positions,
        )
        self._transforms = transform_listener(self)
        # Durations are real ones, even where a simulation's clock stands still.
        self._steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._hand: HandModel | None = None  # None while there is none, or another one is loaded
        self._joints: JointFeed | None = None
        self._server = ExecutionServer(
            self,
            lambda: self.config,
            lambda: self.is_active,
            self._gate,
            self._transforms.newest,
            WayPlanner(self, lambda: self.config, self._transforms.newest),
        )
        self._worker = Worker(self)
        self._hands = HandSource(
            self,
            self._worker,
            lambda: self.config,
            on_change=self._on_change,
            on_ready=self._take_over,
        )
        self._token = FollowToken(self)
        self._inputs = [
            self.create_subscription(
                GraspArray,
                'grasps',
                self._take_grasps,
                standard(),  # not latched: those from before this node began move nothing
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
        self._diagnostics = Diagnostics(self, 'commands', self._report)

    def check_parameters(
        self, before: HandCommandParameters, after: HandCommandParameters
    ) -> None:
        """Refuse a hand that there is not."""
        check_hand(before.hand, after.hand)

    def configure(self) -> None:
        """Load the hand."""
        self._hands.configure()
        self._use(self._hands.held)

    def activate(self) -> None:
        """Offer the action."""
        self._server.offer()

    def deactivate(self) -> None:
        """End the goal that is under way and stop the hand; further goals are rejected."""
        self._server.end(ErrorCode.PREEMPTED, 'The hand command node was deactivated.')
        self._gate.stop(only_moving=True)

    def cleanup(self) -> None:
        """Forget the hand."""
        self._hands.clear()
        self._use(None)

    def reconfigure(self, before: HandCommandParameters, after: HandCommandParameters) -> None:
        """Stop what moves once commands are no longer wanted."""
        if before.command_enabled and not after.command_enabled:
            self._server.end(ErrorCode.COMMAND_DISABLED, "'command_enabled' was set to false.")
            self._gate.stop(only_moving=True)
        if before.follow_grasps and not after.follow_grasps and not self._server.is_busy:
            self._gate.stop(only_moving=True)

    def _on_failure(self, sentence: str) -> None:
        self.get_logger().error(sentence)
        self._server.end(ErrorCode.TRACKING_FAILED, sentence)

    def _on_change(self, sentence: str) -> None:
        self._server.end(ErrorCode.PREEMPTED, sentence)
        self._gate.stop(only_moving=True)
        self._use(None)

    def _take_over(self, held: HeldHand | None) -> None:
        """Command the hand of another description, if the controller can be told to."""
        try:
            self._use(held)
        except DexGraspError as error:
            self.get_logger().error(f'The hand cannot be commanded: {error}')

    def _why_no_states(self) -> str:
        return why_silent(self, 'joint_states', [JointState], sensor_data())

    def _use(self, held: HeldHand | None) -> None:
        """Command this hand from now on."""
        self._hand = self._joints = None
        if held is not None:
            self._gate.configure(held.hand)
            self._hand = held.hand
            self._joints = JointFeed(held.hand.joint_names, self._why_no_states)
        self._server.use(self._hand, self._joints)

    def _take_state(self, message: JointState) -> None:
        if self._joints is not None:
            self._joints.take(message)

    def _take_grasps(self, message: GraspArray) -> None:
        config, is_live = self.config, self._token.spend(message.follow_token)
        if not (self.is_active and config.command_enabled and config.follow_grasps):
            return
        if not message.grasps or self._server.is_busy or self._hand is None:
            return
        if self._server.holds:
            self.get_logger().info(
                "Did not follow new grasps: the hand holds what 'execute_grasp' took."
            )
            return
        if not is_live:
            self.get_logger().error(
                "No command: the grasps do not carry the newest 'follow_token'; expected those of"
                ' a node that has found them just now, not of a recording.',
                throttle_duration_sec=1.0,
            )
            return
        grasp = message.grasps[0]
        try:
            self._hands.hold()
            end = self._follow(grasp)
        except DexGraspError as error:
            self.get_logger().error(f'No command: {error}')
            return
        self.get_logger().info(
            f"Commanded the best of {len(message.grasps)} grasps of '{grasp.object_id}', which"
            f' takes {end:.2f} s.'
        )

    def _follow(self, grasp: Grasp) -> float:
        """Send the fingers through a grasp; return the seconds that takes.

        Raises
        ------
        DexGraspError
            What the gate refuses it with.
        """
        hand, scale = self._hand, self.config.speed_scale
        postures, limited = within_efforts(
            checked_postures(grasp, hand), hand, self.config.max_effort
        )
        if limited:
            self.get_logger().warning(limited_sentence(limited))
        grasp.squeeze = postures.squeeze.tolist()
        start = self._start_posture(postures.pregrasp)
        if (told := self._gate.finger_target) is not None:
            # A controller may go on from there; the farther of the two takes the longer time.
            away = np.abs(told - postures.pregrasp) > np.abs(start - postures.pregrasp)
            start = np.where(away, told, start)
        trajectory = joint_trajectory(
            grasp,
            start,
            dict(zip(hand.joint_names, hand.velocity_limits, strict=True)),
            header=Header(frame_id=grasp.hand_frame),
            speed_scale=scale,
        )
        self._gate.send_fingers(
            trajectory,
            starts=start,
            speed_scale=scale,
            stamp=stamp_to_nanoseconds(grasp.header.stamp),
            rest=postures.grasp,
            stiffness=postures.stiffness,
        )
        end = trajectory.points[-1].time_from_start
        return end.sec + end.nanosec / 1e9

    def _start_posture(self, target: NDArray[np.float64]) -> NDArray[np.float64]:
        """Where the hand is; where nobody says so recently, as far from `target` as it can be.

        The trajectory then takes longer than it need, but no joint is asked for more than its
        speed.
        """
        found, hand = self._positions(), self._hand
        if found is not None:
            return found
        lower = np.where(np.isfinite(hand.lower), hand.lower, target - _HALF_TURN)
        upper = np.where(np.isfinite(hand.upper), hand.upper, target + _HALF_TURN)
        return np.where(target - lower > upper - target, lower, upper)

    def _positions(self) -> NDArray[np.float64] | None:
        """Where the hand's joints are [J]; None where nobody said so recently."""
        if self._joints is None:
            return None
        now = self.get_clock().now().nanoseconds
        try:
            return self._joints.read(now, self.config.joint_state_max_age).positions
        except DexGraspError:
            return None

    def _report(self) -> Report:
        config, now = self.config, self.get_clock().now().nanoseconds
        age = self._joints.age(now) if self._joints is not None else math.inf
        level, text = OK, 'Ready.'
        if self._server.is_busy:
            text = f"Executes a grasp: '{self._server.phase}'."
        elif not self.is_active:
            text = 'Not active.'
        elif not config.command_enabled:
            text = 'Commands are not enabled.'
        elif not math.isfinite(age):
            level, text = WARN, 'No joint states came for some joint.'
        elif not abs(age) <= config.joint_state_max_age:
            level, text = WARN, f'The newest joint states are {age_text(age)}.'
        values = {
            'commands enabled': config.command_enabled,
            'age of joint states [s]': age,
            'goals': self._server.goals,
            'last goal': self._server.last,
        }
        return level, text, values


main = main_of(HandCommandNode)

if __name__ == '__main__':
    main()
