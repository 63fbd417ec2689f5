"""Tell how often hands touch what stands around an object that one noisy view shows.

Draws scenes of boxes and cans on a table, the one to grasp in the middle and neighbours 5 to
50 mm from it, renders one view through the model of a Kinect's noise, reconstructs, searches
grasps of the middle one, and looks at pre-grasp, grasp and squeeze of each: points of the hand's
surface against the *true* neighbours (Open3D's signed distance) and the true table. Settings may
be chosen on scenes below `REPORTED` only.

    python benchmark/clutter.py --first 0 --count 24 --clearances 0.010 0.004
    python benchmark/clutter.py --first 0 --count 24 --reaches 0 0.1
    python benchmark/clutter.py --first 1000 --count 24
"""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import trimesh
import tyro
from numpy.typing import NDArray
from surfaces import Surface, hand_points

from dexgrasp_ros import load_hand, load_object, synthesize
from dexgrasp_ros.core.config import SynthesisConfig
from dexgrasp_ros.core.grasp_set import GraspSet
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.hand import link_poses
from dexgrasp_ros.object.config import ObjectConfig
from dexgrasp_ros.perception import ReconstructionConfig, reconstruct_frame
from dexgrasp_ros.simulation import Body, PinholeCamera, SensorNoise, render_depth_frame

REPORTED = 1000  # scenes from here on are for reporting
_TABLE = (1.2, 1.2, 0.02)  # m
_GAPS = (0.005, 0.05)  # m between the middle object and a neighbour
_TOUCH = 1e-4  # m; what a hand may be in something by rounding


def draw_scene(number: int) -> list[trimesh.Trimesh]:
    """Meshes of scene `number` with z up on z = 0; the first is to be grasped."""
    rng = np.random.default_rng(number)
    meshes = [_shape(rng, rng.uniform(0.02, 0.035), rng.uniform(0.06, 0.15))]
    own = np.linalg.norm(meshes[0].vertices[:, :2], axis=1).max()
    for azimuth in rng.uniform(0, 2 * np.pi) + np.array([0.0, 2.1, 4.2])[: rng.integers(1, 4)]:
        other = _shape(rng, rng.uniform(0.025, 0.05), rng.uniform(0.04, 0.18))
        along = np.array([np.cos(azimuth), np.sin(azimuth)])
        reach = own - (other.vertices[:, :2] @ along).min() + rng.uniform(*_GAPS)
        meshes.append(other.apply_translation([*(reach * along), 0.0]))
    return meshes


def _shape(rng: np.random.Generator, radius: float, height: float) -> trimesh.Trimesh:
    if rng.random() < 0.5:
        mesh = trimesh.creation.cylinder(radius, height, sections=48)
    else:
        mesh = trimesh.creation.box((2 * radius, rng.uniform(1.2, 2.0) * radius, height))
        turn = trimesh.transformations.rotation_matrix(rng.uniform(0, np.pi), (0, 0, 1))
        mesh.apply_transform(turn)
    return mesh.apply_translation((0, 0, height / 2))


def depths(
    hand: HandModel, grasps: GraspSet, meshes: list[trimesh.Trimesh], T_world_cam: NDArray
) -> NDArray[np.float64]:
    """How deep [N, 2] m each hand is in a neighbour and in the table, in its worst posture."""
    rest = trimesh.util.concatenate(meshes)
    surface, worst = Surface(rest.vertices, rest.faces), np.zeros((len(grasps), 2))
    for base, q in (
        (grasps.pregrasp_base_pose, grasps.pregrasp),
        (grasps.base_pose, grasps.grasp),
        (grasps.base_pose, grasps.squeeze),
    ):
        for n, poses in enumerate(link_poses(hand, q, base)):
            points = trimesh.transform_points(hand_points(hand, poses), T_world_cam)
            inside = -surface.signed_distance(points, votes=3).min()
            worst[n] = np.maximum(worst[n], [inside, -points[:, 2].min()])
    return worst


def run_scene(
    hand: HandModel, number: int, config: ObjectConfig, perception: ReconstructionConfig
) -> NDArray[np.float64]:
    """Depths [N, 2] m of the grasps of one scene."""
    meshes = draw_scene(number)
    slab = trimesh.creation.box(_TABLE).apply_translation((0, 0, -0.5 * _TABLE[2]))
    bodies = [
        Body(vertices=np.array(m.vertices), faces=np.array(m.faces), label=label)
        for label, m in enumerate([slab, *meshes])
    ]
    camera = PinholeCamera.looking_at([0, -0.5, 0.45], [0, 0, 0.05], field_of_view=0.75)
    frame = render_depth_frame(bodies, camera, noise=SensorNoise(), random_seed=number)
    found = reconstruct_frame(frame, labels=[1], config=perception).objects
    if not found:
        return np.empty((0, 2))
    obj = load_object(
        (found[0].vertices, found[0].faces),
        support_plane=found[0].support_plane,
        obstacles=found[0].obstacles,
        config=config,
    )
    search = SynthesisConfig(seed_count=64, max_grasps=8, random_seed=number)
    return depths(hand, synthesize(hand, obj, search), meshes[1:], frame.T_world_cam)


def main(
    *,
    first: int = REPORTED,
    count: int = 24,
    hand: str = 'allegro',
    clearances: tuple[float, ...] = (ObjectConfig().obstacle_clearance,),
    reaches: tuple[float, ...] = (ReconstructionConfig().hidden_reach,),
) -> None:
    """Print a line for each scene, and one for each setting."""
    model = load_hand(hand)
    settings = {
        f'clearance {1e3 * clearance:g} mm, reach {1e3 * reach:g} mm': (
            dataclasses.replace(ObjectConfig(), obstacle_clearance=clearance),
            dataclasses.replace(ReconstructionConfig(), hidden_reach=reach),
        )
        for clearance, reach in itertools.product(clearances, reaches)
    }
    found: dict[str, list[NDArray[np.float64]]] = {name: [] for name in settings}
    for number in range(first, first + count):
        for name, configs in settings.items():
            deep = run_scene(model, number, *configs)
            found[name].append(deep)
            print(
                f'scene {number}, {name}: {len(deep)} grasps, in a neighbour'
                f' {np.round(1e3 * deep[:, 0], 1).tolist()} mm',
                flush=True,
            )
    for name, runs in found.items():
        deep = np.concatenate(runs)
        hits = (deep > _TOUCH).sum(axis=0)
        worst = 1e3 * deep.max(axis=0, initial=0.0)
        print(
            f'{name}: {len(deep)} grasps of {8 * len(runs)}; {hits[0]} in a neighbour (deepest'
            f' {worst[0]:.1f} mm), {hits[1]} in the table (deepest {worst[1]:.1f} mm)'
        )


if __name__ == '__main__':
    tyro.cli(main)
