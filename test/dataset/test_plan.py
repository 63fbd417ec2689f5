"""Units of work are the same on every machine, and no two machines have the same one."""

from __future__ import annotations

import hashlib
import itertools

import pytest

from dexgrasp_ros.core.config import SynthesisConfig
from dexgrasp_ros.core.errors import InputError
from dexgrasp_ros.dataset.config import DatasetConfig, derive_seed
from dexgrasp_ros.dataset.generation.plan import plan_units, split_count
from dexgrasp_ros.dataset.schema import FREE
from dexgrasp_ros.dataset.work.shares import take_share

HANDS, OBJECTS = ('allegro', 'barrett'), ('box', 'can', 'mug')
CONFIG = DatasetConfig(shard_size=100)


def test_every_grasp_that_is_wanted_is_in_one_unit():
    units = plan_units(HANDS, OBJECTS, 250, CONFIG)
    assert [u.count for u in units[:3]] == [100, 100, 50]
    assert len({u.name for u in units}) == len(units) == 2 * 3 * 3
    for hand, name in itertools.product(HANDS, OBJECTS):
        assert sum(u.count for u in units if (u.hand, u.object) == (hand, name)) == 250


@pytest.mark.parametrize('machines', [1, 2, 3, 7, 40])
def test_machines_share_all_units_and_no_unit_twice(machines):
    units = plan_units(HANDS, OBJECTS, 250, CONFIG)
    shares = [take_share(units, k, machines) for k in range(machines)]
    names = [unit.name for share in shares for unit in share]
    assert sorted(names) == sorted(u.name for u in units)
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_a_unit_stays_the_same_when_more_grasps_hands_and_objects_come():
    few = plan_units(HANDS, OBJECTS, 200, CONFIG)
    many = plan_units((*HANDS, 'shadow'), ('apple', *OBJECTS), 400, CONFIG)
    assert set(few) <= set(many)


@pytest.mark.parametrize(('index', 'count'), [(2, 2), (-1, 2), (0, 0)])
def test_a_machine_that_is_not_there_is_refused(index, count):
    with pytest.raises(InputError, match="'shard_index'"):
        take_share(plan_units(HANDS, OBJECTS, 10, CONFIG), index, count)


def test_grasps_are_split_over_free_object_and_resting_poses():
    assert split_count(100, 3, 0.5) == {FREE: 50, 0: 17, 1: 17, 2: 16}
    assert split_count(100, 0, 0.5) == {FREE: 100}, 'it never came to rest'
    assert split_count(100, 2, 1.0) == {0: 50, 1: 50}
    assert split_count(1, 4, 0.0) == {FREE: 1}


def test_seeds_are_those_of_the_parts_and_of_nothing_else():
    seeds = {derive_seed(*parts) for parts in itertools.product(range(2), 'ab', range(50))}
    assert len(seeds) == 200 and all(0 <= s < 2**31 for s in seeds)
    digest = hashlib.sha256(b'0\0allegro\0ab\0001\0-1\0000').hexdigest()
    assert derive_seed(0, 'allegro', 'ab', 1, -1, 0) == int(digest[:8], 16) // 2
    assert derive_seed('a', 'b') != derive_seed('ab', '')


def test_the_digest_is_that_of_what_decides_the_content():
    base = DatasetConfig()
    same = DatasetConfig(search=SynthesisConfig(iterations=SynthesisConfig().iterations))
    others = [
        DatasetConfig(random_seed=1),
        DatasetConfig(settled_share=0.4),
        DatasetConfig(search=SynthesisConfig(iterations=199)),
    ]
    assert same.digest == base.digest
    assert len({base.digest, *(c.digest for c in others)}) == 4
    assert others[2].as_dict()['search']['iterations'] == 199


@pytest.mark.parametrize('wrong', [{'random_seed': 3}, {'device': 'cpu'}, {'max_grasps': 5}])
def test_the_search_does_not_decide_what_the_plan_does(wrong):
    with pytest.raises(InputError, match=f"'search.{next(iter(wrong))}'"):
        DatasetConfig(search=SynthesisConfig(**wrong))
