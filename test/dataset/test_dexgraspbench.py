"""DexGraspBench's files say the same as ours, to one who knows only what that benchmark reads."""

import json

import numpy as np
import pytest
import trimesh
from scipy.spatial.transform import Rotation

from dexgrasp_ros import load_hand
from dexgrasp_ros.core.poses import compose
from dexgrasp_ros.dataset import open_dataset
from dexgrasp_ros.dataset.dexgraspbench import export_dexgraspbench, grasp_record
from dexgrasp_ros.dataset.schema import FREE
from dexgrasp_ros.hand import link_poses

# Bodies of the MJCF files from the palm to a fingertip: position, quaternion (w first),
# axis of the joint that moves it, and which number of the qpos it has.
STRAIGHT, X, Y, Z = (1, 0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)
ALLEGRO_ROOT = ((0, 0, 0), (0, 1, 0, 1))
ALLEGRO = {
    'link_3.0': [
        ((0, 0.0435, -0.001542), (0.999048, -0.0436194, 0, 0), Z, 0),
        ((0, 0, 0.0164), STRAIGHT, Y, 1),
        ((0, 0, 0.054), STRAIGHT, Y, 2),
        ((0, 0, 0.0384), STRAIGHT, Y, 3),
    ],
    'link_15.0': [
        (
            (-0.0182, 0.019333, -0.045987),
            (0.477714, -0.521334, -0.521334, -0.477714),
            (-1, 0, 0),
            12,
        ),
        ((-0.027, 0.005, 0.0399), STRAIGHT, Z, 13),
        ((0, 0, 0.0177), STRAIGHT, Y, 14),
        ((0, 0, 0.0514), STRAIGHT, Y, 15),
    ],
}
SHADOW_ROOT = ((0, 0, 0.034), STRAIGHT)
SHADOW = {
    'rh_ffdistal': [
        ((0.033, 0, 0.095), STRAIGHT, (0, -1, 0), 0),
        ((0, 0, 0), STRAIGHT, X, 1),
        ((0, 0, 0.045), STRAIGHT, X, 2),
        ((0, 0, 0.025), STRAIGHT, X, 3),
    ],
    'rh_lfdistal': [
        ((-0.033, 0, 0.02071), STRAIGHT, (0.573576, 0, 0.819152), 12),
        ((0, 0, 0.06579), STRAIGHT, Y, 13),
        ((0, 0, 0), STRAIGHT, X, 14),
        ((0, 0, 0.045), STRAIGHT, X, 15),
        ((0, 0, 0.025), STRAIGHT, X, 16),
    ],
    'rh_thdistal': [
        ((0.034, -0.00858, 0.029), (0.92388, 0, 0.382683, 0), (0, 0, -1), 17),
        ((0, 0, 0), STRAIGHT, X, 18),
        ((0, 0, 0.038), STRAIGHT, X, 19),
        ((0, 0, 0), STRAIGHT, (0, -1, 0), 20),
        ((0, 0, 0.032), (1, 0, 0, -1), X, 21),
    ],
}


def placed(position, quaternion):
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_quat(np.roll(quaternion, -1)).as_matrix()
    matrix[:3, 3] = position
    return matrix


def turned(axis, angle):
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_rotvec(angle * np.array(axis, dtype=float)).as_matrix()
    return matrix


def body_position(qpos, root, chain):
    """Where the last body of a chain is in the benchmark's world."""
    matrix = placed(qpos[:3], qpos[3:7]) @ placed(*root)
    for position, quaternion, axis, joint in chain:
        matrix = matrix @ placed(position, quaternion) @ turned(axis, qpos[7 + joint])
    return matrix[:3, 3]


@pytest.mark.parametrize(
    ('name', 'root', 'chains', 'count'),
    [('allegro', ALLEGRO_ROOT, ALLEGRO, 16), ('shadow', SHADOW_ROOT, SHADOW, 22)],
)
def test_fingertips_of_the_benchmark_are_where_ours_are(name, root, chains, count):
    hand = load_hand(name)
    rng = np.random.default_rng(0)
    for _ in range(5):
        low, high = np.maximum(hand.lower, -1.5), np.minimum(hand.upper, 1.5)
        base, object_pose = (
            np.append(rng.normal(0, 0.1, 3), Rotation.random(random_state=rng).as_quat())
            for _ in range(2)
        )
        q = rng.uniform(low, high)
        row = {
            'key': 'a',
            'base_pose': base.astype(np.float32),
            'pregrasp_base_pose': base,
            'pregrasp': q,
            'grasp': q.astype(np.float32),
            'squeeze': q,
        }
        record = grasp_record(hand, row, object_pose)
        assert record['grasp_qpos'].shape == (7 + count,) == record['pregrasp_qpos'].shape
        ours = link_poses(hand, q, compose(object_pose, base))
        for link, chain in chains.items():
            np.testing.assert_allclose(
                body_position(record['grasp_qpos'], root, chain),
                ours[hand.link_names.index(link), :3],
                atol=2e-4,  # the MJCF files are rounded to a tenth of a millimetre
            )


def read(file):
    return np.load(file, allow_pickle=True).item()


def test_a_dataset_is_laid_over_the_benchmark(small_dataset, tmp_path):
    dataset = open_dataset(small_dataset.root, 'allegro', held=True)
    counts = dict(export_dexgraspbench(dataset, tmp_path))
    assert sum(counts.values()) == len(dataset) > 0
    rows = next(dataset.batches(1000))
    root = np.linalg.inv(placed(*ALLEGRO_ROOT))
    seen = []
    for setting in ('fc', 'tabletop'):
        folder = tmp_path / f'output/dexgrasp_{setting}_allegro/graspdata'
        for file in folder.glob('*/*/*.npy'):
            grasp = read(file)
            n = list(rows['key']).index(grasp['key'])
            seen.append(grasp['key'])
            assert (rows['scene'][n] == FREE) == (setting == 'fc')
            assert file.parent.parent.name in grasp['obj_path']
            # The hand in the frame of the object, back from the two in the world.
            thing = placed(grasp['obj_pose'][:3], grasp['obj_pose'][3:])
            for qpos, pose, posture in (
                ('pregrasp_qpos', 'pregrasp_base_pose', 'pregrasp'),
                ('grasp_qpos', 'base_pose', 'grasp'),
                ('squeeze_qpos', 'base_pose', 'squeeze'),
            ):
                hand = placed(grasp[qpos][:3], grasp[qpos][3:7]) @ np.linalg.inv(root)
                back = np.linalg.inv(thing) @ hand
                np.testing.assert_allclose(back[:3, 3], rows[pose][n, :3], atol=1e-6)
                matrix = Rotation.from_quat(rows[pose][n, 3:]).as_matrix()
                np.testing.assert_allclose(back[:3, :3], matrix, atol=1e-6)
                np.testing.assert_allclose(grasp[qpos][7:], rows[posture][n], atol=1e-6)
            if setting == 'fc':
                np.testing.assert_array_equal(grasp['obj_pose'], [0, 0, 0, 1, 0, 0, 0])
            else:
                mesh = trimesh.load(tmp_path / grasp['obj_path'] / 'mesh/simplified.obj')
                mesh.apply_transform(thing)
                assert mesh.bounds[0, 2] == pytest.approx(0, abs=5e-4)  # stands on z = 0
    assert sorted(seen) == sorted(rows['key'])


def test_objects_have_what_the_benchmark_reads(small_dataset, tmp_path):
    dataset = open_dataset(small_dataset.root, 'barrett', objects=['box'])
    list(export_dexgraspbench(dataset, tmp_path))
    (folder,) = (tmp_path / 'assets/dexgrasp').iterdir()
    info = json.loads((folder / 'info/simplified.json').read_text())
    volume = info['mass'] / (info['density'] * info['scale'] ** 3)
    assert volume == pytest.approx(0.05 * 0.06 * 0.09)
    pieces = [trimesh.load(file) for file in (folder / 'urdf/meshes').iterdir()]
    assert all(piece.is_convex for piece in pieces)
    assert sum(piece.volume for piece in pieces) == pytest.approx(volume, rel=0.02)
    grasp = read(next(tmp_path.glob('output/*/graspdata/*/*/0.npy')))
    # Seven joints move in the Barrett hand's URDF, four of them on their own.
    assert len(grasp['joint_names']) == len(grasp['grasp_qpos']) - 7 > 4
