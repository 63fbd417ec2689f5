"""Grasps for every hand: the package's own and any other URDFs, on a few objects.

    .venv/bin/python benchmark/hands.py [HAND …] [--objects MESH …] [--out FILE] [--pictures DIR]

HAND is a name or the path of a URDF; by default the package's hands, and the manufacturers' from
the test data where these are. Objects are by default three of the test data.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import tyro

from dexgrasp_ros import SynthesisConfig, load_hand, load_object, synthesize
from dexgrasp_ros.hand import link_poses
from dexgrasp_ros.simulation import render_grasps, save_picture

_OWN = ('allegro', 'barrett', 'shadow')
_MANUFACTURERS = (
    'hands/allegro_simlab/allegro_hand_description/allegro_hand_description_right.urdf',
    'hands/barrett_robotnik/barrett_hand_description/urdf/bh282.urdf',
    'hands/shadow_official/sr_description/robots/shadow_hand_right_e3m5.urdf',
)
_OBJECTS = ('006_mustard_bottle', '025_mug', '011_banana')
_HEAD = (
    '| hand | joints | groups | points | load first, again [s] | object | grasps'
    ' | worst penetration [mm] | search [s] | candidates lost |'
)


def main(
    hands: tyro.conf.Positional[tuple[str, ...]] = (),
    *,
    objects: tuple[Path, ...] = (),
    max_grasps: int = 8,
    seed_count: int = 128,
    random_seed: int = 0,
    out: Path | None = None,
    pictures: Path | None = None,
) -> None:
    """Print one row for each hand and object."""
    data = Path(os.environ.get('DEXGRASP_TEST_DATA', '../shared/data'))
    others = tuple(str(data / p) for p in _MANUFACTURERS if (data / p).is_file())
    meshes = objects or tuple(data / 'objects' / f'{name}.obj' for name in _OBJECTS)
    models = [load_object(mesh) for mesh in meshes]
    config = SynthesisConfig(max_grasps=max_grasps, seed_count=seed_count, random_seed=random_seed)
    rows = [_HEAD, '|' + '---|' * (_HEAD.count('|') - 1)]
    print('\n'.join(rows), flush=True)
    for source in hands or (*_OWN, *others):
        start = time.perf_counter()
        load_hand(source)
        first = time.perf_counter() - start
        start = time.perf_counter()
        hand = load_hand(source)
        again = time.perf_counter() - start
        for obj in models:
            grasps = synthesize(hand, obj, config)
            lost = ', '.join(f'{n} {stage}' for stage, n in grasps.rejected.items() if n)
            rows.append(
                f'| {Path(source).stem} | {len(hand.joint_names)} | {len(hand.group_names)}'
                f' | {len(hand.points)} | {first:.2f}, {again:.2f} | {obj.name} | {len(grasps)}'
                f' | {1e3 * grasps.penetration.max(initial=0):.2f}'
                f' | {sum(grasps.timing.values()):.1f} | {lost} |'
            )
            print(rows[-1], flush=True)
            if pictures and len(grasps):
                pictures.mkdir(parents=True, exist_ok=True)
                best = grasps.select(slice(0, 6))
                picture = render_grasps(
                    hand,
                    link_poses(hand, best.grasp, best.base_pose),
                    obj.vertices,
                    obj.faces,
                    captions=[f'{hand.name}  {s:.3f}' for s in best.score],
                )
                save_picture(picture, pictures / f'{Path(source).stem}_{obj.name}.png')
    if out:
        out.write_text('\n'.join(rows) + '\n')


if __name__ == '__main__':
    tyro.cli(main)
