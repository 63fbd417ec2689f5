"""The work of one goal of `synthesize_grasps`, from objects to messages; it runs in a worker."""

from __future__ import annotations

import dataclasses
import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from geometry_msgs.msg import PoseArray
from numpy.typing import NDArray
from sensor_msgs.msg import JointState
from std_msgs.msg import Header
from trajectory_msgs.msg import MultiDOFJointTrajectory
from visualization_msgs.msg import MarkerArray

from dexgrasp_msgs.action import SynthesizeGrasps
from dexgrasp_msgs.msg import Grasp, Object, ObjectFailure
from dexgrasp_ros.bridge.arms import add_arm_postures, add_flange
from dexgrasp_ros.bridge.checks import LONGEST_WARNING, check_texts
from dexgrasp_ros.bridge.errors import error_fields
from dexgrasp_ros.bridge.geometry import stamp_to_nanoseconds, transform_plane
from dexgrasp_ros.bridge.goals import (
    IDENTITY,
    check_goal,
    goal_config,
    goal_wishes,
    mesh_object,
)
from dexgrasp_ros.bridge.grasps import (
    grasp_messages,
    grasp_poses,
    joint_targets,
    lift_displacement,
    merged,
    phase_times,
    reject_counts,
    wrist_trajectory,
)
from dexgrasp_ros.bridge.markers import drawn_hand, grasp_markers
from dexgrasp_ros.bridge.objects import observed_object
from dexgrasp_ros.bridge.transforms import TransformListener
from dexgrasp_ros.core.config import SynthesisConfig
from dexgrasp_ros.core.errors import DexGraspError, ErrorCode, HandError, SynthesisError
from dexgrasp_ros.core.grasp_set import GraspSet
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.core.object_model import ObjectModel, ObservedObject
from dexgrasp_ros.core.poses import compose, invert, pose_to_matrix
from dexgrasp_ros.core.progress import Progress, StopCallback, check_stop
from dexgrasp_ros.hand import InverseKinematics, Reachability, load_hand
from dexgrasp_ros.learning import learned_seeds
from dexgrasp_ros.motion import WayTest, without_hand
from dexgrasp_ros.nodes.shared.hand_source import HandSource
from dexgrasp_ros.nodes.shared.held_hand import HeldHand
from dexgrasp_ros.nodes.shared.present_joints import PresentJoints
from dexgrasp_ros.nodes.synthesis.object_source import ObjectSource
from dexgrasp_ros.nodes.synthesis.parameters import GraspParameters
from dexgrasp_ros.object import load_object
from dexgrasp_ros.synthesis import synthesize

Goal, Result, Feedback = (
    SynthesizeGrasps.Goal,
    SynthesizeGrasps.Result,
    SynthesizeGrasps.Feedback,
)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a goal comes to: its result and what is published with it."""

    result: Result
    markers: MarkerArray
    poses: PoseArray
    targets: JointState | None  # None without grasps
    wrist: MultiDOFJointTrajectory | None
    hand: HandModel  # that the grasps are of


class GraspTask:
    """One goal; `run` does the work, `result` says at any time how far it came.

    Parameters
    ----------
    goal, config
        What is asked for, and the node's parameters for what is not.
    hands
        The node's own hand.
    source, transforms, joints
        Objects, frames, and where the arm is.
    report
        Takes each feedback.
    should_stop
        Asked often; true ends the work with CANCELLED.
    """

    def __init__(
        self,
        goal: Goal,
        config: GraspParameters,
        hands: HandSource,
        source: ObjectSource,
        transforms: TransformListener,
        joints: PresentJoints,
        *,
        report: Callable[[Feedback], None],
        should_stop: StopCallback,
    ) -> None:
        self._goal, self._config, self._hands = goal, config, hands
        self._source, self._transforms, self._joints = source, transforms, joints
        self._report, self._should_stop = report, should_stop
        self._start = self._mark = time.perf_counter()
        self._timing: Counter[str] = Counter()  # s by phase, over all objects
        self._rejected: Counter[str] = Counter()
        self._failures: list[ObjectFailure] = []

    def result(self, error: BaseException | None = None) -> Result:
        """Reject counts, failures and times so far, with the code and sentence of `error`."""
        result = Result(
            rejected=reject_counts(self._rejected.copy()),
            failures=list(self._failures),
            timing=phase_times(self._timing.copy()),
        )
        if error is not None:
            result.error_code, result.error_message = error_fields(error)
        return result

    def run(self) -> Answer:
        """Do the work.

        Raises
        ------
        DexGraspError
            Where not even an empty answer can be given; a search without grasps is an answer
            with NO_GRASP_FOUND.
        """
        goal = self._goal
        check_stop(self._should_stop)  # while it waited
        check_goal(goal)
        # The node ends the whole goal in time, reconstruction included.
        search = dataclasses.replace(goal_config(goal, self._config.synthesis), time_limit=0.0)
        self._feedback('hand')
        self._held = self._find_hand()
        self._lap('hand')
        objects = self._objects()
        head = self._header(objects)
        grasps: list[Grasp] = []
        for i, message in enumerate(objects):
            try:
                grasps += self._search(message, head, search, (i, len(objects)))
            except DexGraspError as error:
                check_stop(self._should_stop)
                self._fail(message.label, error)
        check_stop(self._should_stop)
        return self._answer(head, grasps, objects)

    def _find_hand(self) -> HeldHand:
        """Find the node's hand, or the one that the goal names, which hangs on no arm."""
        name, held = self._goal.hand, self._hands.held
        if not name or (held is not None and name == held.name):
            return self._hands.hold()
        # Meshes that were not cut before take seconds; what nobody wants is left between two.
        hand = drawn_hand(load_hand(name, progress=lambda _: check_stop(self._should_stop)))
        check_stop(self._should_stop)
        return HeldHand(hand=hand, name=name, origin=name)

    def _objects(self) -> Sequence[Object]:
        goal = self._goal
        if goal.source == Goal.SOURCE_MESH:
            frame, cloud = goal.mesh_pose.header.frame_id, goal.obstacles.header
            stamp = stamp_to_nanoseconds(cloud.stamp)
            return [mesh_object(goal, self._pose(frame, cloud.frame_id or frame, stamp))]
        self._feedback('reconstruct')
        found, failures = self._source.find(
            goal.label,
            max_age=self._config.object_max_age,
            timeout=self._config.reconstruction_timeout,
            should_stop=self._should_stop,
        )
        self._failures += failures
        self._lap('reconstruct')
        return found

    def _header(self, objects: Sequence[Object]) -> Header:
        """Header of the grasps at the stamp of the objects.

        In the frame that is asked for, else that of the arm's base, else the objects' own.
        """
        own, arm = objects[0].header, self._held.arm
        asked = self._goal.reference_frame or self._config.reference_frame
        frame = asked or (own.frame_id if arm is None else arm.base_frame)
        return Header(frame_id=frame, stamp=own.stamp)

    def _search(
        self, message: Object, head: Header, search: SynthesisConfig, share: tuple[int, int]
    ) -> list[Grasp]:
        """Grasps of one object in the frame of `head`; `share` is which of how many it is."""
        check_texts(message, warnings=LONGEST_WARNING)
        observed, pose_in_own = observed_object(message)
        pose = compose(self._pose(head.frame_id, observed.frame_id, observed.stamp), pose_in_own)
        wishes = goal_wishes(
            self._goal, pose, lambda region: self._region_pose(region, observed, pose_in_own)
        )
        reach = self._reachability(head, pose, observed, search)
        self._lap('transform')
        plane = observed.support_plane
        self._feedback('object', label=observed.label, fraction=share[0] / share[1])
        up = None if plane is None else transform_plane(pose, plane)
        lift = lift_displacement(head.frame_id, up, self._config.lift_height)
        obj, way = self._load(observed, head, pose, lift)
        self._lap('object')
        found = synthesize(
            self._held.hand,
            obj,
            search,
            wishes=wishes,
            reachable=reach,
            learned=learned_seeds() if search.seed_source != 'geometric' else None,
            way_is_clear=way,
            progress=lambda p: self._progress(p, observed.label, share),
            should_stop=self._should_stop,
        )
        self._timing.update(found.timing)
        self._rejected.update(found.rejected)
        if not len(found):
            self._fail(observed.label, _nothing_found(found, observed.name, search.seed_count))
        self._mark = time.perf_counter()
        grasps = grasp_messages(
            found,
            pose,
            header=head,
            object_id=message.id,
            label=message.label,
            lift=lift,
        )
        arm = self._held.arm
        if arm is not None:
            add_flange(grasps, arm)
        if reach is not None:
            postures = reach.postures(found.base_pose, found.pregrasp_base_pose)
            add_arm_postures(grasps, arm, postures)
        return grasps

    def _reachability(
        self,
        head: Header,
        object_pose: NDArray[np.float64],
        observed: ObservedObject,
        search: SynthesisConfig,
    ) -> Reachability | None:
        """Test for grasps of an object at `object_pose` in the frame of `head`, if wanted."""
        config, arm = self._config, self._held.arm
        if not config.check_reachability:
            return None
        if arm is None:
            raise HandError(
                f"'check_reachability' is set, and '{self._held.name}' hangs on no arm; expected a"
                ' description with links above the hand (hand_root_link).',
                ErrorCode.UNSUPPORTED_HAND,
            )
        base = self._pose(arm.base_frame, head.frame_id, observed.stamp)
        return Reachability(
            InverseKinematics(arm, config.ik, random_seed=search.random_seed),
            compose(base, object_pose),
            present=self._joints.positions(arm.joint_names),
            should_stop=self._should_stop,
        )

    def _load(
        self,
        observed: ObservedObject,
        head: Header,
        pose: NDArray[np.float64],
        lift: NDArray[np.float64],
    ) -> tuple[ObjectModel, WayTest | None]:
        """Make the object of the search, and the test for ways to it if one is wanted.

        Its mesh is at `pose` [7] in the frame of `head`, where `lift` [3] m leads away.
        """
        hand, wanted = self._held.hand, self._config.check_way
        here = self._present_hand(head, pose) if wanted else None
        obstacles = observed.obstacles
        if here is not None:
            obstacles = without_hand(obstacles, hand, *here)
        obj = load_object(
            (observed.vertices, observed.faces),
            name=observed.name,
            support_plane=observed.support_plane,
            obstacles=obstacles if len(obstacles) else None,
            should_stop=self._should_stop,
        )
        if not wanted:
            return obj, None
        start, fingers = (None, None) if here is None else here
        lift = pose_to_matrix(invert(pose))[:3, :3] @ lift
        config = self._config.way
        return obj, WayTest(hand, obj, config, start=start, start_fingers=fingers, lift=lift)

    def _present_hand(
        self, head: Header, object_pose: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
        """Pose [7] of the hand now, in the frame of an object's mesh, and its joints [J].

        None where tf does not connect it with the frame of `head`, or nobody tells the joints.
        """
        hand = self._held.hand
        joints = self._joints.positions(hand.joint_names)
        if joints is None:
            return None
        try:
            here = self._transforms.newest(head.frame_id, hand.hand_frame)[0]
        except DexGraspError:
            return None
        return compose(invert(object_pose), here), joints

    def _answer(self, head: Header, grasps: list[Grasp], objects: Sequence[Object]) -> Answer:
        config, array = self._config, merged(head, grasps)
        best = array.grasps[0] if array.grasps else None
        markers = grasp_markers(
            array.grasps,
            self._held.hand,
            [o for o in objects if o.mesh.triangles],
            header=head,
            top_k=config.marker_top_k,
            friction=config.synthesis.friction,
        )
        self._lap('messages')
        result = self.result()
        result.grasps = array
        if best is None:
            result.error_code = self._failures[0].error_code
            result.error_message = ' '.join(f.error_message for f in self._failures)
        return Answer(
            result=result,
            markers=markers,
            poses=grasp_poses(array),
            targets=None if best is None else joint_targets(best),
            wrist=None
            if best is None
            else wrist_trajectory(
                best,
                linear_speed=config.wrist_linear_speed,
                angular_speed=config.wrist_angular_speed,
            ),
            hand=self._held.hand,
        )

    def _pose(self, target: str, source: str, stamp: int) -> NDArray[np.float64]:
        if target == source:
            return IDENTITY
        return self._transforms.lookup(
            target, source, stamp, self._config.tf_timeout, self._should_stop
        )

    def _region_pose(
        self, region: Header, observed: ObservedObject, mesh_pose: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Pose of a region's frame in the mesh's, which is at `mesh_pose` in the object's."""
        stamp = stamp_to_nanoseconds(region.stamp) or observed.stamp
        return compose(invert(mesh_pose), self._pose(observed.frame_id, region.frame_id, stamp))

    def _fail(self, label: int, error: DexGraspError) -> None:
        code, sentence = error_fields(error)
        self._failures.append(ObjectFailure(label=label, error_code=code, error_message=sentence))

    def _progress(self, progress: Progress, label: int, share: tuple[int, int]) -> None:
        self._feedback(
            progress.phase,
            label=label,
            fraction=(share[0] + progress.fraction) / share[1],
            candidates=progress.candidates,
            best_score=progress.best_score,
        )

    def _feedback(
        self,
        phase: str,
        *,
        label: int = 0,
        fraction: float = 0.0,
        candidates: int = 0,
        best_score: float = math.nan,
    ) -> None:
        self._report(
            Feedback(
                phase=phase,
                label=label,
                fraction=float(fraction),
                candidates=int(candidates),
                best_score=float(best_score),
                elapsed=time.perf_counter() - self._start,
            )
        )

    def _lap(self, phase: str) -> None:
        now = time.perf_counter()
        self._timing[phase] += now - self._mark
        self._mark = now


def _nothing_found(found: GraspSet, name: str, seed_count: int) -> SynthesisError:
    counts = ', '.join(f'{stage} {n}' for stage, n in found.rejected.items() if n)
    return SynthesisError(
        f'None of {seed_count} candidates became a grasp of {name or "the object"};'
        f' rejected: {counts or "none"}.'
    )
