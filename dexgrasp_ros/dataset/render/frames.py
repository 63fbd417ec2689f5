"""One image with all its channels: encoded files, and its row of the table of frames."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.json_files import json_bytes
from dexgrasp_ros.core.poses import pose_to_matrix
from dexgrasp_ros.dataset.render.boxes import Silhouette, oriented_box, visible_box
from dexgrasp_ros.dataset.render.png import encode_png
from dexgrasp_ros.dataset.render.settings import NOISE_MODELS
from dexgrasp_ros.simulation import Body, PinholeCamera, add_sensor_noise
from dexgrasp_ros.simulation.ray_images import Image

DEPTH_SCALE = 1e-4  # m: a tenth of a millimetre, finer than any depth camera, up to 6.5535 m
CHANNELS = {
    'rgb.png': '8-bit sRGB',
    'depth.png': '16-bit; metres along the optical axis are depth_scale times it; 0: nothing, or '
    'farther than 6.5535 m',
    'seg.png': '8-bit; 0 background, 1 table, 2 the object; 3 and on more of a cluttered table',
    'normals.png': '8-bit RGB; the unit normal in the optical frame, toward the camera, is '
    '(value - 128) / 127; 128 in all three: nothing',
    'noisy_depth.png': 'like depth.png, as a sensor would measure it; where noise is on',
    'json': 'this row of frames/',
}


@dataclass(frozen=True, kw_only=True)
class Shot:
    """Which image it is, and what took it."""

    key: str
    view: int
    eye: str
    camera: PinholeCamera
    appearance_seed: int
    noise: str
    noise_seed: int
    baseline: float  # m, 0: mono


class Subject:
    """The object in one scene, and what all frames of the scene say about it.

    Parameters
    ----------
    body
        The object; its label is that of its pixels.
    digest
        Of its mesh.
    scene
        Number of the resting pose.
    """

    def __init__(self, body: Body, digest: str, scene: int) -> None:
        self._silhouette = Silhouette(body)
        box_pose, extents = oriented_box(body.vertices, body.faces)
        self._constant = {
            'mesh': digest,
            'scene': scene,
            'T_world_object': pose_to_matrix(body.pose).ravel(),
            'depth_scale': DEPTH_SCALE,
            'label': body.label,
            'box_3d': np.concatenate([box_pose, extents]),
        }

    def row(self, shot: Shot, image: Image) -> dict[str, Any]:
        """Row of the table of frames, by the names of `schema.FRAME_COLUMNS`."""
        camera, mask = shot.camera, image.labels == self._constant['label']
        return {
            **self._constant,
            'key': shot.key,
            'view': shot.view,
            'eye': shot.eye,
            'baseline': shot.baseline,
            'width': camera.width,
            'height': camera.height,
            'K': camera.intrinsics.ravel(),
            'T_world_cam': camera.T_world_cam.ravel(),
            'box_2d': visible_box(mask),
            'visible_share': self._silhouette.seen_share(camera, mask),
            'appearance_seed': shot.appearance_seed,
            'noise': shot.noise,
        }


def encode_image(shot: Shot, image: Image, row: dict[str, Any]) -> dict[str, bytes]:
    """Return the files of one image, by the ends of their names, in the order of `CHANNELS`."""
    noise = NOISE_MODELS[shot.noise]
    files = {
        'rgb.png': encode_png(image.rgb),
        'depth.png': encode_png(_depth_units(image.depth)),
        'seg.png': encode_png(image.labels),
        'normals.png': encode_png(image.normals),
    }
    if noise is not None:
        measured = add_sensor_noise(
            image.depth, _incidence(shot.camera, image), noise, shot.noise_seed
        )
        files['noisy_depth.png'] = encode_png(_depth_units(measured))
    return {**files, 'json': json_bytes(plain_row(row))}


def plain_row(row: dict[str, Any]) -> dict[str, Any]:
    """Turn a row into what JSON has."""
    return {name: _plain(value) for name, value in row.items()}


def _depth_units(depth: NDArray[np.float32]) -> NDArray[np.uint16]:
    units = np.rint(depth * np.float32(1 / DEPTH_SCALE))
    return np.where(units <= np.iinfo(np.uint16).max, units, 0).astype(np.uint16)


def _incidence(camera: PinholeCamera, image: Image) -> NDArray[np.float32]:
    """Angle between ray and normal [rad] of each pixel."""
    normals = (image.normals.astype(np.float32) - 128) / 127
    u, v = np.arange(camera.width), np.arange(camera.height)[:, None]
    x = (u - camera.intrinsics[0, 2]) / camera.intrinsics[0, 0]
    y = (v - camera.intrinsics[1, 2]) / camera.intrinsics[1, 1]
    along = normals[..., 0] * x + normals[..., 1] * y + normals[..., 2]
    return np.arccos(np.clip(-along / np.sqrt(x * x + y * y + 1), 0, 1)).astype(np.float32)


def _plain(value: Any) -> Any:
    """Turn a value into what JSON has; what is no number is null."""
    if isinstance(value, np.ndarray):
        return [_plain(v) for v in value.tolist()]
    return None if isinstance(value, float) and math.isnan(value) else value
