"""Parameters of `grasp_node` and of `grasp_planning_node`."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from dexgrasp_ros.core.config import SynthesisConfig, check_ranges, setting
from dexgrasp_ros.hand import InverseKinematicsConfig
from dexgrasp_ros.motion import WayConfig
from dexgrasp_ros.nodes.shared.parameter_texts import (
    AUTOSTART,
    DESCRIPTION,
    HAND,
    HAND_ROOT,
    MESH_FOLDER,
    OVERRIDES,
)


@dataclass(frozen=True, kw_only=True)
class GraspParameters:
    """Parameters of `grasp_node`."""

    autostart: bool = setting(True, '-', AUTOSTART, read_on='start')
    hand: str = setting('allegro', '-', HAND, read_on='configuration')
    hand_root_link: str = setting('', '-', HAND_ROOT, read_on='configuration')
    robot_description: str = setting('', '-', DESCRIPTION, read_on='configuration')
    hand_overrides: str = setting('', '-', OVERRIDES, read_on='configuration')
    mesh_folder: str = setting('', '-', MESH_FOLDER, read_on='configuration')
    flange_link: str = setting(
        '',
        '-',
        'link that carries the hand, by fixed joints; empty: that above hand_root_link',
        read_on='configuration',
    )
    reference_frame: str = setting(
        '',
        '-',
        "frame of the grasps; empty: the description's root link where that is above the hand,"
        " else the object's own",
    )
    check_reachability: bool = setting(
        False, '-', 'drop grasps that the arm does not reach; needs pinocchio'
    )
    check_way: bool = setting(
        False,
        '-',
        'drop grasps to which no way is found from where the hand is in tf, or that cannot be'
        ' lifted straight out; links of an arm are not looked at',
    )
    way: WayConfig = dataclasses.field(default_factory=WayConfig)
    ik: InverseKinematicsConfig = dataclasses.field(default_factory=InverseKinematicsConfig)
    object_max_age: float = setting(
        2.0, 's', 'older objects are reconstructed anew before a search', 0.0, 1e9
    )
    reconstruction_timeout: float = setting(60.0, 's', 'wait for reconstruct_objects', 0.1, 3600.0)
    tf_timeout: float = setting(1.0, 's', 'wait for a transform', 0.0, 60.0)
    lift_height: float = setting(0.1, 'm', 'how far lift_pose is above pose', 0.0, 2.0)
    wrist_linear_speed: float = setting(0.1, 'm/s', 'for the times of wrist_targets', 1e-3, 10.0)
    wrist_angular_speed: float = setting(0.5, 'rad/s', 'the same for turns', 1e-3, 20.0)
    marker_top_k: int = setting(3, '1', 'grasps that grasp_markers shows', 0, 100)
    planned_prefix: str = setting(
        'planned',
        '-',
        "before the names of links in tf, where the best grasp's hand is, for RViz; empty: none",
    )
    synthesis: SynthesisConfig = dataclasses.field(default_factory=SynthesisConfig)

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_ranges(self)


@dataclass(frozen=True, kw_only=True)
class GraspPlanningParameters:
    """Parameters of `grasp_planning_node`."""

    parent_link: str = setting(
        '',
        '-',
        "the arm's link that carries the hand, looked up in tf; empty: as the grasps have it",
    )
    max_grasps: int = setting(
        0, '1', 'grasps that are returned at most; 0: as grasp_node', 0, 1000
    )

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_ranges(self)
