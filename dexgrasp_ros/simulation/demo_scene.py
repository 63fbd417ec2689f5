"""The package's own depth frame: objects made in code on a table, seen by a noisy camera."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import trimesh
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from dexgrasp_ros.core.depth_frame import DepthFrame
from dexgrasp_ros.core.files import replacing
from dexgrasp_ros.simulation.bodies import Body
from dexgrasp_ros.simulation.cameras import PinholeCamera
from dexgrasp_ros.simulation.demo_objects import make_bottle, make_box, make_mug
from dexgrasp_ros.simulation.depth_camera import render_depth_frame
from dexgrasp_ros.simulation.sensor_noise import SensorNoise

# Label, how it is made, where it stands [m], how it is turned about z [rad], colour.
_OBJECTS = (
    (1, make_bottle, (0.01, 0.06), 0.0, (0.10, 0.42, 0.30)),
    (2, make_mug, (-0.04, -0.14), 2.2, (0.75, 0.30, 0.10)),
    (3, make_box, (-0.12, 0.20), 0.5, (0.75, 0.58, 0.28)),
)
_TABLE_COLOR = (0.52, 0.47, 0.42)
_FLOOR_COLOR = (0.30, 0.31, 0.33)
_DISTANCE = 0.65  # of the camera from the middle of the objects [m]
_ELEVATION = np.radians(40)  # how steeply it looks down


def demo_bodies() -> list[Body]:
    """Make the objects of the demo scene, the table (its top is z = 0) and the floor."""
    table = trimesh.creation.box(extents=[0.9, 1.2, 0.03])
    floor = trimesh.creation.box(extents=[60, 60, 0.02])
    bodies = [
        Body(vertices=table.vertices - [0, 0, 0.015], faces=table.faces, color=_TABLE_COLOR),
        Body(vertices=floor.vertices - [0, 0, 0.76], faces=floor.faces, color=_FLOOR_COLOR),
    ]
    for label, make, (x, y), turn, color in _OBJECTS:
        mesh = make()
        pose = np.array([x, y, 0, *Rotation.from_rotvec([0, 0, turn]).as_quat()])
        bodies.append(
            Body(vertices=mesh.vertices, faces=mesh.faces, pose=pose, color=color, label=label)
        )
    return bodies


def demo_camera(*, width: int = 640, height: int = 480) -> PinholeCamera:
    """Stand the camera before the table: 0.65 m away, looking down by 40°, 525 px focal length."""
    target = np.array([0, 0.03, 0.06])
    direction = np.array([np.cos(_ELEVATION), 0, np.sin(_ELEVATION)])
    return PinholeCamera.looking_at(
        target + _DISTANCE * direction,
        target,
        width=width,
        height=height,
        # The lens of a Kinect v1 or Xtion: 525 px at 640 x 480.
        field_of_view=2 * np.arctan(240 / 525),
    )


def make_demo_scene(*, random_seed: int = 0, noise: SensorNoise | None = None) -> DepthFrame:
    """Render the demo scene.

    Parameters
    ----------
    random_seed
        Of the sensor's noise.
    noise
        How good the sensor is; default: a Kinect v1.

    Returns
    -------
    DepthFrame
        640 x 480, labels 1 (bottle), 2 (mug), 3 (box), world z up and 0 on the table.
    """
    return render_depth_frame(
        demo_bodies(), demo_camera(), noise=noise or SensorNoise(), random_seed=random_seed
    )


def save_scene(frame: DepthFrame, path: str | Path) -> None:
    """Write what `dexgrasp_ros.core.depth_frame.load_scene` reads.

    Keys `depth`, `K`, and `seg`, `rgb` and `T_world_cam` where the frame has them.
    """
    data: dict[str, NDArray] = {'depth': frame.depth, 'K': frame.intrinsics}
    if frame.labels is not None:
        data['seg'] = frame.labels
    if frame.rgb is not None:
        data['rgb'] = frame.rgb
    if frame.T_world_cam is not None:
        data['T_world_cam'] = frame.T_world_cam
    with replacing(Path(path)) as temporary, temporary.open('wb') as file:
        np.savez_compressed(file, allow_pickle=False, **data)
