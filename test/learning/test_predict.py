"""From a rendered frame to grasps by the model of the package, on the command line and without."""

from __future__ import annotations

import dataclasses
import importlib.util
import json

import numpy as np
import pytest
import trimesh

from dexgrasp_ros.cli import main
from dexgrasp_ros.core.errors import ErrorCode, InputError, SynthesisError
from dexgrasp_ros.core.grasp_set import GraspSet
from dexgrasp_ros.learning import predictor as prediction
from dexgrasp_ros.learning.hand_tokens import anchor_places
from dexgrasp_ros.learning.predict import predict_frame, predict_points
from dexgrasp_ros.learning.predictor import load_predictor
from dexgrasp_ros.perception.seen_points import see_points
from dexgrasp_ros.simulation.bodies import Body
from dexgrasp_ros.simulation.cameras import PinholeCamera
from dexgrasp_ros.simulation.depth_camera import render_depth_frame


@pytest.fixture(scope='module')
def frame():
    """Two boxes on a table, and a third label of a few pixels."""
    parts = [((0.05, 0.05, 0.1), (0.0, 0.0, 0.05), 3), ((0.06, 0.04, 0.06), (0.2, 0.0, 0.03), 5)]
    parts.append(((1.0, 1.0, 0.02), (0.0, 0.0, -0.01), 0))
    bodies = []
    for extents, place, label in parts:
        box = trimesh.creation.box(extents).apply_translation(place)
        bodies.append(Body(vertices=box.vertices, faces=box.faces, label=label))
    camera = PinholeCamera.looking_at((-0.4, -0.3, 0.4), (0.08, 0.0, 0.03), width=320, height=240)
    made = render_depth_frame(bodies, camera, colors=False)
    labels = made.labels.copy()
    labels[:3, :3] = 9
    return dataclasses.replace(made, labels=labels)


@pytest.fixture(scope='module')
def scene_file(frame, tmp_path_factory):
    path = tmp_path_factory.mktemp('scene') / 'frame.npz'
    np.savez(path, depth=frame.depth, seg=frame.labels, K=frame.intrinsics)
    return path


@pytest.fixture(scope='module')
def predictor():
    return load_predictor()


def test_points_of_a_label_its_table_and_its_neighbours(frame):
    found = see_points(frame, labels=[3, 9])
    (box,) = found.seen
    assert box.label == 3 and found.failures[9].code == ErrorCode.TOO_FEW_POINTS
    world = np.linalg.inv(frame.T_world_cam)
    up = world[:3, :3] @ [0.0, 0.0, 1.0]
    np.testing.assert_allclose(box.support_plane[:3], up, atol=0.01)
    there = box.points @ frame.T_world_cam[:3, :3].T + frame.T_world_cam[:3, 3]
    assert np.abs(there[:, :2]).max() < 0.028 and 0.0 < there[:, 2].min()
    around = box.around @ frame.T_world_cam[:3, :3].T + frame.T_world_cam[:3, 3]
    assert (around[:, 0] > 0.16).any() and (np.abs(around[:, 2]) < 0.005).any()


def test_grasps_of_every_label_repeat_and_keep_off_the_table(frame, predictor, hands):
    hand = hands['barrett'].hand
    found, again = (predict_frame(frame, hand, predictor, max_grasps=4) for _ in range(2))
    assert found.failures.keys() >= {9}
    for one, other in zip(found.objects, again.objects, strict=True):
        np.testing.assert_array_equal(one.grasps.grasp, other.grasps.grasp)
        grasps = one.grasps
        assert (grasps.grasp >= hand.lower).all() and (grasps.grasp <= hand.upper).all()
        assert (np.diff(grasps.score) <= 0).all() and (grasps.score <= 1.0).all()
        places = anchor_places(hands['barrett'], grasps.grasp, grasps.base_pose)
        plane = grasps.support_plane
        assert (places @ plane[:3] + plane[3] > -0.004).all()


def test_the_camera_may_stand_anywhere(frame, predictor, hands):
    """Grasps move with what was seen: the view has a frame of its own."""
    (seen,) = see_points(frame, labels=[3]).seen
    here = predict_points(seen, hands['barrett'], predictor, 4)
    shift = np.array([0.0, 0.0, 0.2])  # along the optical axis of a camera that is elsewhere
    moved = dataclasses.replace(
        seen,
        points=seen.points + shift,
        around=seen.around + shift,
        support_plane=np.append(
            seen.support_plane[:3], seen.support_plane[3] - seen.support_plane[:3] @ shift
        ),
    )
    there = predict_points(moved, hands['barrett'], predictor, 4)
    apart = there.grasps.base_pose[:, :3] - here.grasps.base_pose[:, :3]
    assert np.linalg.norm(np.median(apart, axis=0) - shift) < 0.05


def test_hands_that_were_not_trained_get_a_word(frame, predictor, hands):
    (seen,) = see_points(frame, labels=[3]).seen
    other = dataclasses.replace(
        hands['barrett'], hand=dataclasses.replace(hands['barrett'].hand, digest='x')
    )
    found = predict_points(seen, other, predictor, 2)
    assert any('trained on the hands' in warning for warning in found.warnings)


def test_what_no_hand_can_do_is_no_grasp(frame, predictor, hands, monkeypatch):
    (seen,) = see_points(frame, labels=[3]).seen
    sunk = dataclasses.replace(
        seen, support_plane=seen.support_plane - np.array([0.0, 0.0, 0.0, 5.0])
    )
    with pytest.raises(SynthesisError) as caught:
        predict_points(sunk, hands['barrett'], predictor, 2)
    assert caught.value.code == ErrorCode.NO_GRASP_FOUND
    monkeypatch.setattr(prediction, 'MOST', 4)
    with pytest.raises(InputError) as wrong:
        predict_points(seen, hands['barrett'], predictor, 2)
    assert wrong.value.code == ErrorCode.OUT_OF_RANGE


def test_the_command_ends_with_one_object_of_grasps(scene_file, tmp_path, capsys):
    out, png = tmp_path / 'grasps.npz', tmp_path / 'grasps.png'
    words = ['predict', str(scene_file), '--hand', 'barrett', '--label', '3', '--json']
    words += ['--max-grasps', '3', '--out', str(out), '--png', str(png)]
    assert main(words) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert len(told['grasps']) == len(GraspSet.load(out)) > 0
    assert told['grasps'][0]['label'] == 3 and len(told['grasps'][0]['grasp']) == 4
    assert png.read_bytes().startswith(b'\x89PNG')


def test_the_command_takes_all_labels_and_tells_what_failed(scene_file, tmp_path, capsys):
    out = tmp_path / 'grasps.npz'
    words = ['predict', str(scene_file), '--hand', 'barrett', '--out', str(out)]
    assert main([*words, '--max-grasps', '2']) == 0
    assert {p.name for p in tmp_path.iterdir()} == {'grasps_3.npz', 'grasps_5.npz'}
    assert 'label 9: TOO_FEW_POINTS' in capsys.readouterr().out


@pytest.mark.parametrize(
    ('words', 'code'),
    [
        (['--label', '4'], 'UNKNOWN_LABEL'),
        (['--label', '9'], 'TOO_FEW_POINTS'),
        (['--max-grasps', '0'], 'OUT_OF_RANGE'),
        (['--random-seed', '-1'], 'OUT_OF_RANGE'),
        (['--model', 'nowhere'], 'FILE_NOT_FOUND'),
        (['--hand', 'nobody'], 'UNKNOWN_HAND'),
    ],
)
def test_the_command_answers_with_a_code(scene_file, capsys, words, code):
    hand = [] if '--hand' in words else ['--hand', 'barrett']
    assert main(['predict', str(scene_file), *hand, *words]) == 1
    assert code in capsys.readouterr().err


@pytest.mark.skipif(importlib.util.find_spec('torch') is not None, reason='PyTorch is there')
def test_training_without_pytorch_says_what_to_install(tmp_path, capsys):
    assert main(['train', str(tmp_path), '--out', str(tmp_path / 'out')]) == 1
    assert 'dexgrasp-ros[learning]' in capsys.readouterr().err
