"""`planning_scene_node`: objects, table and neighbours as collision objects for MoveIt.

Takes `objects` and publishes, as differences, `planning_scene` (`moveit_msgs/PlanningScene`), to
which move_group listens: what there is is added under its id, what is gone is removed. Whoever
comes later, such as a move_group that starts anew, is told everything once more.

While the node is not active the scene stays as it is, which is what a hand wants that carries an
object away: MoveIt has attached it, and it must not stand on the table again. Cleaning the node up
takes all that it told out of the scene. Needs moveit_msgs.
"""

from __future__ import annotations

from typing import Any

from rclpy.clock import Clock, ClockType
from rclpy.qos_overriding_options import QoSOverridingOptions
from rclpy.subscription import Subscription
from rclpy.timer import Timer

from dexgrasp_msgs.msg import ObjectArray
from dexgrasp_ros.bridge.optional import optional_messages
from dexgrasp_ros.bridge.planning_scene import collision_objects, scene_change
from dexgrasp_ros.bridge.qos import latched_subscription, standard
from dexgrasp_ros.core.errors import DexGraspError
from dexgrasp_ros.nodes.planning_scene.parameters import PlanningSceneParameters
from dexgrasp_ros.nodes.shared.lifecycle import AutostartNode
from dexgrasp_ros.nodes.shared.process import main_of

_LOOK_PERIOD = 1.0  # s between two looks whether somebody has come who knows nothing yet


class PlanningSceneNode(AutostartNode[PlanningSceneParameters]):
    """See the module."""

    def __init__(self) -> None:
        super().__init__('planning_scene_node', PlanningSceneParameters)
        self._overrides = QoSOverridingOptions.with_default_policies()
        self._scenes = self.create_publisher(
            optional_messages('moveit_msgs').PlanningScene,
            'planning_scene',
            standard(),
            qos_overriding_options=self._overrides,
        )
        self._told: dict[str, Any] = {}  # what stands in the scene because of this node, by id
        self._listeners = 0
        self._input: Subscription | None = None
        self._looks: Timer | None = None

    def activate(self) -> None:
        """Listen to objects."""
        self._input = self.create_subscription(
            ObjectArray,
            'objects',
            self._take,
            latched_subscription(),
            qos_overriding_options=self._overrides,
        )
        self._looks = self.create_timer(
            _LOOK_PERIOD, self._look, clock=Clock(clock_type=ClockType.STEADY_TIME)
        )

    def deactivate(self) -> None:
        """Leave the scene as it is."""
        self.destroy_subscription(self._input)
        self.destroy_timer(self._looks)

    def cleanup(self) -> None:
        """Take out of the scene what this node put there."""
        self._tell({})

    def _take(self, message: ObjectArray) -> None:
        config = self.config
        try:
            now = collision_objects(
                message,
                prefix=config.id_prefix,
                margin=config.table_margin,
                cell=config.obstacle_cell,
            )
        except DexGraspError as error:
            self.get_logger().error(f"'objects' cannot be put into the scene: {error}")
            return
        self._tell(now)

    def _tell(self, now: dict[str, Any]) -> None:
        change = scene_change(self._told, now)
        if change.world.collision_objects:
            self._scenes.publish(change)
        self._told = now

    def _look(self) -> None:
        """Tell everything once more where somebody listens who did not."""
        before, self._listeners = self._listeners, self._scenes.get_subscription_count()
        if self._listeners > before and self._told:
            self._scenes.publish(scene_change({}, self._told))


main = main_of(PlanningSceneNode)

if __name__ == '__main__':
    main()
