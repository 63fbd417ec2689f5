"""Settings of the reconstruction: one dataclass feeds the API, the command line and ROS."""

from __future__ import annotations

from dataclasses import dataclass

from dexgrasp_ros.core.config import setting

# Ways to guess what no camera saw; `completion/guesses.py` has a function for each.
COMPLETIONS = ('symmetry', 'revolution', 'mirrors', 'centers', 'ridges', 'extrusion')


@dataclass(frozen=True, kw_only=True)
class ReconstructionConfig:
    """Every number of the way from a depth frame to watertight meshes."""

    min_depth: float = setting(0.1, 'm', 'nearer measurements are invalid', 0.0, 100.0)
    max_depth: float = setting(3.0, 'm', 'farther measurements are invalid', 0.0, 100.0)
    min_points: int = setting(
        200, '1', 'fewest points of a label, before and after cleaning', 50, 1000000
    )
    edge_step: float = setting(
        0.008, 'm', 'depth step between neighbours on one surface', 0.0005, 0.1
    )
    cluster_gap: float = setting(0.015, 'm', 'larger gaps separate two clusters', 0.002, 0.5)
    smoothing: float = setting(2.0, 'px', 'width of the edge-keeping depth filter', 0.5, 10.0)

    plane_distance: float = setting(0.008, 'm', 'points this near a plane are on it', 0.001, 0.05)
    plane_margin: float = setting(
        0.25, 'm', 'the support plane is sought this far around the objects', 0.02, 5.0
    )
    plane_gap: float = setting(
        0.05, 'm', 'largest gap seen between support plane and object', 0.0, 1.0
    )

    completion: str = setting(
        'symmetry',
        '-',
        'how the hidden side is guessed; docs/perception.md compares the ways',
        allowed=COMPLETIONS,
    )
    spacing: float = setting(0.002, 'm', 'smallest voxel edge of the completion', 0.0005, 0.02)
    max_voxels: int = setting(
        500000, '1', 'voxels for each object; larger objects get larger voxels', 10000, 100000000
    )
    shell_thickness: float = setting(
        0.005, 'm', 'least thickness behind a seen surface', 0.001, 0.05
    )
    max_faces: int = setting(10000, '1', 'faces of a mesh at most', 100, 1000000)

    obstacle_range: float = setting(
        0.35, 'm', 'the rest of the scene is an obstacle up to this far away', 0.0, 5.0
    )
    obstacle_spacing: float = setting(0.004, 'm', 'distance between obstacle points', 0.001, 0.1)

    hidden_reach: float = setting(
        0.10,
        'm',
        'unseen space counts as taken so far from where something is cut off from sight; 0: never',
        0.0,
        1.0,
    )

    threads: int = setting(2, '1', 'objects reconstructed at the same time', 1, 64)
    random_seed: int = setting(0, '1', 'start of every random number', 0, 2**31 - 1)
