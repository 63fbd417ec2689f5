"""``dexgrasp demo --closed-loop`` with nodes that are played, which costs seconds.

What it starts, asks for, waits for, tells and draws. `test_demo.py` has it with the real nodes.
"""

from __future__ import annotations

import contextlib
import json
from types import SimpleNamespace

import numpy as np
import pytest
import trimesh

pytest.importorskip('rclpy')

from action_msgs.msg import GoalStatus
from PIL import Image

from dexgrasp_msgs.action import ExecuteGrasp, SynthesizeGrasps
from dexgrasp_msgs.msg import Grasp, GraspArray, GraspQuality, PhaseTime
from dexgrasp_ros.bridge.attempt import Attempt, Moment
from dexgrasp_ros.bridge.client import GoalReply
from dexgrasp_ros.bridge.geometry import pose_message
from dexgrasp_ros.bridge.sim_objects import sim_objects_message
from dexgrasp_ros.cli import closed_loop, main
from dexgrasp_ros.core.errors import ErrorCode
from dexgrasp_ros.core.poses import compose, invert
from dexgrasp_ros.evaluation.lift import Course, LiftCause
from dexgrasp_ros.hand import link_poses, load_hand
from dexgrasp_ros.simulation import stand_objects

PHASES = {'pregrasp': 2.0, 'grasp': 4.0, 'squeeze': 5.0, 'hold': 6.0, 'lift': 7.0}
RISE = 0.12  # m


class Played:
    """Nodes, client, watch and attempt in one; takes down what it is asked for."""

    def __init__(self, carton, *, lifted: bool) -> None:
        self.hand, self.lifted, self.calls = load_hand('allegro'), lifted, []
        self.standing = stand_objects([carton])
        self.world = sim_objects_message(self.standing, 'world', 0).objects
        self.objects = {o.label: o for o in self.world}
        self.now, self.node = 1.0, SimpleNamespace()

    @contextlib.contextmanager
    def graph(self, **settings):
        settings.pop('log')('[sim_hand_node] A line of its log.')
        self.calls.append(('graph', settings))
        yield {}
        self.calls.append(('end',))

    @contextlib.contextmanager
    def client(self):
        yield self

    def watch(self, node, hand):
        assert node is self.node and hand.name == self.hand.name
        return self

    def wait_until_ready(self, **how):
        self.calls.append(('ready', how['execution']))

    def wait(self, condition, _timeout, _what):
        assert condition()
        self.calls.append(('world',))

    def wait_for_image(self):
        self.calls.append(('image',))

    def synthesize(self, *, timeout, **goal):
        assert timeout > 60
        self.calls.append(('search', goal))
        q = self.hand.preshape.tolist()
        quality = GraspQuality(score=0.9, residual=0.05, penetration=0.0005, contact_count=4)
        grasps = [
            Grasp(
                object_label=1,
                joint_names=list(self.hand.joint_names),
                grasp=q,
                pose=pose_message([0.1 * n, 0, 0.3, 0, 0, 0, 1]),
                quality=quality,
            )
            for n in range(2)
        ]
        result = SynthesizeGrasps.Result(
            grasps=GraspArray(grasps=grasps), timing=[PhaseTime(phase='optimize', seconds=1.5)]
        )
        return GoalReply(status=GoalStatus.STATUS_SUCCEEDED, result=result)

    def attempt(self, client, watch, grasp, *, feedback):
        assert client is watch is self
        assert grasp.pose.position.x == 0.0, 'the best one is tried'
        feedback(ExecuteGrasp.Feedback(phase='lift', fraction=0.5))
        code, status = ErrorCode.SUCCESS, GoalStatus.STATUS_SUCCEEDED
        if not self.lifted:
            code, status = ErrorCode.TRACKING_FAILED, GoalStatus.STATUS_ABORTED
        times = np.linspace(0.0, 12.0, 121)
        poses = np.tile(self.standing[0].pose, (121, 1))
        poses[:, 2] += np.interp(times, [7.0, 8.0], [0.0, RISE if self.lifted else 0.05])
        course = Course(times=times, poses=poses, vertices=self.standing[0].obj.vertices)
        result = ExecuteGrasp.Result(
            error_code=code,
            error_message='' if self.lifted else 'The object is lost.',
            phase='lift',
            timing=[PhaseTime(phase='lift', seconds=2.5)],
        )
        return Attempt(
            reply=GoalReply(status=status, result=result),
            cause=LiftCause.LIFTED if self.lifted else LiftCause.LIFTING,
            course=course,
            phases=PHASES,
            moments=tuple(self.moments(course)),
        )

    def moments(self, course):
        palm = np.array([0, 0, 0.25, 1.0, 0, 0, 0])  # above the carton, facing down
        for name, time in {**PHASES, 'end': 12.0}.items():
            place = course.poses[np.searchsorted(course.times, time)]
            base = compose(palm, invert(self.hand.palm_pose))
            base[2] += place[2] - course.poses[0, 2]
            links = link_poses(self.hand, self.hand.preshape, base)
            yield Moment(name=name, links=links, objects={1: place})


@pytest.fixture
def carton(tmp_path):
    path = tmp_path / 'carton.obj'
    trimesh.creation.box([0.05, 0.06, 0.12]).export(path)
    return path


def play(monkeypatch, carton, tmp_path, *, lifted, options=()):
    """Run the command; return what was asked, printed (JSON) and told."""
    played = Played(carton, lifted=lifted)
    monkeypatch.setattr(closed_loop, 'start_graph', played.graph)
    monkeypatch.setattr(closed_loop, 'GraspClient', played.client)
    monkeypatch.setattr(closed_loop, 'SimulationWatch', played.watch)
    monkeypatch.setattr(closed_loop, 'attempt_grasp', played.attempt)
    command = ['demo', '--closed-loop', '--headless', '--object', str(carton)]
    assert main([*command, '--out', str(tmp_path / 'out'), *options]) == 0
    return played.calls


def test_it_starts_the_graph_and_asks_for_the_best_grasp(monkeypatch, carton, tmp_path, capsys):
    options = ['--seed-count', '64', '--max-grasps', '4', '--random-seed', '3', '--device', 'cpu']
    calls = play(
        monkeypatch, carton, tmp_path, lifted=True, options=[*options, '--label', '1', '--json']
    )
    started = {
        'hand': 'allegro',
        'device': 'cpu',
        'closed_loop': True,
        'viewer': False,
        'parameters': {'sim_hand_node': {'objects': str(carton), 'random_seed': 3}},
    }
    goal = {'label': 1, 'max_grasps': 4, 'seed_count': 64, 'random_seed': 3}
    assert calls == [
        ('graph', started),
        ('ready', True),
        ('world',),
        ('image',),
        ('search', goal),
        ('end',),
    ]
    printed = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    (found,) = printed['grasps']
    assert (found['label'], found['count'], len(found['grasps'])) == (1, 2, 2)
    assert printed['lifted'] is True and printed['cause'] == 'lifted'
    assert printed['timing']['optimize'] == 1.5 and printed['timing']['demo'] > 0
    execution = printed['execution']
    assert (execution['label'], execution['error_code']) == (1, 0)
    assert execution['phases'] == {'lift': 2.5}
    assert execution['height'] == pytest.approx(RISE, abs=2e-3)
    picture = tmp_path / 'out' / 'closed_loop.png'
    assert printed['pictures'] == [str(picture)]
    assert 'A line of its log' in (tmp_path / 'out' / 'nodes.log').read_text()
    # The blue object is higher in the last panel than in the first.
    heights = blue_heights(picture)
    assert len(heights) == 4 and heights[-1] < heights[0] - 30


def blue_heights(path):
    """Mean row of the blue object in each of the four panels."""
    picture = np.asarray(Image.open(path)).astype(float)
    heights = []
    for panel in np.array_split(picture, 4, axis=1):
        red, _, blue = np.moveaxis(panel, 2, 0)
        rows = np.nonzero(blue - red > 30)[0]
        assert len(rows) > 300
        heights.append(rows.mean())
    return heights


@pytest.mark.parametrize(
    ('lifted', 'told'),
    [
        (True, ['lifted: carton was at least 8 cm above the table for 3 s', 'in the end 12.0 cm']),
        (
            False,
            [
                'execute_grasp ended in lift: The object is lost.',
                'dropped: lost in lift; carton was 5.0 cm above the table at most',
            ],
        ),
    ],
)
def test_it_tells_how_it_ended(monkeypatch, carton, tmp_path, capsys, lifted, told):
    monkeypatch.setenv('COLUMNS', '300')
    captions = []

    def draw(*_, **options):
        captions.extend(options['captions'])
        return np.zeros((4, 4, 3), np.uint8)

    monkeypatch.setattr(closed_loop, 'render_moments', draw)
    play(monkeypatch, carton, tmp_path, lifted=lifted)
    text = capsys.readouterr().out
    assert 'on the table: carton.' in text and 'closed_loop.png' in text
    for words in told:
        assert words in text
    assert captions == ['the object is seen', 'pre-grasp', 'held',
                        'lifted' if lifted else 'lost in lift']  # fmt: skip
