"""The command `dexgrasp`: what it writes, prints and returns."""

from __future__ import annotations

import contextlib
import functools
import io
import json

import numpy as np
import pytest
import trimesh
from in_process import shaken_here

from dexgrasp_ros import perception, simulation
from dexgrasp_ros.cli import main
from dexgrasp_ros.core.grasp_set import GraspSet
from dexgrasp_ros.core.wishes import Wishes
from dexgrasp_ros.evaluation.inputs import object_of
from dexgrasp_ros.simulation import make_demo_scene, save_scene

QUICK = ['--seed-count', '16', '--iterations', '100', '--max-grasps', '3']


@pytest.fixture(scope='module')
def can(tmp_path_factory):
    path = tmp_path_factory.mktemp('mesh') / 'can.obj'
    trimesh.creation.cylinder(0.03, 0.1).export(path)
    return path


@pytest.fixture(scope='module')
def scene(tmp_path_factory):
    path = tmp_path_factory.mktemp('scene') / 'scene.npz'
    save_scene(make_demo_scene(random_seed=1), path)
    return path


@pytest.fixture(scope='module')
def searched(can, tmp_path_factory):
    """A search with its course: the files `deep/grasps.npz` and `far/course.png`, and the line."""
    folder, told = tmp_path_factory.mktemp('searched'), io.StringIO()
    files = ['--out', folder / 'deep' / 'grasps.npz', '--course', folder / 'far' / 'course.png']
    with contextlib.redirect_stdout(told):
        assert main(['synthesize', str(can), *map(str, files), '--json', *QUICK]) == 0
    return folder, json.loads(told.getvalue().strip().splitlines()[-1])


@pytest.fixture
def coarse(monkeypatch):
    """Few voxels and small pictures: what meshes and pictures are like is tested elsewhere."""
    config = perception.ReconstructionConfig(max_voxels=60_000)
    for name in ('reconstruct_frame', 'reconstruct_views'):
        make = functools.partial(getattr(perception, name), config=config)
        monkeypatch.setattr(perception, name, make)
    draw = functools.partial(simulation.render_reconstruction, size=(800, 450))
    monkeypatch.setattr(simulation, 'render_reconstruction', draw)


def changed(scene, path, **changes):
    """Copy of a scene file with keys replaced, or dropped where None."""
    with np.load(scene) as file:
        data = {key: file[key] for key in file.files} | changes
    np.savez(path, **{key: value for key, value in data.items() if value is not None})
    return path


def test_synthesize_and_view(can, searched, tmp_path):
    folder, printed = searched
    out = folder / 'deep' / 'grasps.npz'
    grasps = GraspSet.load(out)
    assert len(grasps) == len(printed['grasps']) == 3
    assert grasps.config['seed_count'] == 16
    assert grasps.object_mesh == str(can)
    np.testing.assert_allclose([g['score'] for g in printed['grasps']], grasps.score)
    assert main(['view', str(out), '--png', str(tmp_path / 'g.png'), '--count', '2']) == 0
    from PIL import Image

    picture = np.asarray(Image.open(tmp_path / 'g.png')).astype(float)
    assert picture.shape == (900, 1600, 3)
    assert picture.std() > 20  # something dark on something bright


def test_grasps_know_the_scale_of_their_mesh(tmp_path):
    path, out = tmp_path / 'can_in_mm.stl', tmp_path / 'grasps.npz'
    trimesh.creation.cylinder(30, 100).export(path)
    none = ['--seed-count', '4', '--iterations', '1', '--max-residual', '0']
    assert main(['synthesize', str(path), '--out', str(out), *none]) == 1
    assert main(['synthesize', str(path), '--scale', '0.001', '--out', str(out), *none]) == 0
    found = GraspSet.load(out)
    assert found.object_scale == 0.001
    np.testing.assert_allclose(np.ptp(object_of(found, None).vertices, axis=0)[2], 0.1)


def test_wishes_are_granted_and_kept_with_the_grasps(can, tmp_path, capsys):
    out, course = tmp_path / 'grasps.npz', tmp_path / 'course.png'
    wishes = (
        '--grasp-type precision --fingers link_3.0 link_7.0_tip link_15.0 '
        '--approach 0 -0.6 -0.8 50 --hold-region cylinder:0.08,0.05@0,0,0.03 sphere:0.01@0.03,0,0 '
        '--avoid-region box:0.1,0.1,0.02@0,0,-0.06,0,0,0,1'
    ).split()
    few = ['--seed-count', '32', '--iterations', '100', '--max-grasps', '2']
    files = ['--out', str(out), '--course', str(course)]
    assert main(['synthesize', str(can), *files, '--json', *few, *wishes]) == 0
    grasps = GraspSet.load(out)
    found = Wishes.from_dict(grasps.wishes)
    assert (found.grasp_type, len(found.fingers)) == ('precision', 3)
    np.testing.assert_allclose(found.approach_half_angle, np.radians(50))
    assert [r.shape for r in found.hold_regions] == ['cylinder', 'sphere']
    assert found.avoid_regions[0].pose == (0.0, 0.0, -0.06, 0.0, 0.0, 0.0, 1.0)
    assert len(grasps) >= 1 and course.exists()
    links = {grasps.link_names[i] for i in np.unique(grasps.contact_links) if i >= 0}
    tips = {f'link_{n}.0{part}' for n in (3, 7, 15) for part in ('', '_tip')}
    assert links <= tips
    counts = json.loads(capsys.readouterr().out.strip().splitlines()[-1])['rejected']
    assert {'links', 'approach', 'region'} <= set(counts)


def test_a_table_is_settled_on_and_kept_with_the_grasps(tmp_path, capsys):
    """A brick that leans by 20 degrees falls on its face; evaluation takes the file's plane."""
    brick = trimesh.creation.box([0.05, 0.07, 0.1])
    brick.apply_transform(trimesh.transformations.rotation_matrix(np.radians(20), [1, 0, 0]))
    path, out = tmp_path / 'brick.obj', tmp_path / 'grasps.npz'
    brick.export(path)
    # Without grasps: it is the object that is looked at.
    few = ['--seed-count', '4', '--iterations', '1', '--max-residual', '0']
    assert main(['synthesize', str(path), '--on-table', '--out', str(out), *few]) == 0
    plane = GraspSet.load(out).support_plane
    face = np.array([0.0, -np.sin(np.radians(20)), np.cos(np.radians(20))])
    assert np.degrees(np.arccos(plane[:3] @ face)) < 0.5
    assert plane[3] == pytest.approx(0.05, abs=2e-4)
    capsys.readouterr()
    test = ['evaluate', str(out), '--protocol', 'tabletop', '--processes', '1', '--json']
    assert main(test) == 0
    settled = json.loads(capsys.readouterr().out.strip().splitlines()[-1])['summary']
    assert not any('moves by itself' in w for w in settled['warnings'])
    assert main([*test, '--support-plane', '0', '0', '1', '0.06']) == 0
    leaning = json.loads(capsys.readouterr().out.strip().splitlines()[-1])['summary']
    assert any('moves by itself, by 21 mm and 20 degrees' in w for w in leaning['warnings'])


def test_the_course_of_the_best_grasp_is_drawn(searched):
    from PIL import Image

    picture = np.asarray(Image.open(searched[0] / 'far' / 'course.png')).astype(float)
    panels = np.array_split(picture[:400], 5, axis=1)
    assert min(panel.std() for panel in panels) > 20
    # The palm moves by centimetres from the first to the last.
    assert np.abs(panels[0] - panels[-1]).mean() > 5


def test_without_a_grasp_there_is_no_course(can, tmp_path, capsys):
    files = ['--out', str(tmp_path / 'g.npz'), '--course', str(tmp_path / 'course.png')]
    none = ['--seed-count', '4', '--iterations', '1', '--max-residual', '0']
    assert main(['synthesize', str(can), *files, *none]) == 0
    assert 'no course' in capsys.readouterr().out
    assert not (tmp_path / 'course.png').exists()


def test_a_course_that_cannot_be_drawn_costs_nothing_else(
    can, searched, tmp_path, capsys, monkeypatch
):
    found = GraspSet.load(searched[0] / 'deep' / 'grasps.npz')
    monkeypatch.setattr('dexgrasp_ros.synthesis.synthesize', lambda *_, **__: found)
    small = functools.partial(simulation.render_course, size=(250, 100))
    monkeypatch.setattr(simulation, 'render_course', small)
    out, course = tmp_path / 'grasps.npz', tmp_path / 'course.png'
    course.symlink_to('/dev/full')  # Whatever is written there meets a full disk.
    files = ['--out', str(out), '--course', str(course), '--json']
    assert main(['synthesize', str(can), *files, *QUICK]) == 1
    printed, told = capsys.readouterr()
    assert len(json.loads(printed.strip().splitlines()[-1])['grasps']) == len(GraspSet.load(out))
    assert 'No space left' in told.strip().splitlines()[-1]


def test_what_the_shake_test_warns_of_is_printed(tmp_path, capsys):
    """The hull of an L of five squares has the area of seven."""
    bars = [trimesh.creation.box(size) for size in ([0.06, 0.02, 0.02], [0.02, 0.02, 0.06])]
    for bar, place in zip(bars, ([0.02, 0, 0], [0, 0, 0.02]), strict=True):
        bar.apply_translation(place)
    trimesh.boolean.union(bars).export(tmp_path / 'corner.obj')
    wish = ['--verify', 'fc', '--piece-threshold', '1', '--out', str(tmp_path / 'g.npz')]
    few = ['--seed-count', '8', '--iterations', '60', '--max-grasps', '1']
    with shaken_here():
        assert main(['synthesize', str(tmp_path / 'corner.obj'), *wish, *few, '--json']) == 0
    printed, told = capsys.readouterr()
    assert 'warning: The convex pieces have 1.40 times' in ' '.join(told.split())
    answer = json.loads(printed.strip().splitlines()[-1])
    assert '1.40 times' in answer['warnings'][-1]
    assert 'shake' in answer['timing']


def test_help_describes_every_setting(capsys):
    with pytest.raises(SystemExit) as ended:
        main(['synthesize', '--help'])
    assert ended.value.code == 0
    text = ' '.join(capsys.readouterr().out.split())
    for words in ('--friction', '--squeeze-force', 'sum of normal forces'):
        assert words in text


@pytest.mark.usefixtures('coarse')
def test_reconstruct_writes_watertight_meshes(scene, tmp_path, capsys):
    assert main(['reconstruct', str(scene), '--out', str(tmp_path), '--json']) == 0
    printed = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    assert [o['label'] for o in printed['objects']] == [1, 2, 3]
    for label in (1, 2, 3):
        mesh = trimesh.load(tmp_path / f'label_{label}.ply')
        assert mesh.is_watertight and mesh.volume > 1e-5
        assert (tmp_path / f'label_{label}.png').stat().st_size > 10_000
    stored = json.loads((tmp_path / 'objects.json').read_text())
    assert stored['objects'][0]['points'] == printed['objects'][0]['points']


@pytest.mark.usefixtures('coarse')
def test_a_scene_without_labels_is_segmented_and_says_so(scene, tmp_path, capsys):
    from PIL import Image

    path = changed(scene, tmp_path / 'unlabelled.npz', seg=None)
    out = tmp_path / 'out'
    assert main(['reconstruct', str(path), '--out', str(out), '--json', '--labels', '2']) == 0
    text, told = capsys.readouterr()
    printed = json.loads(text.strip().splitlines()[-1])
    assert 'No labels in the scene: 3 objects were segmented' in ' '.join(told.split())
    assert (printed['labels'], printed['segmentation']['objects']) == ('segmentation', 3)
    assert [o['label'] for o in printed['objects']] == [2]
    found = np.asarray(Image.open(out / 'labels.png'))
    with np.load(scene) as file:
        truth = file['seg']
    for label in (1, 2, 3):
        number = np.bincount(found[truth == label], minlength=2)[1:].argmax() + 1
        own, true = found == number, truth == label
        assert (own & true).sum() / (own | true).sum() > 0.9, label


def test_nothing_on_the_table_is_one_coded_line(scene, tmp_path, capsys):
    with np.load(scene) as file:
        depth = np.where(file['seg'] > 0, 0, file['depth'])
    path = changed(scene, tmp_path / 'bare.npz', seg=None, depth=depth)
    assert main(['reconstruct', str(path), '--out', str(tmp_path / 'out')]) == 1
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert 'UNKNOWN_LABEL: Nothing stands on the support plane' in line


def test_the_demo_learns_whether_a_scene_has_labels(scene, tmp_path):
    from dexgrasp_ros.cli.demo import _scene_file

    path = changed(scene, tmp_path / 'unlabelled.npz', seg=None)
    assert _scene_file(scene, tmp_path, 0) == (scene, True)
    assert _scene_file(path, tmp_path, 0) == (path, False)
    assert _scene_file(None, tmp_path, 0)[1]


def few_points(scene, path):
    with np.load(scene) as file:
        seg = np.zeros_like(file['seg'])
    seg[200:204, 300:305] = 7
    return changed(scene, path, seg=seg)


BROKEN = {
    'missing file': (lambda s, p: p, 'FILE_NOT_FOUND'),
    'not a scene': (lambda s, p: p.write_text('hello') and p, 'INVALID_INPUT'),
    'no intrinsics': (lambda s, p: changed(s, p, K=None), 'MISSING_KEY'),
    'no depth': (lambda s, p: changed(s, p, depth=None), 'MISSING_KEY'),
    'depth of text': (lambda s, p: changed(s, p, depth=np.array([['x']])), 'WRONG_TYPE'),
    'integer depth': (
        lambda s, p: changed(s, p, depth=np.ones((480, 640), np.uint16)),
        'MISSING_KEY',
    ),
    'other size': (lambda s, p: changed(s, p, seg=np.ones((10, 10), int)), 'WRONG_SHAPE'),
    'half labels': (lambda s, p: changed(s, p, seg=np.full((480, 640), 0.5)), 'WRONG_TYPE'),
    'broken K': (lambda s, p: changed(s, p, K=np.zeros((3, 3))), 'OUT_OF_RANGE'),
    'all NaN': (
        lambda s, p: changed(s, p, depth=np.full((480, 640), np.nan, np.float32)),
        'NO_VALID_DEPTH',
    ),
    'no labels': (lambda s, p: changed(s, p, seg=np.zeros((480, 640), int)), 'UNKNOWN_LABEL'),
    'unknown label': (lambda s, p: changed(s, p), 'UNKNOWN_LABEL'),
}


@pytest.mark.parametrize('case', BROKEN)
def test_broken_scene_gives_one_coded_line(case, scene, tmp_path, capsys):
    make, code = BROKEN[case]
    path = make(scene, tmp_path / 'broken.npz')
    label = ['--labels', '99'] if case == 'unknown label' else []
    assert main(['reconstruct', str(path), '--out', str(tmp_path / 'out'), *label]) == 1
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1 and code in lines[0]


@pytest.mark.usefixtures('coarse')
def test_a_label_of_twenty_points_does_not_stop_the_rest(scene, tmp_path, capsys):
    path = few_points(scene, tmp_path / 'few.npz')
    main(['reconstruct', str(path), '--out', str(tmp_path / 'out'), '--json'])
    printed = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    assert printed['failures'][0]['error_code'] == 'TOO_FEW_POINTS'


@pytest.mark.parametrize(
    ('arguments', 'code'),
    [
        (['synthesize', 'nothing.obj'], 'FILE_NOT_FOUND'),
        (['synthesize', '{can}', '--hand', 'tentacle'], 'UNKNOWN_HAND'),
        (['synthesize', '{can}', '--hand', '{urdf}'], 'INVALID_URDF'),
        (['synthesize', '{empty}'], 'INVALID_MESH'),
        (['synthesize', '{can}', '--seed-count', '0'], 'OUT_OF_RANGE'),
        (['synthesize', '{can}', '--device', 'abacus'], 'DEVICE_UNAVAILABLE'),
        (['synthesize', '{can}', '--seed-count', 'many'], 'INVALID_INPUT'),
        (['synthesize', '{can}', '--verify', 'soft'], 'INVALID_INPUT'),
        (['synthesize', '{can}', '--piece-threshold', '2'], 'OUT_OF_RANGE'),
        (['synthesize', '{can}', '--out', '.'], 'INVALID_INPUT'),
        (['synthesize', '{can}', '--course', 'course.txt'], 'INVALID_INPUT'),
        (['synthesize', '{can}', '--grasp-type', 'firm'], 'INVALID_INPUT'),
        (['synthesize', '{can}', '--fingers', 'toe', 'link_3.0'], 'UNKNOWN_LINK'),
        (['synthesize', '{can}', '--approach', '0', '0', '-2', '30'], 'OUT_OF_RANGE'),
        (['synthesize', '{can}', '--approach', '0', '0', '-1', '0'], 'OUT_OF_RANGE'),
        (['synthesize', '{can}', '--approach', '0', '0', '-1'], 'INVALID_INPUT'),
        (['synthesize', '{can}', '--hold-region', 'box:1,1,1@5,0,0'], 'INVALID_INPUT'),
        (['synthesize', '{can}', '--hold-region', 'box:1,1@0,0,0'], 'WRONG_SHAPE'),
        (['synthesize', '{can}', '--avoid-region', 'box:a,b,c@0,0,0'], 'INVALID_INPUT'),
        (['synthesize', '{can}', '--avoid-region', 'sphere:1@0,0'], 'INVALID_INPUT'),
        (['synthesize', '{can}', '--avoid-region', 'prism:1@0,0,0'], 'INVALID_INPUT'),
        (['synthesize', '{can}', '--avoid-region', 'sphere:nan'], 'OUT_OF_RANGE'),
        (['hand', '{urdf}'], 'INVALID_URDF'),
        (['hand', 'allegro', '--root', 'tail'], 'UNKNOWN_LINK'),
        (['hand', 'allegro', '--png', 'hand'], 'INVALID_INPUT'),
        (['view', '{can}'], 'INVALID_INPUT'),
        (['view', '{can}', '--count', '0'], 'OUT_OF_RANGE'),
        (['paint', '{can}'], 'INVALID_INPUT'),
        ([], 'INVALID_INPUT'),
        (['demo', '--scene', 'nothing.npz', '--headless'], 'FILE_NOT_FOUND'),
    ],
)
def test_wrong_arguments_give_one_coded_line(arguments, code, can, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'broken.urdf').write_text('<robot name="x"><link name=')
    (tmp_path / 'empty.obj').write_text('v 0 0 0\nv 1 0 0\n')
    names = {'can': can, 'urdf': 'broken.urdf', 'empty': 'empty.obj'}
    assert main([a.format(**names) for a in arguments]) == 1
    lines = capsys.readouterr().err.strip().splitlines()
    assert lines[-1].startswith(f'dexgrasp: {code}: ')
    assert 'Traceback' not in '\n'.join(lines)


def test_a_wrong_word_is_answered_with_the_valid_ones(can, capsys):
    assert main(['evaluate', str(can), '--protocol', 'soft']) == 1
    (line,) = capsys.readouterr().err.strip().splitlines()
    for word in ("'soft'", '--protocol', "'fc'", "'hard'", "'tabletop'"):
        assert word in line
    assert main(['paint']) == 1
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert 'paint' in line and 'synthesize, evaluate, reconstruct' in line


@pytest.mark.usefixtures('coarse')
def test_reconstruct_fuses_views(scene, tmp_path, capsys):
    """Two files are two views; so are two images in one file, here the same one twice."""
    with np.load(scene) as file:
        data = dict(file)
    two = {k: np.stack([data[k]] * 2) for k in ('depth', 'seg', 'T_world_cam')}
    np.savez(tmp_path / 'two.npz', K=data['K'], **two)
    printed = []
    for scenes in ([scene, scene], [tmp_path / 'two.npz']):
        arguments = ['reconstruct', *map(str, scenes), '--labels', '1', '--json']
        assert main([*arguments, '--out', str(tmp_path / 'out')]) == 0
        printed.append(json.loads(capsys.readouterr().out.strip().splitlines()[-1]))
        (found,) = printed[-1]['objects']
        assert found['view_count'] == 2 and found['frame_id'] == 'world'
    assert printed[0]['objects'][0]['volume'] == printed[1]['objects'][0]['volume']
    # The table of the demo scene is level in its world.
    plane = printed[0]['objects'][0]['support_plane']
    assert plane[2] == pytest.approx(1.0, abs=0.01)


def test_views_without_a_pose_are_refused(scene, tmp_path, capsys):
    path = changed(scene, tmp_path / 'lost.npz', T_world_cam=None)
    assert main(['reconstruct', str(path), str(path), '--out', str(tmp_path / 'out')]) == 1
    assert 'TRANSFORM_UNAVAILABLE' in capsys.readouterr().err
