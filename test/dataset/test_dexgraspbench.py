"""DexGraspBench's files say the same as ours, to one who knows only what that benchmark reads."""

import json
from itertools import pairwise
from xml.etree import ElementTree

import mujoco
import numpy as np
import pytest
import trimesh
from scipy.spatial.transform import Rotation

from dexgrasp_ros import load_hand
from dexgrasp_ros.core.errors import InputError
from dexgrasp_ros.core.poses import compose, pose_to_matrix
from dexgrasp_ros.dataset import open_dataset
from dexgrasp_ros.dataset.formats.bench_objects import write_object
from dexgrasp_ros.dataset.formats.dexgraspbench import export_dexgraspbench, grasp_record
from dexgrasp_ros.dataset.schema import FREE
from dexgrasp_ros.evaluation.bench_hands import BENCH_HANDS
from dexgrasp_ros.hand import link_poses, load_hand_text

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
LEAP_ROOT = ((0, 0, 0.1), (0, 1, 0, 0))
MINUS_Z, TURN = (0, 0, -1), (0.5, -0.5, -0.5, 0.5)
LEAP = {
    'link_3': [
        ((-0.007, 0.023, -0.0187), (0.5, 0.5, 0.5, -0.5), MINUS_Z, 0),
        ((-0.0122, 0.0381, 0.0145), TURN, MINUS_Z, 1),
        ((0.015, 0.0143, -0.013), (0.5, 0.5, -0.5, 0.5), MINUS_Z, 2),
        ((0, -0.0361, 0.0002), STRAIGHT, MINUS_Z, 3),
    ],
    'link_15': [
        ((-0.0693, -0.0012, -0.0216), (1, 0, 1, 0), MINUS_Z, 12),
        ((0, 0.0143, -0.013), (0.5, 0.5, -0.5, 0.5), MINUS_Z, 13),
        ((0, 0.0145, -0.017), (1, -1, 0, 0), MINUS_Z, 14),
        ((0, 0.0466, 0.0002), (0, 0, 0, 1), MINUS_Z, 15),
    ],
}


def leap_hand():
    """The LEAP hand in sticks, with the joints of its maker's URDF, the second of a finger first.

    Its links are in line with the palm at zero, unlike those of the MJCF.
    """
    (bench,) = (hand for hand in BENCH_HANDS if hand.name == 'leap')
    links = ['<link name="palm_lower"><collision><geometry><box size=".1 .1 .02"/></geometry>']
    links.append('</collision></link>')
    joints = {}
    for first in range(0, 16, 4):
        chain = ['palm_lower', *(bench.joints[k][1] for k in range(first, first + 4))]
        points = np.concatenate([np.zeros((1, 3)), bench.axes[first : first + 4, :3]])
        for k, (above, own) in enumerate(pairwise(chain)):
            x, y, z = points[k + 1] - points[k]
            axis = ' '.join(map(str, bench.axes[first + k, 3:]))
            parent = 'palm_lower' if k == 0 else f'link_{above}'
            links.append(
                f'<link name="link_{own}"><collision><geometry><sphere radius="0.01"/></geometry>'
                '</collision></link>'
            )
            joints[int(own)] = (
                f'<joint name="{own}" type="revolute"><parent link="{parent}"/><child '
                f'link="link_{own}"/><origin xyz="{x} {y} {z}"/><axis xyz="{axis}"/><limit '
                'lower="-0.3" upper="1.5" effort="1" velocity="1"/></joint>'
            )
    text = ''.join([*links, *(joints[k] for k in range(16))])
    return load_hand_text(f'<robot name="sticks">{text}</robot>', name='sticks')


def thumb_first():
    """The package's Shadow hand, whose description begins with the thumb."""
    root = ElementTree.fromstring(load_hand('shadow').urdf)
    own = [part for part in root if 'th' in part.get('name', '').lower()]
    for part in own:
        root.remove(part)
        root.insert(0, part)
    hand = load_hand_text(ElementTree.tostring(root, 'unicode'), name='shadow')
    assert hand.joint_names[0].startswith('rh_TH')
    return hand


HANDS = {
    'allegro': (lambda: load_hand('allegro'), ALLEGRO_ROOT, ALLEGRO, 16),
    'shadow': (lambda: load_hand('shadow'), SHADOW_ROOT, SHADOW, 22),
    'thumb first': (thumb_first, SHADOW_ROOT, SHADOW, 22),
    'leap': (leap_hand, LEAP_ROOT, LEAP, 16),
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


@pytest.mark.parametrize('name', HANDS)
def test_fingertips_of_the_benchmark_are_where_ours_are(name):
    make, root, chains, count = HANDS[name]
    hand = make()
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


def test_another_hand_of_that_name_is_refused():
    """The benchmark would read its grasps as those of the right hand."""
    left = load_hand_text(load_hand('allegro_left').urdf, name='allegro')
    pose = np.array([0.0, 0, 0, 0, 0, 0, 1])
    row = dict.fromkeys(('base_pose', 'pregrasp_base_pose'), pose) | {'key': 'a'}
    row |= dict.fromkeys(('pregrasp', 'grasp', 'squeeze'), left.preshape)
    with pytest.raises(InputError, match='is not the one of that name in DexGraspBench'):
        grasp_record(left, row, pose)
    other = load_hand('allegro_left')
    np.testing.assert_allclose(grasp_record(other, row, pose)['grasp_qpos'][3:7], [1, 0, 0, 0])


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
            # The hand in the frame of the mesh, back from the two in the world.
            mesh = trimesh.load(tmp_path / grasp['obj_path'] / 'mesh/simplified.obj')
            key = next(o for o in dataset.objects if o.replace('-', '_') in grasp['obj_path'])
            middle = dataset.mesh(key)[0].max(axis=0) + dataset.mesh(key)[0].min(axis=0)
            thing = placed(grasp['obj_pose'][:3], grasp['obj_pose'][3:])
            there = mesh.apply_scale(grasp['obj_scale']).apply_transform(thing)
            thing = thing @ placed(-0.5 * middle, STRAIGHT)
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
                np.testing.assert_allclose(thing, np.eye(4), atol=1e-9)
            else:
                assert there.bounds[0, 2] == pytest.approx(0, abs=5e-4)  # stands on z = 0
            scene = tmp_path / grasp['scene_path']
            told = read(scene)
            name = told['task']['obj_name']
            assert told['task']['type'] == {'fc': 'force_closure', 'tabletop': 'slide'}[setting]
            assert told['scene_id'] == f'{name}/{file.parent.name}'
            assert ('table' in told['scene']) == (setting == 'tabletop')
            own = told['scene'][name]
            assert own['type'] == 'rigid_object'
            np.testing.assert_array_equal(own['pose'], grasp['obj_pose'])
            np.testing.assert_array_equal(own['scale'], np.full(3, grasp['obj_scale']))
            for path in ('file_path', 'urdf_path', 'info_path'):
                assert (scene.parent / own[path]).is_file()
    assert sorted(seen) == sorted(rows['key'])


def test_objects_have_what_the_benchmark_reads(small_dataset, tmp_path):
    dataset = open_dataset(small_dataset.root, 'barrett', objects=['box'])
    list(export_dexgraspbench(dataset, tmp_path))
    (folder,) = (tmp_path / 'assets/dexgrasp').iterdir()
    info = json.loads((folder / 'info/simplified.json').read_text())
    volume = info['mass'] / (info['density'] * info['scale'] ** 3)
    half = 0.5 * np.linalg.norm([0.05, 0.06, 0.09])
    assert volume * half**3 == pytest.approx(0.05 * 0.06 * 0.09)
    pieces = [trimesh.load(file) for file in (folder / 'urdf/meshes').iterdir()]
    assert all(piece.is_convex for piece in pieces)
    assert sum(piece.volume for piece in pieces) == pytest.approx(volume, rel=0.02)
    grasp = read(next(tmp_path.glob('output/*/graspdata/*/*/0.npy')))
    # Seven joints move in the Barrett hand's URDF, four of them on their own.
    assert len(grasp['joint_names']) == len(grasp['grasp_qpos']) - 7 > 4


def test_an_object_is_centred_and_scaled(tmp_path):
    """A turned box, away from the origin."""
    box = trimesh.creation.box((0.04, 0.06, 0.1))
    box.apply_transform(trimesh.transformations.rotation_matrix(0.6, (1, 2, 3)))
    box.apply_translation((0.3, -0.2, 0.5))
    found = write_object(tmp_path, 'assets/x', 'turned', box.vertices, box.faces)
    mesh = trimesh.load(tmp_path / 'assets/x/mesh/simplified.obj')
    np.testing.assert_allclose(mesh.bounds.sum(axis=0), 0, atol=1e-7)
    assert np.linalg.norm(mesh.extents) == pytest.approx(2)
    pose = found.pose([0, 0, 0, 0, 0, 0, 1])
    turn = pose_to_matrix(pose[[0, 1, 2, 4, 5, 6, 3]])
    np.testing.assert_allclose(mesh.bounds * found.scale + turn[:3, 3], box.bounds, atol=1e-7)
    info = json.loads((tmp_path / 'assets/x/info/simplified.json').read_text())
    np.testing.assert_allclose(
        np.array(info['gravity_center']) * found.scale + pose[:3], (0.3, -0.2, 0.5), atol=1e-7
    )
    np.testing.assert_allclose(np.sort(info['obb']) * found.scale, (0.04, 0.06, 0.1), atol=1e-6)
    model = mujoco.MjModel.from_xml_path(str(tmp_path / 'assets/x/urdf/coacd.xml'))
    assert model.body('object').mass[0] == pytest.approx(1000 * info['mass'], rel=0.02)
    urdf = ElementTree.parse(tmp_path / 'assets/x/urdf/coacd.urdf')
    pieces = {part.get('filename') for part in urdf.iter('mesh')}
    folder = tmp_path / 'assets/x/urdf'
    assert pieces == {f'meshes/{file.name}' for file in (folder / 'meshes').iterdir()}
    # Fewer pieces than before: the benchmark reads all that lie there.
    (folder / 'meshes/convex_piece_999.obj').write_text('')
    write_object(tmp_path, 'assets/x', 'turned', box.vertices, box.faces)
    assert not (folder / 'meshes/convex_piece_999.obj').exists()
