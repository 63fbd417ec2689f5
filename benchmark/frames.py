"""Grasps on real depth frames: one row for each label, with seconds by phase.

    .venv/bin/python benchmark/frames.py [FOLDER] [--out FILE.md] [--pictures DIR]

FOLDER holds scene files (.npz); by default the test data's ``scenes``. Each label of at least
1,000 valid pixels is reconstructed, searched with 128 seeds, and its best 8 grasps are checked
against the mesh by an independent oracle (Open3D's exact distances).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tyro
from arguments import Folder, test_data
from markdown_tables import show, table
from surfaces import Surface, hand_points

from dexgrasp_ros import GraspSet, SynthesisConfig, load_hand, load_object, load_scene, synthesize
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.core.object_model import ObservedObject
from dexgrasp_ros.hand import link_poses
from dexgrasp_ros.perception import reconstruct_frame
from dexgrasp_ros.simulation import render_grasp, save_picture

_LEAST_PIXELS = 1000
_HEAD = (
    'frame',
    'label',
    'grasps',
    'reconstruct [s]',
    'object [s]',
    'optimize [s]',
    'finish [s]',
    'contacts',
    'penetration [mm]',
    'candidates lost',
)


def main(
    folder: Folder = None,
    *,
    hand: str = 'allegro',
    out: Path | None = None,
    pictures: Path | None = None,
    random_seed: int = 0,
) -> None:
    """Print one row for each label of each frame."""
    model, scenes = load_hand(hand), sorted((folder or test_data('scenes')).glob('*.npz'))
    config = SynthesisConfig(max_grasps=8, random_seed=random_seed)
    rows = (row for scene in scenes for row in _rows(scene, model, config, pictures))
    show(table(_HEAD, rows), out)


def _rows(
    scene: Path, hand: HandModel, config: SynthesisConfig, pictures: Path | None
) -> Iterator[list[str]]:
    frame = load_scene(scene)
    valid = np.isfinite(frame.depth) & (frame.depth > 0)
    labels, counts = np.unique(frame.labels[valid], return_counts=True)
    wanted = [int(v) for v, c in zip(labels, counts, strict=True) if v and c >= _LEAST_PIXELS]
    result = reconstruct_frame(frame, labels=wanted)
    for label, error in result.failures.items():
        yield [scene.stem, str(label), error.code.name, *[''] * (len(_HEAD) - 3)]
    for observed in result.objects:
        start = time.perf_counter()
        obj = load_object(
            (observed.vertices, observed.faces),
            support_plane=observed.support_plane,
            obstacles=observed.obstacles,
        )
        seconds = time.perf_counter() - start
        grasps = synthesize(hand, obj, config)
        if pictures and len(grasps):
            _draw(hand, observed, grasps, pictures / f'{scene.stem}_{observed.label}.png')
        lost = [f'{count} {stage}' for stage, count in grasps.rejected.items() if count]
        yield [
            scene.stem,
            str(observed.label),
            str(len(grasps)),
            f'{sum(observed.timing.values()):.2f}',
            f'{seconds:.2f}',
            f'{grasps.timing["optimize"]:.2f}',
            f'{grasps.timing["finish"]:.2f}',
            f'{grasps.contact_count.min(initial=99)} to {grasps.contact_count.max(initial=0)}',
            f'{1e3 * _worst_penetration(hand, observed, grasps):.2f}',
            ', '.join(lost),
        ]


def _worst_penetration(hand: HandModel, observed: ObservedObject, grasps: GraspSet) -> float:
    """Deepest surface point of the hand inside the mesh over all grasps [m]."""
    surface = Surface(observed.vertices, observed.faces)
    links = link_poses(hand, grasps.grasp, grasps.base_pose)
    points = [hand_points(hand, poses) for poses in links]
    return max([0.0, *(-float(surface.signed_distance(p, votes=11).min()) for p in points)])


def _draw(hand: HandModel, observed: ObservedObject, grasps: GraspSet, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = render_grasp(
        hand,
        link_poses(hand, grasps.grasp[:1], grasps.base_pose[:1])[0],
        observed.vertices,
        observed.faces,
        points=observed.points,
        support_plane=observed.support_plane,
        contact_points=grasps.contact_points[0],
        contact_normals=grasps.contact_normals[0],
        toward_viewer=-observed.vertices.mean(axis=0),
        caption=f'{path.stem}: score {grasps.score[0]:.3f}',
    )
    save_picture(image, path)


if __name__ == '__main__':
    tyro.cli(main)
