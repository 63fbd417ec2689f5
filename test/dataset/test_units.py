"""Units of work: what is shaken a second time."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace

import numpy as np

from dexgrasp_ros.dataset import open_dataset
from dexgrasp_ros.dataset.config import DatasetConfig
from dexgrasp_ros.dataset.generation import units
from dexgrasp_ros.dataset.schema import FREE
from dexgrasp_ros.evaluation import Cause, evaluate
from dexgrasp_ros.object import load_object


def test_a_grasp_whose_batch_had_no_room_is_shaken_again_on_the_cpu(small_dataset, monkeypatch):
    """The same batch would have no room once more."""
    opened = open_dataset(small_dataset.root, 'barrett')
    key = next(key for key in opened.objects if opened.rows(key))
    hand, obj = opened.hand_model, load_object(opened.mesh(key))
    grasps = opened.grasp_set(key, scene=FREE)
    asked = []

    def evaluate_without_room(chosen, *, physics, **options):
        asked.append((physics, len(chosen)))
        found = evaluate(chosen, physics='mujoco', **options)
        if physics == 'mujoco':
            return found
        held, cause = found.held.copy(), found.cause.astype(object)
        held[0], cause[0] = False, Cause.ERROR
        return dataclasses.replace(found, held=held, cause=cause.astype(str))

    monkeypatch.setattr(units, 'evaluate', evaluate_without_room)
    task = SimpleNamespace(config=DatasetConfig(physics='mujoco_warp'), object_key=key, part=0)
    batch = units.Batch(scene=FREE, grasps=grasps, seeds=np.zeros(len(grasps), np.uint32))
    found = units._shake(task, hand, obj, batch)
    assert asked == [('mujoco_warp', len(grasps)), ('mujoco', 1)]
    assert Cause.ERROR not in found.cause
    assert (found.held == (found.cause == Cause.HELD)).all()
