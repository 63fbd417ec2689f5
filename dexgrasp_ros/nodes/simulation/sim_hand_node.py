"""`sim_hand_node`: a hand and objects on a table, simulated; what a robot would be to the others.

Follows `joint_trajectory` and `wrist_trajectory`: linear between points, from where the hand is,
newer in place of older, at once where the stamp is 0, and without points it stops and holds. The
wrist goes wherever it is told (no arm stands behind it), in any frame that tf connects with the
world's. Objects are moved by contact alone.

Publishes `joint_states` (all moving joints, those that follow another one as well), `/clock`, on
`/tf` all links of the hand and all objects, and once for each reset, latched, `sim_objects`: the
true meshes in their own frames, and the table with label 0. The service `reset` stands the hand
and the objects that the parameters name by then where they start; time goes on.

What cannot be followed is an error in the log and moves nothing. Other nodes of the graph need
`use_sim_time`; this one makes the time.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.clock import Clock, ClockType
from rclpy.qos_overriding_options import QoSOverridingOptions
from rclpy.timer import Timer
from rosgraph_msgs.msg import Clock as ClockMessage
from sensor_msgs.msg import JointState
from std_msgs.msg import Header
from std_srvs.srv import Trigger
from trajectory_msgs.msg import JointTrajectory, MultiDOFJointTrajectory

from dexgrasp_msgs.msg import ObjectArray
from dexgrasp_ros.bridge.checks import check_texts
from dexgrasp_ros.bridge.geometry import header, nanoseconds_to_stamp, stamp_to_nanoseconds
from dexgrasp_ros.bridge.qos import latched_publisher, standard
from dexgrasp_ros.bridge.servers import create_reaching_service
from dexgrasp_ros.bridge.sim_objects import object_frame, sim_objects_message
from dexgrasp_ros.bridge.trajectories import finger_points, pose_points
from dexgrasp_ros.bridge.transforms import TransformPublisher, transform_listener
from dexgrasp_ros.core.errors import CommandError, DexGraspError, choices
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.core.poses import compose, invert
from dexgrasp_ros.hand import load_hand, moving_joint_names
from dexgrasp_ros.nodes.shared.held_hand import check_hand
from dexgrasp_ros.nodes.shared.lifecycle import AutostartNode
from dexgrasp_ros.nodes.shared.process import main_of
from dexgrasp_ros.nodes.simulation.parameters import SimHandParameters
from dexgrasp_ros.simulation import PhysicsSettings
from dexgrasp_ros.simulation.sim_world import SimWorld
from dexgrasp_ros.simulation.standing_objects import stand_objects

_TICK = 0.01  # s between two looks at what is due
_BUDGET = 0.008  # s of a tick that steps may take, so that messages still come through
_MOST_BEHIND = 0.1  # s; a machine that is too slow is not asked to catch up
_FIRST_STAMP = 1.0  # s; a stamp of 0 would mean "at once" or "the newest"
_WARN_PERIOD = 1.0  # s between two errors of the same kind


class SimHandNode(AutostartNode[SimHandParameters]):
    """See the module."""

    def __init__(self) -> None:
        super().__init__('sim_hand_node', SimHandParameters)
        overrides = QoSOverridingOptions.with_default_policies()
        self._times = self.create_publisher(ClockMessage, '/clock', standard())
        self._states = self.create_publisher(
            JointState, 'joint_states', standard(), qos_overriding_options=overrides
        )
        self._objects = self.create_publisher(ObjectArray, 'sim_objects', latched_publisher())
        self._frames = TransformPublisher(self)
        self._transforms = transform_listener(self)
        self._hand: HandModel | None = None
        self._world: SimWorld | None = None
        self._timer: Timer | None = None
        self._epoch = _FIRST_STAMP  # s, when the world's own time began
        self._due: dict[str, float] = {}  # s of the world, by what is published
        self._inputs = [
            self.create_subscription(
                kind, topic, take, standard(), qos_overriding_options=overrides
            )
            for kind, topic, take in (
                (JointTrajectory, 'joint_trajectory', self._on_fingers),
                (MultiDOFJointTrajectory, 'wrist_trajectory', self._on_wrist),
            )
        ]
        create_reaching_service(
            self, Trigger, 'reset', self._on_reset, callback_group=ReentrantCallbackGroup()
        )

    def configure(self) -> None:
        """Load the hand, cut the objects into convex pieces, let them settle."""
        self._hand = load_hand(self.config.hand)
        self._names = moving_joint_names(self._hand)
        self._world = self._build()

    def activate(self) -> None:
        """Let time begin, or go on."""
        self._announce()
        self._behind, self._last = 0.0, time.monotonic()
        self._timer = self.create_timer(
            _TICK, self._tick, clock=Clock(clock_type=ClockType.STEADY_TIME)
        )

    def deactivate(self) -> None:
        """Let time stand still."""
        if self._timer is not None:
            self.destroy_timer(self._timer)
            self._timer = None

    def cleanup(self) -> None:
        """Forget the world; its time does not come again."""
        if self._world is not None:
            self._epoch = self._now() + 1.0
        self._hand = self._world = None

    def check_parameters(self, before: SimHandParameters, after: SimHandParameters) -> None:
        """Refuse a hand that there is not."""
        check_hand(before.hand, after.hand)

    def _build(self) -> SimWorld:
        """Make the world that the parameters name."""
        config = self.config
        start = time.perf_counter()
        meshes = [path.strip() for path in config.objects.split(',') if path.strip()]
        standing = stand_objects(
            meshes,
            spacing=config.object_spacing,
            random_seed=config.random_seed,
            count=config.object_count,
            heaped=config.heaped,
        )
        settings = PhysicsSettings(gravity=9.81, object_mass=config.object_mass)
        world = SimWorld(self._hand, standing, settings)
        self._parents = np.maximum(self._hand.link_parents, 0)
        self._due = {}
        self.get_logger().info(
            f'{choices([o.name for o in standing])} on the table after'
            f' {time.perf_counter() - start:.1f} s.'
        )
        return world

    def _now(self) -> float:
        """Time of the graph [s]."""
        return self._epoch + self._world.time

    def _stamp(self) -> int:
        return round(1e9 * self._now())

    # What is published.

    def _announce(self) -> None:
        """Say which objects there are, before the first transforms of theirs."""
        self._objects.publish(
            sim_objects_message(self._world.objects, self.config.world_frame, self._stamp())
        )
        self._publish_time()
        self._publish_state()
        self._publish_frames()

    def _tick(self) -> None:
        """Make the steps that are due, and publish on the way."""
        now, step = time.monotonic(), self._world.time_step
        factor = self.config.real_time_factor
        elapsed, self._last = now - self._last, now
        self._behind = min(self._behind + factor * elapsed, max(_MOST_BEHIND, factor * _TICK))
        while self._behind >= step or factor == 0.0:
            self._world.step()
            self._behind -= step
            if not self._world.is_sane:  # nobody is to hear of it
                break
            self._publish_due()
            if time.monotonic() - now > _BUDGET:
                break
        if not self._world.is_sane:
            self.get_logger().error('The simulation has failed; everything starts anew.')
            self._restart(self._world)

    def _publish_due(self) -> None:
        config, now = self.config, self._world.time
        for publish, rate in (
            (self._publish_time, config.joint_state_rate),
            (self._publish_state, config.joint_state_rate),
            (self._publish_frames, config.tf_rate),
        ):
            if now >= self._due.get(publish.__name__, 0.0) - 1e-9:
                # On a grid, so that the rate is right on average though steps do not divide it.
                self._due[publish.__name__] = (np.floor(now * rate + 1e-6) + 1) / rate
                publish()

    def _publish_time(self) -> None:
        self._times.publish(ClockMessage(clock=nanoseconds_to_stamp(self._stamp())))

    def _publish_state(self) -> None:
        positions, velocities, efforts = self._world.joint_states()
        self._states.publish(
            JointState(
                header=header('', self._stamp()),
                name=self._names,
                position=positions.tolist(),
                velocity=velocities.tolist(),
                effort=efforts.tolist(),
            )
        )

    def _publish_frames(self) -> None:
        hand, world = self._hand, self.config.world_frame
        links, things = self._world.link_poses(), self._world.object_poses()
        inside = compose(invert(links[self._parents[1:]]), links[1:])
        parents = [world, *(hand.link_names[p] for p in self._parents[1:]), *[world] * len(things)]
        children = [*hand.link_names, *(object_frame(o.label) for o in self._world.objects)]
        self._frames.publish(
            parents, children, self._stamp(), np.concatenate([links[:1], inside, things])
        )

    # What is taken.

    def _on_fingers(self, message: JointTrajectory) -> None:
        def follow() -> None:
            points, times = finger_points(message)
            self._world.follow_fingers(
                message.joint_names, points, times, self._begin(message.header)
            )

        self._obey('joint_trajectory', message, follow)

    def _on_wrist(self, message: MultiDOFJointTrajectory) -> None:
        def follow() -> None:
            if list(message.joint_names) != [self._hand.hand_frame]:
                raise CommandError(
                    f'A trajectory of the wrist is for {choices(message.joint_names)}; expected'
                    f" '{self._hand.hand_frame}'."
                )
            poses, times = pose_points(message)
            if len(poses):
                poses = compose(self._frame_pose(message.header.frame_id), poses)
            self._world.follow_wrist(poses, times, self._begin(message.header))

        self._obey('wrist_trajectory', message, follow)

    def _obey(
        self,
        topic: str,
        message: JointTrajectory | MultiDOFJointTrajectory,
        follow: Callable[[], None],
    ) -> None:
        if not self.is_active:
            return
        try:
            check_texts(message)
            follow()
        except DexGraspError as error:
            self.get_logger().error(
                f"'{topic}' is not followed: {error}", throttle_duration_sec=_WARN_PERIOD
            )

    def _frame_pose(self, frame: str) -> NDArray[np.float64]:
        """Pose [7] of a frame in the world, now."""
        frame, world = frame.lstrip('/'), self.config.world_frame
        if not frame:
            raise CommandError(
                f"The frame of the wrist's trajectory is empty; expected '{world}' or one that tf"
                ' connects with it.'
            )
        return self._transforms.newest(world, frame)[0]

    def _begin(self, head: Header) -> float | None:
        """Time of the world [s] at which a trajectory begins; None is now."""
        stamp = stamp_to_nanoseconds(head.stamp)
        return None if stamp == 0 else stamp / 1e9 - self._epoch

    def _on_reset(self, _request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        if not self.is_active:
            response.message = 'The node is not active.'
            return response
        try:
            self._restart(self._build())
        except DexGraspError as error:
            response.message = str(error)
            return response
        response.success = True
        response.message = choices([o.name for o in self._world.objects])
        return response

    def _restart(self, world: SimWorld) -> None:
        """Begin `world` at the present moment, since a clock must not go back."""
        self._epoch = self._now() + self._world.time_step
        world.reset()
        self._world, self._due = world, {}
        self._announce()


main = main_of(SimHandNode)

if __name__ == '__main__':
    main()
