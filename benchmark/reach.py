"""How often and how fast inverse kinematics finds the joint positions of an arm.

    .venv/bin/python benchmark/reach.py [ARM …] [--flange LINK] [--poses 1000]

ARM is a URDF; by default the package's seven-axis arm, the same with its third joint locked, and
the floating wrist. Poses are made by forward kinematics of joint positions drawn within the
limits, so all of them can be reached; a tenth as many lie 20 m away and measure how long a refusal
takes. A grasp is a pose with a pre-grasp 8 cm behind it and the straight way between, which may
well lead out of reach.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import tyro
from markdown_tables import show, table

from dexgrasp_ros.core.poses import matrix_to_pose, pose_to_matrix
from dexgrasp_ros.core.resources import find_resource
from dexgrasp_ros.hand import (
    Arm,
    InverseKinematics,
    Reachability,
    attach,
    find_arm,
    load_hand_text,
)
from dexgrasp_ros.hand.kinematics import tree_matrices

_IDENTITY = np.array([0.0, 0, 0, 0, 0, 0, 1])
_APPROACH = 0.08  # m
_LOCKED = '<dexgrasp_ros>\nlocked_joints: {arm_joint_3: 0.0}\n'
_HEAD = (
    *('arm', 'joints', 'poses found', 'at the first start', 'time of a pose [ms]'),
    *('time of a refusal [ms]', 'grasps found', 'time of a grasp [ms]'),
)


def main(
    arms: tyro.conf.Positional[tuple[Path, ...]] = (),
    *,
    flange: str = 'flange',
    poses: int = 1000,
    random_seed: int = 0,
) -> None:
    """Print one row for each arm; times are median and 95 % quantile."""
    texts = {str(path): attach(path, 'barrett', flange=flange) for path in arms}
    if not texts:
        own = find_resource('urdf/arms/simple_arm.urdf')
        seven = attach(own, 'barrett', flange='flange')
        wrist = attach(find_resource('urdf/arms/floating_wrist.urdf'), 'barrett', flange='wrist')
        texts = {
            'seven axes': seven,
            'six of them': seven.replace('<dexgrasp_ros>\n', _LOCKED),
            'floating wrist': wrist,
        }
    found = ((name, find_arm(load_hand_text(text))) for name, text in texts.items())
    show(table(_HEAD, (_cells(name, arm, poses, random_seed) for name, arm in found)))


def _cells(name: str, arm: Arm, count: int, random_seed: int) -> list[object]:
    solver = InverseKinematics(arm, random_seed=random_seed)
    rng = np.random.default_rng(random_seed + 1)
    lower, upper = np.maximum(arm.chain.lower, -np.pi), np.minimum(arm.chain.upper, np.pi)
    targets = tree_matrices(arm.chain, rng.uniform(lower, upper, (count, len(lower))))[:, -1]
    tries, seconds = _timed(lambda target: _tries(solver, target), targets)
    away = targets.copy()
    away[:, :3, 3] += 20.0 * away[:, :3, 3] / np.linalg.norm(away[:, :3, 3], axis=1)[:, None]
    refused, refusal = _timed(lambda target: _tries(solver, target), away[: max(1, count // 10)])
    assert not any(refused)
    hands = targets @ pose_to_matrix(arm.hand_pose)
    grasps = matrix_to_pose(hands)
    hands[:, :3, 3] -= _APPROACH * hands[:, :3, 2]
    reach = Reachability(solver, _IDENTITY)
    pairs = list(zip(grasps, matrix_to_pose(hands), strict=True))
    found, whole = _timed(lambda pair: reach(pair[0][None], pair[1][None])[0], pairs)
    return [
        *(name, len(lower), f'{np.count_nonzero(tries)}/{count}', f'{tries.count(1)}/{count}'),
        *(_times(seconds), _times(refusal)),
        *(f'{np.count_nonzero(found)}/{count}', _times(whole)),
    ]


def _tries(solver: InverseKinematics, target: np.ndarray) -> int:
    """Count the starts until the pose is found; 0 where it is not."""
    for number, start in enumerate(solver.starts(), 1):
        if solver.solve(target, start) is not None:
            return number
    return 0


def _timed(work: Callable, items: Sequence) -> tuple[list, list[float]]:
    """Results and seconds of each."""
    results, seconds = [], []
    for item in items:
        begin = time.perf_counter()
        results.append(work(item))
        seconds.append(time.perf_counter() - begin)
    return results, seconds


def _times(seconds: list[float]) -> str:
    middle, most = np.quantile(seconds, [0.5, 0.95]) * 1e3
    return f'{middle:.2f} ({most:.2f})'


if __name__ == '__main__':
    tyro.cli(main)
