"""The parameters of each node: source of their declarations, of `config/*.yaml` and the docs.

`parameter_documents` writes the files and tables.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from dexgrasp_ros.bridge.images import DEPTH_ENCODINGS
from dexgrasp_ros.core.config import SynthesisConfig, check_ranges, setting
from dexgrasp_ros.core.errors import ErrorCode, InputError, choices
from dexgrasp_ros.hand import InverseKinematicsConfig
from dexgrasp_ros.perception.config import ReconstructionConfig
from dexgrasp_ros.perception.fusion.config import FusionConfig
from dexgrasp_ros.perception.segmentation.config import SegmentationConfig
from dexgrasp_ros.perception.tracking import TrackingConfig
from dexgrasp_ros.simulation.sensor_noise import SensorNoise

_AUTOSTART = 'configure and activate without being told to'
_INPUTS = ('depth', 'points')
_HAND = (
    'name of a hand in urdf/, or path of a URDF file, where no robot_description is given; read on'
    ' configuration'
)
_HAND_ROOT = (
    "link of the robot description (or of hand's file) below which the hand is; empty: all of it"
    ' is the hand'
)
_DESCRIPTION = 'URDF of the robot; what comes on the topic robot_description counts more'
_OVERRIDES = 'YAML that says what the description does not; empty: found by name'
_MESH_FOLDER = 'where relative mesh files of robot_description are'
_SLIDING = '5 cm for 1 rad where it slides'


@dataclass(frozen=True, kw_only=True)
class SimCameraParameters:
    """Parameters of `sim_camera_node`."""

    scene: str = setting(
        '',
        '-',
        'scene file (.npz) that is replayed; empty: what sim_hand_node simulates is seen',
    )
    rate: float = setting(5.0, 'Hz', 'frames published each second', 0.1, 100.0)
    depth_encoding: str = setting('32FC1', '-', '32FC1 (m), 16UC1 or mono16 (mm)')
    camera_frame: str = setting('camera_depth_optical_frame', '-', 'frame of the images')
    world_frame: str = setting('world', '-', 'parent of the camera where the scene has its pose')

    # Without a scene file
    hand: str = setting('', '-', f'{_HAND}, whose links are seen; empty: none')
    distance: float = setting(0.6, 'm', 'of the camera from its target', 0.05, 10.0)
    azimuth: float = setting(0.0, 'rad', 'where the camera stands, from x towards y', -3.2, 3.2)
    elevation: float = setting(0.7, 'rad', 'how steeply it looks down', -1.5, 1.5)
    target_height: float = setting(
        0.06, 'm', 'of what it looks at, above the middle of the table', -1.0, 2.0
    )
    width: int = setting(640, 'px', 'of the images', 16, 4096)
    height: int = setting(480, 'px', 'of the images', 16, 4096)
    field_of_view: float = setting(0.75, 'rad', 'the smaller of the two angles', 0.05, 2.5)
    noisy: bool = setting(True, '-', 'whether depth has the noise of a sensor')
    random_seed: int = setting(0, '1', 'of the noise; each image has its own', 0, 2**31 - 1)
    noise: SensorNoise = dataclasses.field(default_factory=SensorNoise)

    def __post_init__(self) -> None:
        """Check the ranges and the encoding."""
        check_ranges(self)
        if self.depth_encoding not in DEPTH_ENCODINGS:
            raise InputError(
                f"'depth_encoding' is '{self.depth_encoding}'; expected one of"
                f' {choices(DEPTH_ENCODINGS)}.',
                ErrorCode.UNKNOWN_ENCODING,
            )


@dataclass(frozen=True, kw_only=True)
class SimHandParameters:
    """Parameters of `sim_hand_node`."""

    autostart: bool = setting(True, '-', _AUTOSTART)
    hand: str = setting('allegro', '-', f'{_HAND}; read on configuration')
    objects: str = setting(
        '',
        '-',
        'meshes in metres that stand on the table, paths with commas between them; empty: the'
        " package's own; read on reset",
    )
    object_spacing: float = setting(
        0.25, 'm', 'between the middles of neighbours; read on reset', 0.0, 2.0
    )
    object_mass: float = setting(0.1, 'kg', 'of each object; read on reset', 1e-3, 100.0)
    random_seed: int = setting(0, '1', 'of how objects are turned; read on reset', 0, 2**31 - 1)
    world_frame: str = setting('world', '-', 'frame whose z = 0 is the table, z up')
    real_time_factor: float = setting(
        1.0, '1', 'simulated for a real second at most; 0: as fast as can be', 0.0, 100.0
    )
    joint_state_rate: float = setting(
        100.0, 'Hz', 'of joint_states and of /clock, simulated time', 1.0, 500.0
    )
    tf_rate: float = setting(30.0, 'Hz', 'of the transforms, simulated time', 1.0, 500.0)

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_ranges(self)


@dataclass(frozen=True, kw_only=True)
class ReconstructionParameters:
    """Parameters of `reconstruction_node`."""

    autostart: bool = setting(True, '-', _AUTOSTART)
    input: str = setting(
        'depth', '-', "where depth comes from: 'depth' (image) or 'points'; read on activation"
    )
    rate: float = setting(
        0.0,
        'Hz',
        'reconstruct so often unasked; 0: on request only; read on activation',
        0.0,
        100.0,
    )
    fixed_frame: str = setting(
        '',
        '-',
        "frame in which objects are tracked, its z up; empty: the camera's; read on activation",
    )
    tf_timeout: float = setting(1.0, 's', 'wait for a transform', 0.0, 60.0)
    fuse: bool = setting(False, '-', 'fuse views as they come; needs fixed_frame')
    fuse_distance: float = setting(
        0.02, 'm', 'a view counts when its camera moved so far from all others …', 0.0, 10.0
    )
    fuse_angle: float = setting(0.1, 'rad', '… or turned so far', 0.0, 3.2)
    assume_rectified: bool = setting(False, '-', 'take images whose camera_info has distortion')
    exact_sync: bool = setting(
        False, '-', 'match messages of equal stamps only; read on activation'
    )
    sync_queue_size: int = setting(
        30, '1', 'messages of a topic that wait; read on activation', 1, 1000
    )
    sync_slop: float = setting(
        0.05, 's', 'distance of matching stamps; read on activation', 0.0, 10.0
    )
    max_age: float = setting(5.0, 's', 'older images are refused', 0.01, 1e9)
    image_timeout: float = setting(3.0, 's', 'a request waits this long for images', 0.0, 3600.0)
    perception: ReconstructionConfig = dataclasses.field(default_factory=ReconstructionConfig)
    tracking: TrackingConfig = dataclasses.field(
        default_factory=TrackingConfig, metadata={'text': 'read on activation'}
    )
    fusion: FusionConfig = dataclasses.field(
        default_factory=FusionConfig, metadata={'text': 'read on activation'}
    )

    def __post_init__(self) -> None:
        """Check the ranges and the input."""
        check_ranges(self)
        check_ranges(self.perception)
        if self.input not in _INPUTS:
            raise InputError(f"'input' is '{self.input}'; expected one of {choices(_INPUTS)}.")
        if self.fuse and not self.fixed_frame:
            raise InputError(
                "'fuse' is set and 'fixed_frame' is empty; expected the frame that views are"
                ' fused in.'
            )


@dataclass(frozen=True, kw_only=True)
class GraspParameters:
    """Parameters of `grasp_node`."""

    autostart: bool = setting(True, '-', _AUTOSTART)
    hand: str = setting('allegro', '-', _HAND)
    hand_root_link: str = setting('', '-', _HAND_ROOT)
    robot_description: str = setting('', '-', f'{_DESCRIPTION}; read on configuration')
    hand_overrides: str = setting('', '-', _OVERRIDES)
    mesh_folder: str = setting('', '-', _MESH_FOLDER)
    flange_link: str = setting(
        '', '-', 'link that carries the hand, by fixed joints; empty: that above hand_root_link'
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
    synthesis: SynthesisConfig = dataclasses.field(default_factory=SynthesisConfig)

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_ranges(self)


@dataclass(frozen=True, kw_only=True)
class HandCommandParameters:
    """Parameters of `hand_command_node`."""

    autostart: bool = setting(True, '-', _AUTOSTART)
    hand: str = setting('allegro', '-', _HAND)
    hand_root_link: str = setting('', '-', _HAND_ROOT)
    robot_description: str = setting('', '-', f'{_DESCRIPTION}; read on configuration')
    hand_overrides: str = setting('', '-', _OVERRIDES)
    mesh_folder: str = setting('', '-', _MESH_FOLDER)
    command_enabled: bool = setting(
        False, '-', 'let joint_trajectory and wrist_trajectory leave; the robot will move'
    )
    follow_grasps: bool = setting(
        False,
        '-',
        'also close the fingers, unwatched, on each new grasp; else only execute_grasp moves',
    )
    use_follow_joint_trajectory: bool = setting(
        False,
        '-',
        'send fingers to the action follow_joint_trajectory; needs control_msgs; read on'
        ' configuration',
    )
    speed_scale: float = setting(
        0.5, '1', 'share of the velocity limits that follow_grasps uses', 0.01, 1.0
    )
    wrist_linear_speed: float = setting(0.1, 'm/s', 'of the wrist at speed scale 1', 1e-3, 10.0)
    wrist_angular_speed: float = setting(0.5, 'rad/s', 'the same for turns', 1e-3, 20.0)
    approach_distance: float = setting(
        0.1, 'm', 'how far before pregrasp_pose the wrist turns towards the object', 0.0, 1.0
    )
    hold_time: float = setting(
        1.0, 's', 'rest after the squeeze and after the lift, unless the goal says', 0.0, 3600.0
    )
    max_age: float = setting(120.0, 's', 'grasps from older images give no command', 0.01, 1e9)
    joint_state_max_age: float = setting(
        0.5, 's', 'older joint states do not say where the hand is', 0.01, 60.0
    )
    wrist_max_age: float = setting(0.5, 's', 'the same for the transform of the wrist', 0.01, 60.0)
    max_tracking_error: float = setting(
        0.2, 'rad', f'a joint that moves freely may be off so far; {_SLIDING}', 1e-3, 10.0
    )
    max_wrist_error: float = setting(0.05, 'm', 'the wrist may be off so far', 1e-4, 10.0)
    max_wrist_turn: float = setting(0.3, 'rad', 'the same for turns', 1e-3, 3.2)
    tracking_delay: float = setting(
        0.3, 's', 'a robot may be behind its trajectory so long', 0.0, 60.0
    )
    joint_tolerance: float = setting(
        0.05, 'rad', f'a joint that moves freely has arrived within this; {_SLIDING}', 1e-4, 1.0
    )
    wrist_tolerance: float = setting(0.01, 'm', 'the wrist has arrived within this', 1e-5, 1.0)
    wrist_turn_tolerance: float = setting(0.05, 'rad', 'the same for turns', 1e-4, 3.2)
    settle_timeout: float = setting(
        2.0, 's', 'a motion may arrive so long after its time', 0.0, 60.0
    )
    max_effort: float = setting(
        1.0, '1', 'share of the effort limits that is asked for or reported', 0.01, 10.0
    )
    effort_delay: float = setting(0.3, 's', 'more may be reported so long', 0.0, 60.0)

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_ranges(self)


@dataclass(frozen=True, kw_only=True)
class TabletopSegmentationParameters:
    """Parameters of `tabletop_segmentation_node`."""

    autostart: bool = setting(True, '-', _AUTOSTART)
    assume_rectified: bool = setting(False, '-', 'take images whose camera_info has distortion')
    rate: float = setting(2.0, 'Hz', 'label images published each second at most', 0.01, 100.0)
    sync_queue_size: int = setting(
        30, '1', 'messages of a topic that wait; read on activation', 1, 1000
    )
    sync_slop: float = setting(
        0.05, 's', 'distance of matching stamps; read on activation', 0.0, 10.0
    )
    color_wait: float = setting(
        0.1, 's', 'wait for the colours of a depth image, where somebody publishes them', 0.0, 10.0
    )
    tf_timeout: float = setting(1.0, 's', 'wait for the transform of a point', 0.0, 60.0)
    segmentation: SegmentationConfig = dataclasses.field(default_factory=SegmentationConfig)

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_ranges(self)
        check_ranges(self.segmentation)


@dataclass(frozen=True, kw_only=True)
class ViewerParameters:
    """Parameters of `viewer_node`."""

    autostart: bool = setting(True, '-', _AUTOSTART)
    hand: str = setting('allegro', '-', f'{_HAND}; read on configuration')
    host: str = setting(
        '127.0.0.1',
        '-',
        'address the page is served at; 0.0.0.0 lets other machines see it and press its buttons;'
        ' read on configuration',
    )
    port: int = setting(
        8080, '1', 'port of the page; 0: any that is free; read on configuration', 0, 65535
    )
    fixed_frame: str = setting('', '-', "frame all is shown in; empty: the objects' own")
    tf_timeout: float = setting(1.0, 's', 'wait for a transform', 0.0, 60.0)
    max_grasps: int = setting(
        0, '1', "grasps of each object that are asked for; 0: the grasp node's own", 0, 1000
    )
    speed_scale: float = setting(
        0.5, '1', 'share of the velocity limits that an execution may use', 0.01, 1.0
    )
    fingers_only: bool = setting(False, '-', 'execute without an arm: no wrist moves, no lift')
    stop_before_lift: bool = setting(False, '-', 'execute up to the squeeze')

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


NODE_PARAMETERS = {
    'sim_hand_node': SimHandParameters,
    'sim_camera_node': SimCameraParameters,
    'reconstruction_node': ReconstructionParameters,
    'grasp_node': GraspParameters,
    'hand_command_node': HandCommandParameters,
    'tabletop_segmentation_node': TabletopSegmentationParameters,
    'viewer_node': ViewerParameters,
    'grasp_planning_node': GraspPlanningParameters,
}
