"""The way to a pre-grasp among the newest objects, planned off the executor's thread."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import trimesh
from numpy.typing import NDArray
from rclpy.node import Node
from rclpy.qos_overriding_options import QoSOverridingOptions

from dexgrasp_msgs.msg import ObjectArray
from dexgrasp_ros.bridge.checks import LONGEST_WARNING, check_texts
from dexgrasp_ros.bridge.geometry import transform_plane
from dexgrasp_ros.bridge.objects import observed_object
from dexgrasp_ros.bridge.qos import latched_subscription
from dexgrasp_ros.core.errors import CommandError, ErrorCode
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.core.poses import compose, transform_points
from dexgrasp_ros.motion import Approach, WayConfig, find_way, point_cloud_field, without_hand
from dexgrasp_ros.nodes.execution.parameters import HandCommandParameters
from dexgrasp_ros.nodes.execution.plan import Plan

_SPACING = 0.004  # m between points on a mesh, as those of clouds are
_REACH = 0.06  # m; farther away nothing needs to be known exactly
# T_frame_other [7], the newest, and its stamp [ns], of the names of two frames.
Lookup = Callable[[str, str], tuple[NDArray[np.float64], int]]


class WayPlanner:
    """Hears `objects`; see the module.

    Parameters
    ----------
    node
        Whose subscription it is.
    config
        Gives the present parameters.
    lookup
        Where frames are.
    """

    def __init__(
        self, node: Node, config: Callable[[], HandCommandParameters], lookup: Lookup
    ) -> None:
        self._node, self._config, self._lookup = node, config, lookup
        self._objects: ObjectArray | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix='way_planner')
        self._subscription = node.create_subscription(
            ObjectArray,
            'objects',
            self._take,
            latched_subscription(),
            qos_overriding_options=QoSOverridingOptions.with_default_policies(),
        )

    def plan(
        self, plan: Plan, hand: HandModel, wrist: NDArray[np.float64], fingers: NDArray[np.float64]
    ) -> Future[NDArray[np.float64]] | None:
        """Begin to look for poses [K, 7] from a wrist at [7], joints at [J], to the pre-grasp.

        None where that is not wanted, or nobody said yet what objects there are. What the future
        raises ends the goal: WAY_BLOCKED, or what objects raise that cannot be used.
        """
        config = self._config()
        if not config.check_way:
            return None
        if self._objects is None:
            self._node.get_logger().warning(
                "'check_way' is set, and nobody published 'objects'; the way is not looked at."
            )
            return None
        way = dataclasses.replace(config.way, last_stretch=max(config.approach_distance, 0.005))
        return self._thread.submit(self._work, plan, hand, wrist, fingers, self._objects, way)

    def _take(self, message: ObjectArray) -> None:
        self._objects = message

    def _work(
        self,
        plan: Plan,
        hand: HandModel,
        wrist: NDArray[np.float64],
        fingers: NDArray[np.float64],
        objects: ObjectArray,
        config: WayConfig,
    ) -> NDArray[np.float64]:
        points, plane = _surroundings(objects, plan, self._lookup)
        points = without_hand(points, hand, wrist, fingers)
        up = plan.up if plane is None else plane[:3]
        field = point_cloud_field(points, plane, _REACH)
        wanted = Approach(
            pregrasp=plan.poses['pregrasp_pose'],
            grasp=plan.poses['pose'],
            fingers=plan.postures.pregrasp,
            up=up,
            start=wrist,
            start_fingers=fingers,
        )
        way = find_way(hand, [field], wanted, config)
        if way is None:
            raise CommandError(
                f"No way to the pre-grasp keeps {config.margin:g} m ('way.margin') from the"
                f' {len(objects.objects)} newest objects and their table; expected one, or'
                " 'check_way' off.",
                ErrorCode.WAY_BLOCKED,
            )
        return way


def _surroundings(
    objects: ObjectArray, plan: Plan, lookup: Lookup
) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
    """Points [K, 3] of what is seen above the table, and the table [4], in the plan's frame."""
    clouds, plane = [np.empty((0, 3))], None
    for message in objects.objects:
        check_texts(message, warnings=LONGEST_WARNING)
        observed, pose = observed_object(message)
        if observed.frame_id != plan.frame:
            pose = compose(lookup(plan.frame, observed.frame_id)[0], pose)
        mesh = trimesh.Trimesh(observed.vertices, observed.faces, process=False)
        count = int(np.ceil(mesh.area / _SPACING**2))
        sampled = trimesh.sample.sample_surface(mesh, count, seed=0)[0]
        clouds.append(transform_points(pose, np.concatenate([sampled, observed.obstacles])))
        if plane is None and observed.support_plane is not None:
            plane = transform_plane(pose, observed.support_plane)
    points = np.concatenate(clouds)
    if plane is not None:
        points = points[points @ plane[:3] + plane[3] > 0]
    return points, plane
