"""`benchmark/lift.py` at its smallest: what is in its file is kept; the long form lifts a box."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import trimesh

pytest.importorskip('rclpy')

import lift

from dexgrasp_msgs.action import ExecuteGrasp, SynthesizeGrasps
from dexgrasp_msgs.msg import Grasp
from dexgrasp_ros.core.errors import DexGraspError, ErrorCode

SETTINGS = {'hands': ('allegro',), 'seed_count': 32, 'max_grasps': 2}


class World:
    """Graph, client and watch in one; each object comes to its own end."""

    now = 5.0

    def __init__(self) -> None:
        self.node, self.object = self, ''

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def wait_until_ready(self, **_):
        pass

    def clear_objects(self):
        pass

    def wait_for_image(self):
        pass

    def reset(self, settings):
        self.object = Path(settings['objects']).stem

    def synthesize(self, **_):
        if self.object == 'd_lost':
            raise DexGraspError('nobody answers', ErrorCode.TIME_LIMIT)
        empty = self.object == 'c_bare'
        grasp = Grasp()
        grasp.header.stamp.sec, grasp.quality.score = 4, 0.5
        result = SynthesizeGrasps.Result(
            error_code=int(ErrorCode.NO_GRASP_FOUND if empty else ErrorCode.SUCCESS)
        )
        result.grasps.grasps = [] if empty else [grasp, grasp]
        return SimpleNamespace(result=result)

    def attempt(self, *_, **limits):
        assert limits == {'speed_scale': 1.0, 'hold_force': 0.0}
        lifted = self.object == 'a_good'
        code = ErrorCode.SUCCESS if lifted else ErrorCode.TRACKING_FAILED
        heights = np.array([0.0, 0.12, 0.11 if lifted else 0.0])
        return SimpleNamespace(
            lifted=lifted,
            cause='lifted' if lifted else 'lost in lift',
            phases={'pregrasp': 1.0},
            course=SimpleNamespace(heights=lambda: heights),
            reply=SimpleNamespace(result=ExecuteGrasp.Result(error_code=int(code))),
        )


@pytest.fixture
def world(monkeypatch):
    world = World()
    monkeypatch.setattr(lift, 'start_graph', lambda **_: contextlib.nullcontext())
    monkeypatch.setattr(lift, 'stand_objects', lambda _: None)
    monkeypatch.setattr(lift, 'GraspClient', lambda: world)
    monkeypatch.setattr(lift, 'SimulationWatch', lambda *_: world)
    monkeypatch.setattr(lift, 'attempt_grasp', world.attempt)
    monkeypatch.setattr(lift, 'moved_by', lambda _course, time: time)
    monkeypatch.setattr(lift, 'draw_attempt', lambda *_: np.zeros((4, 4, 3), np.uint8))
    return world


def test_an_attempt_is_one_line_and_is_not_made_again(world, tmp_path, monkeypatch, capsys):
    for name in ('a_good', 'b_slips', 'c_bare', 'd_lost'):
        (tmp_path / f'{name}.obj').touch()
    out, pictures = tmp_path / 'out' / 'lift.jsonl', tmp_path / 'pictures'
    made = lift.main(tmp_path, **SETTINGS, pictures=pictures, out=out)
    records = {r['object']: r for r in map(json.loads, out.read_text().splitlines())}
    assert {name: r['cause'] for name, r in records.items()} == {
        'a_good': 'lifted',
        'b_slips': 'lost in lift, TRACKING_FAILED',
        'c_bare': lift.NO_GRASP,
        'd_lost': 'TIME_LIMIT',
    }
    good = records['a_good']
    assert (good['hand'], good['random_seed'], good['found']) == ('allegro', 0, 2)
    assert (good['highest'], good['highest_at_end'], good['image_age']) == (0.12, 0.11, 1.0)
    assert sorted(p.stem for p in pictures.iterdir()) == ['allegro_a_good_0', 'allegro_b_slips_0']
    monkeypatch.setattr(lift, '_run', lambda *_: pytest.fail('it was made again'))
    assert lift.main(tmp_path, **SETTINGS, out=out) == made
    assert '| a_good | 1/1 = 100 % |' in capsys.readouterr().out


@pytest.mark.slow
def test_a_real_graph_attempts_what_it_found(ros_domain, tmp_path):
    trimesh.creation.box([0.05, 0.06, 0.12]).export(tmp_path / 'carton.obj')
    out, pictures = tmp_path / 'out' / 'lift.jsonl', tmp_path / 'pictures'
    lift.main(tmp_path, **SETTINGS, pictures=pictures, out=out)
    (record,) = map(json.loads, out.read_text().splitlines())
    assert (record['hand'], record['object'], record['random_seed']) == ('allegro', 'carton', 0)
    # The result and its cause agree, whatever they are; the object was seen and grasped for.
    assert record['lifted'] == (record['cause'] == 'lifted')
    assert record['found'] >= 1 and set(record['phases']) >= {'pregrasp'}
    if record['lifted']:
        assert record['highest'] > 0.08
    assert [p.name for p in pictures.iterdir()] == ['allegro_carton_0.png']


def test_causes_are_counted_by_half(tmp_path, monkeypatch, capsys):
    """Two objects that settings are chosen on, one that is reported on."""
    names = ('005_tomato_soup_can', '025_mug', '013_apple')
    causes = ('lifted', lift.NO_GRASP, 'lost in lift')
    out, records = tmp_path / 'lift.jsonl', []
    for name, cause in zip(names, causes, strict=True):
        (tmp_path / f'{name}.obj').touch()
        key = dict(zip(lift._KEY, ('allegro', name, 0, 32, 0.1, 1.0, 0.0), strict=True))
        records.append(key | {'lifted': cause == 'lifted', 'cause': cause})
    out.write_text('\n'.join(map(json.dumps, records)) + '\n')
    monkeypatch.setattr(lift, '_run', lambda *_: pytest.fail('it was made again'))
    lift.main(tmp_path, **SETTINGS, out=out)
    table = capsys.readouterr().out
    assert '| **tuned half** | 1/2 = 50 % | 9 to 91 % | 1 no grasp |' in table
    assert '| **reporting half** | 0/1 = 0 % | 0 to 79 % | 1 lost in lift |' in table
    assert '| **all** | 1/3 = 33 % |' in table
