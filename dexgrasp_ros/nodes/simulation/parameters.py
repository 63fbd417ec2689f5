"""Parameters of the simulated robot and its camera."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from dexgrasp_ros.bridge.images import DEPTH_ENCODINGS
from dexgrasp_ros.core.config import check_ranges, setting
from dexgrasp_ros.nodes.shared.parameter_texts import AUTOSTART, OWN_HAND
from dexgrasp_ros.simulation.sensor_noise import SensorNoise

DEMO_SCENE = 'demo'  # in place of a file: the package's own


@dataclass(frozen=True, kw_only=True)
class SimCameraParameters:
    """Parameters of `sim_camera_node`."""

    scene: str = setting(
        '',
        '-',
        f"scene file (.npz) that is replayed, or '{DEMO_SCENE}', which is rendered; empty: what"
        ' sim_hand_node simulates is seen',
    )
    rate: float = setting(5.0, 'Hz', 'frames published each second', 0.1, 100.0)
    depth_encoding: str = setting(
        '32FC1', '-', 'of the depth: 32FC1 in m, the others in mm', allowed=DEPTH_ENCODINGS
    )
    camera_frame: str = setting('camera_depth_optical_frame', '-', 'frame of the images')
    world_frame: str = setting('world', '-', 'parent of the camera where the scene has its pose')

    # Without a scene file
    hand: str = setting('', '-', f'{OWN_HAND}, whose links are seen; empty: none')
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
        """Check the ranges."""
        check_ranges(self)


@dataclass(frozen=True, kw_only=True)
class SimHandParameters:
    """Parameters of `sim_hand_node`."""

    autostart: bool = setting(True, '-', AUTOSTART, read_on='start')
    hand: str = setting('allegro', '-', OWN_HAND, read_on='configuration')
    objects: str = setting(
        '',
        '-',
        'meshes in metres that stand on the table, paths with commas between them; empty: the'
        " package's own",
        read_on='reset',
    )
    object_spacing: float = setting(
        0.25, 'm', 'between the middles of neighbours', 0.0, 2.0, read_on='reset'
    )
    object_count: int = setting(
        0, '1', 'of objects, drawn from these by random_seed; 0: each once', 0, 30, read_on='reset'
    )
    heaped: bool = setting(
        False,
        '-',
        'let objects settle together, beside and upon each other, instead of in a row',
        read_on='reset',
    )
    object_mass: float = setting(0.1, 'kg', 'of each object', 1e-3, 100.0, read_on='reset')
    random_seed: int = setting(
        0, '1', 'of how objects are turned, drawn and heaped', 0, 2**31 - 1, read_on='reset'
    )
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
