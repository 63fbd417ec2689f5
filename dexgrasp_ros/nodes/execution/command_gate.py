"""The one gate through which every command to a hand leaves.

It owns the way to the fingers' controller (see `finger_outlet`) and the publisher of
`wrist_trajectory`, and nothing else sends there. A trajectory passes while commands are enabled
and the node is active, where it is of this hand, finite, from an image that is young enough,
within the joints' limits and the wrist's workspace, and slow enough from every place where the
hand may be. A stop passes always, but only where something was sent that it can stop. For the
fingers it is a point where they are, since controllers of ros2_control refuse a trajectory without
points; for the wrist, which has no standard controller, it has no points.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from rclpy.node import Node
from rclpy.qos_overriding_options import QoSOverridingOptions
from trajectory_msgs.msg import JointTrajectory, MultiDOFJointTrajectory

from dexgrasp_ros.bridge.geometry import age_text
from dexgrasp_ros.bridge.qos import standard
from dexgrasp_ros.bridge.trajectories import (
    finger_points,
    finger_trajectory,
    pose_points,
    pose_trajectory,
    turn_angle,
)
from dexgrasp_ros.core.errors import CommandError, DexGraspError, ErrorCode, choices
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.nodes.execution.finger_outlet import check_joints, finger_outlet
from dexgrasp_ros.nodes.execution.finger_topic import Answer, Outlet
from dexgrasp_ros.nodes.execution.hand_limits import (
    LIMIT_TOLERANCE,
    ROUNDING,
    check_effort,
    check_limits,
    check_names,
)
from dexgrasp_ros.nodes.execution.parameters import HandCommandParameters
from dexgrasp_ros.nodes.execution.workspace import LONGEST, check_workspace
from dexgrasp_ros.simulation.paths import TimedPath

_MOST_AHEAD = 1.0  # s that the clock of whoever stamped an image may be ahead
STOP_TIME = 0.1  # s in which fingers that are stopped come to where they were found


class CommandGate:
    """See the module.

    Parameters
    ----------
    node
        Makes the publishers and has the clock.
    config
        Gives the present parameters.
    is_active
        Says whether the node is active.
    on_failure
        Called with a sentence where a controller does not do what was sent.
    present
        Gives the positions [J] of the fingers, None where nobody said so recently.
    """

    def __init__(
        self,
        node: Node,
        config: Callable[[], HandCommandParameters],
        is_active: Callable[[], bool],
        on_failure: Callable[[str], None],
        present: Callable[[], NDArray[np.float64] | None],
    ) -> None:
        self._node, self._config, self._is_active = node, config, is_active
        self._on_failure, self._present = on_failure, present
        # Made when it is known where it leads, and kept as long as it leads there: a new publisher
        # would lose what it sends before anybody knows it.
        self._outlet: Outlet | None = None
        self._way: tuple[str, str] | None = None  # controller and interface of the outlet
        self._wrist = node.create_publisher(
            MultiDOFJointTrajectory,
            'wrist_trajectory',
            standard(),
            qos_overriding_options=QoSOverridingOptions.with_default_policies(),
        )
        self._hand: HandModel | None = None
        # What was sent and not stopped, by the node's clock [s]: the way of the fingers; for the
        # wrist the message that stops it, and when its motion is over.
        self._sent_fingers: TimedPath | None = None
        self._sent_wrist: tuple[MultiDOFJointTrajectory, float] | None = None
        # Where the fingers were sent last [J]: a controller may go on from there, whatever it
        # measures. None: nowhere yet.
        self.finger_target: NDArray[np.float64] | None = None

    def configure(self, hand: HandModel) -> None:
        """Let commands for `hand` through from now on.

        Raises
        ------
        CommandError
            INVALID_COMMAND where the controller's interface is not there, or not for this hand.
        """
        config = self._config()
        check_joints(hand, config)
        way = config.controller, config.controller_interface
        if way != self._way:
            if self._outlet is not None:
                self._outlet.close()
            self._outlet = self._way = None
            self._outlet, self._way = finger_outlet(self._node, config, self._on_failure), way
        self._outlet.forget()
        if self._hand is None or self._hand.joint_names != hand.joint_names:
            self.finger_target = None
        self._hand = hand

    @property
    def finger_answer(self) -> Answer:
        """What the fingers' controller says of the newest trajectory."""
        return self._outlet.answer

    @property
    def fingers_keep_time(self) -> bool:
        """Whether the fingers are where a trajectory has them, at each moment."""
        return self._outlet.keeps_time

    def check_allowed(self, stamp: int | None = None) -> None:
        """Refuse commands that are not wanted at all.

        Parameters
        ----------
        stamp
            Of the image that the command comes from [ns]; None where it no longer matters.

        Raises
        ------
        CommandError
            COMMAND_DISABLED.
        DexGraspError
            STALE_DATA.
        """
        config = self._config()
        if not (self._is_active() and config.command_enabled):
            what = 'the node is not active' if config.command_enabled else 'they are not enabled'
            raise CommandError(
                f"No command leaves: {what}; expected the parameter 'command_enabled' to be true"
                ' on an active node.',
                ErrorCode.COMMAND_DISABLED,
            )
        if stamp is None:
            return
        if stamp == 0:
            raise DexGraspError(
                'The grasps have no stamp; expected that of the image that they come from.',
                ErrorCode.STALE_DATA,
            )
        age = (self._node.get_clock().now().nanoseconds - stamp) / 1e9
        if not -_MOST_AHEAD <= age <= config.max_age:
            raise DexGraspError(
                f'The image of the grasps is {age_text(age)}; expected at most'
                f' {config.max_age:g} s old and {_MOST_AHEAD:g} s ahead.',
                ErrorCode.STALE_DATA,
            )

    def send_fingers(
        self,
        trajectory: JointTrajectory,
        *,
        starts: NDArray[np.float64],
        speed_scale: float,
        stamp: int | None = None,
        rest: NDArray[np.float64] | None = None,
        stiffness: NDArray[np.float64] | None = None,
        touches: bool = True,
    ) -> None:
        """Send a trajectory of the fingers.

        Parameters
        ----------
        trajectory
            At least one point; its stamp is 0.
        starts
            Positions [S, J] that the controller may start from.
        speed_scale
            Share of the velocity limits that it may use.
        stamp
            Of the image that it comes from [ns]; None where it no longer matters.
        rest, stiffness
            Where the last point presses: the posture [J] of the touch, and kp [J]. That point may
            pass the limits of positions, as far as the effort it asks for allows.
        touches
            Whether the object may hold fingers up, which is no failure of a controller then.

        Raises
        ------
        CommandError
            COMMAND_DISABLED, INVALID_COMMAND or EFFORT_LIMIT.
        DexGraspError
            STALE_DATA.
        """
        hand, config = self._hand, self._config()
        self.check_allowed(stamp)
        check_names(trajectory.joint_names, hand)
        points, times = finger_points(trajectory)
        _check_times(points, times)
        free = points if rest is None else points[:-1]
        for q in free if rest is None else [*free, rest]:
            check_limits(q, hand, 'A point of the trajectory')
        if rest is not None:
            check_effort(hand, rest, points[-1], stiffness, config.max_effort)
        for start in np.atleast_2d(starts):
            ways = np.abs(np.diff(points, axis=0, prepend=start[None]))
            allowed = speed_scale * hand.velocity_limits * np.diff(times, prepend=0.0)[:, None]
            fast = (ways > allowed * (1 + ROUNDING) + LIMIT_TOLERANCE).any(axis=0)
            if fast.any():
                names = [hand.joint_names[i] for i in np.flatnonzero(fast)]
                raise CommandError(
                    f'The trajectory asks {choices(names)} for more than {speed_scale:g} of the'
                    ' velocity limit.'
                )
        efforts = config.max_effort * hand.effort_limits
        if rest is not None:
            efforts = np.minimum(efforts, np.abs(stiffness * (points[-1] - rest)))
        self._outlet.send(
            trajectory,
            touches=touches,
            efforts=efforts,
            speeds=speed_scale * hand.velocity_limits,
        )
        start = np.atleast_2d(starts)[0]
        self._sent_fingers = TimedPath(start, points, times, self._now())
        self.finger_target = points[-1]

    def send_wrist(
        self,
        trajectory: MultiDOFJointTrajectory,
        *,
        starts: NDArray[np.float64],
        speed_scale: float,
        stamp: int | None = None,
    ) -> None:
        """Send a trajectory of the hand's root link; see `send_fingers`.

        `starts` are poses [S, 7] in the frame of the trajectory, the first where the wrist is.

        Raises
        ------
        CommandError
            COMMAND_DISABLED, INVALID_COMMAND, or OUT_OF_RANGE outside the workspace.
        DexGraspError
            STALE_DATA, or OUT_OF_RANGE for a pose that is none.
        """
        config = self._config()
        self.check_allowed(stamp)
        frames = list(trajectory.joint_names)
        if frames != [self._hand.hand_frame] or not trajectory.header.frame_id:
            raise CommandError(
                f"The wrist's trajectory moves {choices(frames)} in '{trajectory.header.frame_id}'"
                f"; expected '{self._hand.hand_frame}' in a frame that is named."
            )
        poses, times = pose_points(trajectory)
        _check_times(poses, times)
        here = np.atleast_2d(starts)[0]
        check_workspace(poses, here, trajectory.header.frame_id, config.workspace)
        for start in np.atleast_2d(starts):
            before = np.concatenate([start[None], poses[:-1]])
            spans = speed_scale * (1 + ROUNDING) * np.diff(times, prepend=0.0)
            way = np.linalg.norm(poses[:, :3] - before[:, :3], axis=1)
            turn = turn_angle(before, poses)
            if (way > spans * config.wrist_linear_speed + LIMIT_TOLERANCE).any() or (
                turn > spans * config.wrist_angular_speed + LIMIT_TOLERANCE
            ).any():
                raise CommandError(
                    f"The wrist's trajectory is faster than {speed_scale:g} of"
                    f' {config.wrist_linear_speed:g} m/s and {config.wrist_angular_speed:g} rad/s.'
                )
        stop = pose_trajectory(trajectory.header.frame_id, self._hand.hand_frame)
        self._sent_wrist = (stop, self._now() + times[-1])
        self._wrist.publish(trajectory)

    def stop(self, *, only_moving: bool = False, keep_grip: bool = False) -> None:
        """Tell fingers and wrist to stop and hold, those that were sent anywhere.

        Parameters
        ----------
        only_moving
            Leave those alone whose motion is over: they hold already.
        keep_grip
            Leave the fingers alone: stopped where they are, they would press on nothing, and drop
            what the squeeze holds.
        """
        least = self._now() if only_moving else -math.inf
        fingers, wrist = self._sent_fingers, self._sent_wrist
        self.release()
        if fingers is not None and fingers.end >= least and not keep_grip:
            self._hold(fingers)
        if wrist is not None and wrist[1] >= least:
            self._wrist.publish(wrist[0])

    def release(self) -> None:
        """Leave the hand as it is: what was sent has done its work and needs no stop."""
        self._sent_fingers = self._sent_wrist = None

    def _hold(self, path: TimedPath) -> None:
        """Send the fingers to where they are; by their way, where nobody says where that is."""
        found = self._present()
        q = path.at(self._now()) if found is None else found
        q = np.clip(q, self._hand.lower, self._hand.upper)
        try:
            self._outlet.send(
                finger_trajectory(self._hand.joint_names, [q], [STOP_TIME]),
                touches=True,
                efforts=self._config().max_effort * self._hand.effort_limits,
                speeds=self._hand.velocity_limits,
            )
            self.finger_target = q
        except CommandError as error:  # no controller any more
            self._node.get_logger().error(f'The fingers could not be stopped: {error}')

    def _now(self) -> float:
        return self._node.get_clock().now().nanoseconds / 1e9


def _check_times(points: NDArray, times: NDArray) -> None:
    if not len(points):
        raise CommandError('The trajectory has no points; expected at least one.')
    if not np.isfinite(points).all():
        raise CommandError('A point of the trajectory is not finite.')
    if not times[-1] <= LONGEST:
        raise CommandError(
            f'The trajectory takes {times[-1]:.4g} s; expected at most {LONGEST:g} s.'
        )
    if times[0] < 0 or (np.diff(times) < 0).any():
        raise CommandError(f'The times of the trajectory are {times.tolist()}; expected rising.')
