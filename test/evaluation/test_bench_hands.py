"""The torque limits that hands have in DexGraspBench."""

import dataclasses
import math

import numpy as np
import pytest
import trimesh

from dexgrasp_ros import load_hand, load_object
from dexgrasp_ros.core.errors import InputError
from dexgrasp_ros.evaluation.bench_hands import fit_bench_hand, with_bench_limits
from dexgrasp_ros.simulation import PhysicsSettings, build_physics


@pytest.mark.parametrize(('name', 'limit'), [('allegro', math.inf), ('shadow', 3.0)])
def test_hands_have_its_limits(name, limit):
    hand = with_bench_limits(load_hand(name))
    np.testing.assert_array_equal(hand.effort_limits, limit)
    box = trimesh.creation.box((0.02, 0.02, 0.02))
    obj = load_object((box.vertices, box.faces))
    model = build_physics(hand, obj, [box.vertices], PhysicsSettings()).model
    if math.isinf(limit):
        assert not model.actuator_forcelimited.any()
    else:
        np.testing.assert_array_equal(model.actuator_forcerange, [[-limit, limit]] * model.nu)


def test_hands_that_it_does_not_have_are_refused():
    for name in ('barrett', 'allegro_left'):
        assert fit_bench_hand(load_hand(name)) is None
        with pytest.raises(InputError, match=r"no hand '.*'; expected one of 'allegro', 'leap'"):
            with_bench_limits(load_hand(name))


def test_a_locked_joint_stands_where_it_is_locked():
    hand = load_hand('allegro', locked_joints={'joint_9.0': 0.7})
    fit = fit_bench_hand(hand)
    qpos = fit.qpos(hand, [0, 0, 0, 0, 0, 0, 1.0], np.full(15, 0.3))
    np.testing.assert_allclose(qpos[7:], [0.3] * 9 + [0.7] + [0.3] * 6)


def test_a_joint_too_many_makes_it_another_hand():
    hand = load_hand('allegro')
    parents, coordinates = hand.link_parents.copy(), hand.coordinates.copy()
    # The first fingertip turns with the joint below it once more.
    coordinates[hand.link_names.index('link_3.0_tip')] = 3
    assert fit_bench_hand(dataclasses.replace(hand, name='x', coordinates=coordinates)) is None
    assert fit_bench_hand(dataclasses.replace(hand, name='x', link_parents=parents)).palm == 0
