"""A depth camera with segmentation: bodies in, `DepthFrame` out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dexgrasp_ros.core.depth_frame import DepthFrame
from dexgrasp_ros.simulation.bodies import Body
from dexgrasp_ros.simulation.cameras import NO_HIT, PinholeCamera, RayScene
from dexgrasp_ros.simulation.sensor_noise import SensorNoise, add_sensor_noise
from dexgrasp_ros.simulation.shading import render_colors


def render_depth_frame(
    bodies: Sequence[Body],
    camera: PinholeCamera,
    *,
    noise: SensorNoise | None = None,
    random_seed: int = 0,
    stamp: int = 0,
    colors: bool = True,
) -> DepthFrame:
    """Take one image of depth, labels and colour.

    Parameters
    ----------
    bodies
        What stands in the world; pixels get their labels.
    camera
        Where it looks from.
    noise
        None is a perfect sensor.
    random_seed
        Of the noise.
    stamp
        Of the frame [ns].
    colors
        Whether to shade the image as well, which takes most of the time.
    """
    scene = RayScene(bodies)
    hits = scene.cast(camera)
    labels = np.array([*(b.label for b in bodies), 0], dtype=np.int32)[hits.body]  # NO_HIT: last
    depth = np.where(hits.body == NO_HIT, 0, hits.depth).astype(np.float32)
    if noise is not None:
        view = camera.directions()
        view /= np.linalg.norm(view, axis=-1, keepdims=True)
        cosine = np.abs((view * hits.normals).sum(axis=-1))
        incidence = np.arccos(np.clip(cosine, 0, 1)).astype(np.float32)
        depth = add_sensor_noise(hits.depth, incidence, noise, random_seed)
    return DepthFrame(
        depth=depth,
        labels=labels,
        intrinsics=camera.intrinsics,
        rgb=render_colors(scene, hits, camera) if colors else None,
        T_world_cam=camera.T_world_cam,
        stamp=stamp,
    )
