"""A clearing with a robot that is none: a table of objects that do what each test says."""

import threading

import numpy as np
import pytest

pytest.importorskip('rclpy')

import trimesh

from dexgrasp_msgs.action import ClearTable
from dexgrasp_msgs.msg import ClearAttempt, Contact, Grasp, GraspQuality, Object
from dexgrasp_ros.bridge.geometry import header, mesh_message, point, pose_message
from dexgrasp_ros.core.errors import (
    DexGraspError,
    ErrorCode,
    InputError,
    PerceptionError,
    SynthesisError,
)
from dexgrasp_ros.nodes.clearing.choosing import BestGrasp, load_choice
from dexgrasp_ros.nodes.clearing.holding import short_of_squeeze
from dexgrasp_ros.nodes.clearing.memory import AttemptMemory
from dexgrasp_ros.nodes.clearing.parameters import ClearTableParameters
from dexgrasp_ros.nodes.clearing.task import ClearingTask

BOX = trimesh.creation.box((0.05, 0.05, 0.05))
HOME = np.array([0.0, 0.0, 0.6, 0.0, 1.0, 0.0, 0.0])
DOWN = [0.0, 1.0, 0.0, 0.0]
HELD, EMPTY = [0.25, 0.25], [0.6, 0.6]


def box_at(name, place, label=1):
    return Object(
        header=header('world', 10),
        id=name,
        label=label,
        mesh=mesh_message(BOX.vertices + np.asarray(place, dtype=float), BOX.faces),
    )


def grasp_of(name, place, *, aside=0.0, score=0.5):
    """From above; the fingers close by 0.4 rad beyond the touch."""
    x, y, z = place
    poses = [np.array([x + aside, y, z + up, *DOWN]) for up in (0.1, 0.15, 0.2)]
    return Grasp(
        header=header('world', 10),
        object_id=name,
        hand_frame='palm',
        joint_names=['a', 'b'],
        grasp=[0.2, 0.2],
        squeeze=[0.6, 0.6],
        contacts=[Contact(point=point(np.array([x + aside, y, z])))],
        quality=GraspQuality(score=score),
        **dict(zip(('pose', 'pregrasp_pose', 'lift_pose'), map(pose_message, poses), strict=True)),
    )


class Table:
    """Objects by name; `ends` says how attempts on each end, one after the other."""

    def __init__(self, places, **ends):
        self.places = {name: np.asarray(p, dtype=float) for name, p in places.items()}
        self.ends = {name: list(e) for name, e in ends.items()}
        self.pose, self.fingers, self.in_hand = HOME.copy(), [0.0, 0.0], None
        self.executed, self.tried, self.looks = [], [], 0
        self.asides = (0.0, 0.1, 0.2, 0.3, 0.4)

    def look(self):
        self.looks += 1
        return [box_at(n, p, k + 1) for k, (n, p) in enumerate(self.places.items())]

    def search(self, thing, number):
        place = self.places[thing.id]
        return [grasp_of(thing.id, place, aside=a, score=0.9 - a) for a in self.asides]

    def execute(self, grasp, poses=(), *, carry_only=False, open_at_end=False):
        from dexgrasp_msgs.action import ExecuteGrasp

        self.executed.append((grasp.object_id, carry_only, open_at_end, np.array(poses)))
        if len(poses):
            self.pose = np.array(poses)[-1]
        if not carry_only:
            self.tried.append(grasp)
            end = self.ends.get(grasp.object_id, []) or ['take']
            self.end = end.pop(0) if grasp.object_id in self.ends else 'take'
            name = grasp.object_id
            if self.end == 'refuse':
                return ExecuteGrasp.Result(error_code=704, error_message='Blocked.')
            self.fingers = HELD if self.end in ('take', 'drop') else EMPTY
            if self.end == 'push':
                self.places[name] = self.places[name] + [0.1, 0.0, 0.0]
            if self.end == 'roll':
                del self.places[name]
            self.in_hand = name if self.end == 'take' else None
        elif self.end == 'drop' and not open_at_end:
            self.fingers = EMPTY
            self.places[grasp.object_id] = self.places[grasp.object_id] + [0.0, 0.1, 0.0]
        if open_at_end:
            self.fingers = [0.0, 0.0]
            if self.in_hand is not None:
                self.places.pop(self.in_hand)
                self.in_hand = None
        return ExecuteGrasp.Result()


def clearing(table, stop=lambda: False, choice=None, feedback=None, **goal):
    return ClearingTask(
        ClearTable.Goal(**goal),
        ClearTableParameters(),
        table,
        choice or BestGrasp(),
        wrist=lambda frame, hand: table.pose,
        positions=lambda names: np.array(table.fingers),
        report=(lambda m: None) if feedback is None else feedback,
        should_stop=stop,
    )


def outcomes(result):
    return [(r.object_id, r.outcome) for r in result.reports]


def test_all_objects_are_cleared_one_after_the_other():
    table, told = Table({'a': [0, 0, 0], 'b': [0.2, 0, 0]}), []
    result = clearing(table, feedback=told.append).run()
    assert (result.objects, result.cleared, result.attempts, list(result.left)) == (2, 2, 2, [])
    assert {r.outcome for r in result.reports} == {ClearAttempt.CLEARED}
    assert [r.number for r in result.reports] == [1, 2]
    assert {'look', 'search', 'execute', 'check', 'release', 'home'} == {m.phase for m in told}
    assert [m.cleared for m in told][-1] == 1  # the last look decides about the second
    np.testing.assert_array_equal(table.pose, HOME)


def test_an_empty_table_is_a_result():
    result = clearing(Table({})).run()
    assert (result.objects, result.attempts, result.error_code) == (0, 0, 0)


@pytest.mark.parametrize(
    ('end', 'outcome'),
    [('miss', 'nothing_in_hand'), ('push', 'moved'), ('drop', 'dropped'), ('roll', 'moved'),
     ('refuse', 'not_executed')],
)  # fmt: skip
def test_failures_are_told_by_their_kind(end, outcome):
    table = Table({'a': [0, 0, 0]}, a=[end])
    result = clearing(table).run()
    assert result.reports[0].outcome == outcome
    assert result.reports[0].message
    # The hand is open and out of the way after each.
    np.testing.assert_array_equal(table.pose, HOME)
    assert table.fingers == [0.0, 0.0]
    assert result.cleared == (0 if end == 'roll' else 1)


def test_after_three_failures_an_object_is_left_and_the_next_is_taken():
    table = Table({'a': [0, 0, 0], 'b': [0.5, 0, 0]}, a=['miss'] * 9)
    result = clearing(table).run()
    assert sum(name == 'a' for name, _ in outcomes(result)) == 3
    assert ('b', 'cleared') in outcomes(result)
    assert list(result.left) == ['a']
    assert (result.objects, result.cleared, result.attempts) == (2, 1, 4)


def test_the_same_grasp_is_not_tried_again():
    table = Table({'a': [0, 0, 0]}, a=['miss'] * 9)
    clearing(table).run()
    places = [g.pose.position.x for g in table.tried]
    assert len(set(places)) == len(places) == 3


def test_an_object_without_a_grasp_is_left():
    table = Table({'a': [0, 0, 0]})
    table.asides = ()
    result = clearing(table).run()
    assert (result.attempts, list(result.left)) == (0, ['a'])


def test_the_goal_bounds_the_attempts():
    table = Table({'a': [0, 0, 0]}, a=['miss'] * 9)
    assert clearing(table, attempts_per_object=2).run().attempts == 2
    table = Table({'a': [0, 0, 0]}, a=['miss'] * 9)
    assert clearing(table, max_attempts=1).run().attempts == 1


def test_a_camera_that_stops_ends_the_goal_with_what_was_done():
    class Blind(Table):
        def look(self):
            if self.looks == 1:
                raise PerceptionError('No images.', ErrorCode.NO_IMAGES)
            return super().look()

    table = Blind({'a': [0, 0, 0], 'b': [0.3, 0, 0]})
    task = clearing(table)
    with pytest.raises(PerceptionError) as caught:
        task.run()
    result = task.result(caught.value)
    assert (result.attempts, result.error_code) == (1, ErrorCode.NO_IMAGES)
    np.testing.assert_array_equal(table.pose, HOME)


def test_a_hand_that_does_not_get_home_ends_the_goal():
    class Stuck(Table):
        def execute(self, grasp, poses=(), **goal):
            done = super().execute(grasp, poses, **goal)
            if len(poses) and np.allclose(np.array(poses)[-1], HOME):
                done.error_code, done.error_message = int(ErrorCode.TRACKING_FAILED), 'Stuck.'
            return done

    with pytest.raises(DexGraspError, match=r'did not get home: Stuck') as caught:
        clearing(Stuck({'a': [0, 0, 0]})).run()
    assert caught.value.code == ErrorCode.TRACKING_FAILED


def test_a_cancelled_search_ends_at_once():
    stop = threading.Event()

    class Slow(Table):
        def search(self, thing, number):
            stop.set()
            return []

    with pytest.raises(SynthesisError) as caught:
        clearing(Slow({'a': [0, 0, 0]}), stop.is_set).run()
    assert caught.value.code == ErrorCode.CANCELLED


def test_what_is_let_go_is_over_the_place():
    table = Table({'a': [0.1, 0.05, 0.0]})
    clearing(table).run()
    way = next(p for _, carry, opens, p in table.executed if carry and not opens)
    place = ClearTableParameters().place
    # The contacts were 10 cm below the hand.
    np.testing.assert_allclose(way[-1, :3], [place.x, place.y, place.z + 0.1])
    assert (way[:-1, 2] >= 0.3 - 1e-9).all()  # above the lift by `carry_rise`


def test_a_strategy_of_the_user_decides():
    class Last:
        def choose(self, grasps, objects, memory):
            return max(grasps, key=lambda g: g.object_id)

    result = clearing(Table({'a': [0, 0, 0], 'b': [0.2, 0, 0]}), choice=Last()).run()
    assert outcomes(result) == [('b', 'cleared'), ('a', 'cleared')]


def test_a_strategy_that_wants_none_ends_the_work():
    class Never:
        def choose(self, grasps, objects, memory):
            assert grasps
            return None

    result = clearing(Table({'a': [0, 0, 0]}), choice=Never()).run()
    assert (result.attempts, list(result.left), result.error_code) == (0, ['a'], 0)


def test_strategies_are_found_by_name():
    name = 'dexgrasp_ros.nodes.clearing.choosing:BestGrasp'
    assert isinstance(load_choice(name), BestGrasp)
    assert isinstance(load_choice(''), BestGrasp)
    for wrong in ('nowhere:Class', 'dexgrasp_ros:Nothing', 'noclass'):
        with pytest.raises(InputError, match=r'package\.module:Class'):
            load_choice(wrong)


def test_fingers_tell_whether_there_is_something():
    grasp = grasp_of('a', [0, 0, 0])
    assert short_of_squeeze(grasp, np.array([0.2, 0.2])) == 1.0
    assert short_of_squeeze(grasp, np.array([0.6, 0.6])) == 0.0
    assert short_of_squeeze(grasp, np.array([0.4, 0.6])) == pytest.approx(0.25)


def test_an_object_that_failed_comes_later_and_may_be_tried_where_it_went():
    memory = AttemptMemory(0.04, 0.35)
    here, there = box_at('a', [0, 0, 0]), box_at('a', [0.2, 0, 0])
    grasp = grasp_of('a', [0, 0, 0])
    memory.note(here, grasp)
    assert memory.is_tried(here, grasp_of('a', [0, 0, 0], aside=0.02))
    assert not memory.is_tried(here, grasp_of('a', [0, 0, 0], aside=0.06))
    assert memory.is_tried(there, grasp_of('a', [0.2, 0, 0]))
    objects = {'a': here, 'b': box_at('b', [0.3, 0, 0])}
    pair = [grasp, grasp_of('b', [0.3, 0, 0], score=0.45)]
    assert BestGrasp().choose(pair, objects, AttemptMemory(0.04, 0.35)).object_id == 'a'
    assert BestGrasp().choose(pair, objects, memory).object_id == 'b'
    assert BestGrasp().choose([], objects, memory) is None
