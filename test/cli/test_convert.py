"""``dexgrasp export`` and ``import``: a file of grasps goes out and comes back."""

from __future__ import annotations

import dataclasses

import numpy as np
import trimesh
import yaml
from toy_hands import grasp_set

from dexgrasp_ros.cli import main
from dexgrasp_ros.core.grasp_set import GraspSet
from dexgrasp_ros.hand import load_hand


def test_grasps_go_out_and_come_back(tmp_path, capsys):
    can, out = tmp_path / 'can.obj', tmp_path / 'grasps.npz'
    trimesh.creation.cylinder(0.03, 0.1).export(can)
    hand = load_hand('allegro')
    base = [[0.03, -0.01, 0.1, 0.0, 0.6, 0.0, 0.8], [-0.1, 0.0, 0.02, 0.5, 0.5, -0.5, 0.5]]
    q = hand.preshape + np.outer([0.05, 0.1], np.linspace(0.5, 1.0, len(hand.preshape)))
    made = grasp_set(hand, base, q, pregrasp=q - 0.05, squeeze=q + 0.02)
    dataclasses.replace(made, object_mesh=str(can)).save(out)
    file, again = tmp_path / 'deep' / 'can.yaml', tmp_path / 'again.npz'
    assert main(['export', str(out), '--isaac', str(file)]) == 0
    grasps = GraspSet.load(out)
    written = yaml.safe_load(file.read_text())
    assert len(written['grasps']) == len(grasps) == 2
    options = ['--hand', 'allegro', '--object', str(can), '--out', str(again)]
    assert main(['import', str(file), *options]) == 0
    found = GraspSet.load(again)
    np.testing.assert_allclose(found.base_pose, grasps.base_pose)
    np.testing.assert_allclose(found.grasp, grasps.grasp)
    # Other commands take it.
    assert main(['view', str(again), '--png', str(tmp_path / 'g.png'), '--count', '1']) == 0
    capsys.readouterr()
    assert main(['import', str(file), '--hand', 'barrett']) == 1
    assert 'joint_0.0' in capsys.readouterr().err
