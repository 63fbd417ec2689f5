"""Views of a known object, what real views measured of theirs, and how good a mesh is."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np
import trimesh
from numpy.typing import NDArray
from surfaces import Surface
from views import camera_around

from dexgrasp_ros.core.depth_frame import DepthFrame
from dexgrasp_ros.core.errors import PerceptionError
from dexgrasp_ros.core.object_model import ObservedObject
from dexgrasp_ros.perception import ReconstructionConfig
from dexgrasp_ros.perception.points import clean_label
from dexgrasp_ros.perception.view import whole_frame
from dexgrasp_ros.simulation import Body, SensorNoise, render_depth_frame

_ELEVATIONS = np.radians([25.0, 45.0])  # in turns
_SIDES = 8
_VOLUME_SAMPLES, _SURFACE_SAMPLES = 100_000, 8_000


def render_views(path: Path) -> tuple[trimesh.Trimesh, list[DepthFrame]]:
    """Mesh of a file, set on the table z = 0, and noisy views of it from all sides."""
    mesh = trimesh.load(path, force='mesh')
    lower, upper = mesh.bounds
    mesh.apply_translation([*(-0.5 * (lower + upper)[:2]), -lower[2]])
    slab = trimesh.creation.box((1.4, 1.4, 0.02)).apply_translation((0.0, 0.0, -0.01))
    bodies = [
        Body(vertices=mesh.vertices, faces=mesh.faces, color=(200, 60, 60), label=1),
        Body(vertices=slab.vertices, faces=slab.faces, color=(150, 150, 150)),
    ]
    center = mesh.bounds.mean(axis=0)
    frames = []
    for side in range(_SIDES):
        azimuth, elevation = 2.0 * np.pi * side / _SIDES + 0.3, _ELEVATIONS[side % 2]
        camera = camera_around(center, azimuth, elevation, 0.76)
        frames.append(render_depth_frame(bodies, camera, noise=SensorNoise(), random_seed=side))
    return mesh, frames


def measured_points(frame: DepthFrame) -> dict[int, NDArray[np.float64]]:
    """Clean the points [M, 3] of each label, in the fixed frame; none where there are too few."""
    config = ReconstructionConfig()
    window = whole_frame(frame, config)
    T = frame.T_world_cam
    found = defaultdict(lambda: np.empty((0, 3)))
    for label in np.unique(frame.labels[frame.labels > 0]):
        try:
            points = window.back_project(clean_label(window, int(label), config).mask)
        except PerceptionError:
            continue
        found[int(label)] = points @ T[:3, :3].T + T[:3, 3]
    return found


def score(found: ObservedObject, truth: trimesh.Trimesh) -> dict[str, float]:
    """Overlap of volumes and Chamfer distance [mm] of a mesh and the truth in one frame."""
    lower = np.minimum(truth.bounds[0], found.vertices.min(axis=0))
    upper = np.maximum(truth.bounds[1], found.vertices.max(axis=0))
    points = np.random.default_rng(0).uniform(lower, upper, (_VOLUME_SAMPLES, 3))
    a, b = Surface(truth.vertices, truth.faces), Surface(found.vertices, found.faces)
    mesh = trimesh.Trimesh(found.vertices, found.faces, process=False)
    there, back = (
        onto.distance(trimesh.sample.sample_surface(m, _SURFACE_SAMPLES, seed=0)[0])
        for m, onto in ((truth, b), (mesh, a))
    )
    in_a, in_b = a.occupied(points), b.occupied(points)
    return {
        'overlap': float((in_a & in_b).sum() / (in_a | in_b).sum()),
        'chamfer': 500.0 * float(there.mean() + back.mean()),
        'missed': float((there > 0.005).mean()),
    }
