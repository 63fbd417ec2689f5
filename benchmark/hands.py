"""Grasps for every hand: the package's own and any other URDFs, on a few objects.

    .venv/bin/python benchmark/hands.py [HAND …] [--objects MESH …] [--out FILE] [--pictures DIR]

HAND is a name or the path of a URDF; by default the package's hands, and the manufacturers' from
the test data where these are. Objects are by default three of the test data.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import tyro
from arguments import find_makers, find_meshes, test_data
from markdown_tables import show, table

from dexgrasp_ros import GraspSet, SynthesisConfig, load_hand, load_object, synthesize
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.core.object_model import ObjectModel
from dexgrasp_ros.hand import link_poses
from dexgrasp_ros.simulation import render_grasps, save_picture

_OWN = ('allegro', 'barrett', 'shadow')
_OBJECTS = ('006_mustard_bottle', '025_mug', '011_banana')
_HEAD = (
    *('hand', 'joints', 'groups', 'points', 'load first, again [s]', 'object', 'grasps'),
    *('worst penetration [mm]', 'search [s]', 'candidates lost'),
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
    meshes = objects or find_meshes(None, _OBJECTS).values()
    models = [load_object(mesh) for mesh in meshes]
    config = SynthesisConfig(max_grasps=max_grasps, seed_count=seed_count, random_seed=random_seed)
    hands = hands or (*_OWN, *find_makers(test_data('hands')))
    show(table(_HEAD, _rows(hands, models, config, pictures)), out)


def _rows(
    hands: Sequence[str],
    objects: Sequence[ObjectModel],
    config: SynthesisConfig,
    pictures: Path | None,
) -> Iterator[list[object]]:
    for source in hands:
        start = time.perf_counter()
        load_hand(source)
        first = time.perf_counter() - start
        start = time.perf_counter()
        hand = load_hand(source)
        again = time.perf_counter() - start
        for obj in objects:
            grasps = synthesize(hand, obj, config)
            yield [
                Path(source).stem,
                *(len(hand.joint_names), len(hand.group_names), len(hand.points)),
                f'{first:.2f}, {again:.2f}',
                obj.name,
                len(grasps),
                f'{1e3 * grasps.penetration.max(initial=0):.2f}',
                f'{sum(grasps.timing.values()):.1f}',
                ', '.join(f'{n} {stage}' for stage, n in grasps.rejected.items() if n),
            ]
            if pictures and len(grasps):
                _draw(hand, obj, grasps, pictures / f'{Path(source).stem}_{obj.name}.png')


def _draw(hand: HandModel, obj: ObjectModel, grasps: GraspSet, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    best = grasps.select(slice(0, 6))
    picture = render_grasps(
        hand,
        link_poses(hand, best.grasp, best.base_pose),
        obj.vertices,
        obj.faces,
        captions=[f'{hand.name}  {s:.3f}' for s in best.score],
    )
    save_picture(picture, path)


if __name__ == '__main__':
    tyro.cli(main)
