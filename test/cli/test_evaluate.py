"""``dexgrasp evaluate``: what it prints, writes and refuses."""

from __future__ import annotations

import json

import numpy as np
import pytest
import trimesh
from in_process import shaken_here
from own_cache import make_cache
from toy_hands import LID_OPEN, RADIUS, cage_urdf, grasp_set

from dexgrasp_ros.cli import main
from dexgrasp_ros.core.grasp_set import GraspSet
from dexgrasp_ros.hand import load_hand_text


@pytest.fixture(scope='module')
def files(tmp_path_factory):
    """A sphere, and two grasps of it by a cage: one shut, one open."""
    folder = tmp_path_factory.mktemp('evaluate')
    trimesh.creation.icosphere(subdivisions=2, radius=RADIUS).export(folder / 'ball.obj')
    grasps = grasp_set(
        load_hand_text(cage_urdf()),
        [0, 0, 0, 0, 0, 0, 1.0],
        [[0.001], [LID_OPEN]],
        pregrasp=[[LID_OPEN]] * 2,
        squeeze=[[0.0], [LID_OPEN]],
    )
    grasps.save(folder / 'grasps.npz')
    return folder


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv('XDG_CACHE_HOME', str(make_cache(tmp_path)))


@pytest.fixture(autouse=True)
def in_this_process():
    with shaken_here():
        yield


def test_evaluate_prints_and_writes(files, tmp_path, capsys):
    out = tmp_path / 'deep' / 'result.npz'
    arguments = ['evaluate', str(files / 'grasps.npz'), '--object', str(files / 'ball.obj')]
    assert main([*arguments, '--json', '--out', str(out)]) == 0
    printed = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    assert printed['summary']['held'] == 1
    assert printed['summary']['causes'] == {'held': 1, 'direction +z (moved)': 1}
    assert [g['held'] for g in printed['grasps']] == [True, False]
    assert printed['summary']['volume_ratio'] == pytest.approx(1.0, abs=0.05)
    again = GraspSet.load(out)
    np.testing.assert_allclose(again.epsilon, [g['epsilon'] for g in printed['grasps']])


def test_nothing_of_the_table_is_cut_off_in_a_narrow_window(files, monkeypatch, capsys):
    monkeypatch.setenv('COLUMNS', '80')
    arguments = ['evaluate', str(files / 'grasps.npz'), '--object', str(files / 'ball.obj')]
    assert main(arguments) == 0
    text = capsys.readouterr().out
    assert '1 of 2 held' in ' '.join(text.split())
    assert '…' not in text


def test_a_seed_of_the_perturbation_implies_it(files, capsys):
    arguments = ['evaluate', str(files / 'grasps.npz'), '--object', str(files / 'ball.obj')]
    assert main([*arguments, '--perturb-seed', '3', '--json']) == 0
    summary = json.loads(capsys.readouterr().out.strip().splitlines()[-1])['summary']
    assert summary['perturbation']['random_seed'] == 3


def test_the_threshold_of_the_pieces_is_passed_on(files, capsys):
    arguments = ['evaluate', str(files / 'grasps.npz'), '--object', str(files / 'ball.obj')]
    assert main([*arguments, '--piece-threshold', '0.5', '--json']) == 0
    summary = json.loads(capsys.readouterr().out.strip().splitlines()[-1])['summary']
    assert summary['piece_threshold'] == 0.5


def test_perturb_is_passed_on_with_its_seed(files, capsys):
    arguments = ['evaluate', str(files / 'grasps.npz'), '--object', str(files / 'ball.obj')]
    assert main([*arguments, '--perturb', '--perturb-seed', '7', '--json']) == 0
    summary = json.loads(capsys.readouterr().out.strip().splitlines()[-1])['summary']
    assert summary['perturbation']['random_seed'] == 7
    assert summary['perturbation']['translation'] == 0.003


@pytest.mark.parametrize(
    ('arguments', 'code'),
    [
        (['nothing.npz'], 'FILE_NOT_FOUND'),
        (['{ball}'], 'INVALID_INPUT'),
        (['{grasps}'], 'MISSING_KEY'),
        (['{grasps}', '--object', 'nothing.obj'], 'FILE_NOT_FOUND'),
        (['{grasps}', '--object', '{ball}', '--hand', 'allegro'], 'INVALID_INPUT'),
        (['{grasps}', '--object', '{ball}', '--processes', '0'], 'OUT_OF_RANGE'),
        (['{grasps}', '--object', '{ball}', '--perturb', '--perturb-seed', '-1'], 'OUT_OF_RANGE'),
        (['{grasps}', '--object', '{ball}', '--protocol', 'soft'], 'INVALID_INPUT'),
        (['{grasps}', '--object', '{ball}', '--root', 'base'], 'INVALID_INPUT'),
        (['{grasps}', '--object', '{ball}', '--out', '.'], 'INVALID_INPUT'),
        (['{grasps}', '--object', '{ball}', '--piece-threshold', '0'], 'OUT_OF_RANGE'),
        (['{grasps}', '--object', '{ball}', '--support-plane', *'0020'], 'OUT_OF_RANGE'),
        (['{grasps}', '--object', '{ball}', '--support-plane', *'0000'], 'OUT_OF_RANGE'),
        (['{grasps}', '--object', '{ball}', '--support-plane', *'001', 'nan'], 'OUT_OF_RANGE'),
        (['{other}'], 'MISSING_KEY'),
    ],
)
def test_wrong_arguments_give_one_coded_line(files, arguments, code, capsys):
    np.savez(files / 'other.npz', depth=np.zeros(3))
    names = {n: files / f for n, f in (('ball', 'ball.obj'), ('other', 'other.npz'))}
    names['grasps'] = files / 'grasps.npz'
    assert main(['evaluate', *(a.format(**names) for a in arguments)]) == 1
    lines = capsys.readouterr().err.strip().splitlines()
    assert lines[-1].startswith(f'dexgrasp: {code}: ')
    assert 'Traceback' not in '\n'.join(lines)
