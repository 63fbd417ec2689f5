"""`benchmark/latency.py`: what it makes of answers; the long form asks a real graph."""

from __future__ import annotations

import contextlib
import math
from types import SimpleNamespace

import pytest

pytest.importorskip('rclpy')

import latency

from dexgrasp_msgs.action import SynthesizeGrasps
from dexgrasp_msgs.msg import Grasp, GraspArray


def phases_of(page: str) -> dict[str, float]:
    """Medians in the table."""
    rows = [row.split('|')[1:3] for row in page.splitlines()[4:]]
    return {name.strip(): float(value) for name, value in rows}


class Graph:
    """Client and graph in one: publishes grasps of an old and of the asked image, then answers."""

    def __init__(self) -> None:
        self.node, self.asked = self, []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def wait_until_ready(self, **_):
        pass

    def create_subscription(self, _kind, topic, take, _qos):
        assert topic == 'grasps'
        self._take = take

    def get_clock(self):
        return self

    def now(self):
        return SimpleNamespace(nanoseconds=12_500_000_000)

    def synthesize(self, *, feedback, **request):
        self.asked.append(request)
        for best in (math.nan, 0.5):
            feedback(SynthesizeGrasps.Feedback(best_score=best))
        for sec in (9, 10):
            message = GraspArray(grasps=[Grasp(), Grasp()])
            message.header.stamp.sec = sec
            self._take(message)
        timing = {'seeds': 0.25} if len(self.asked) > 2 else {'reconstruct': 1.0, 'seeds': 0.75}
        phases = [SimpleNamespace(phase=p, seconds=s) for p, s in timing.items()]
        result = SimpleNamespace(grasps=message, timing=phases)
        return SimpleNamespace(check=lambda: result)


def test_phases_add_up_to_what_the_client_waits(scene, tmp_path, capsys, monkeypatch):
    graph, out = Graph(), tmp_path / 'latency.md'
    monkeypatch.setattr(latency, 'start_graph', lambda **_: contextlib.nullcontext())
    monkeypatch.setattr(latency, 'GraspClient', lambda: graph)
    latency.main(scene, max_grasps=2, seed_count=16, repeats=2, device='cpu', out=out)
    assert out.read_text() == capsys.readouterr().out
    # The first goal is not timed.
    assert [r['random_seed'] for r in graph.asked] == [0, 1, 2]
    median = phases_of(out.read_text())
    assert median.pop('**image to `grasps`**') == 2.5
    assert median.pop('grasps') == 2
    # One of the two goals went without a reconstruction.
    assert (median['reconstruct'], median['seeds']) == (0.5, 0.5)
    # With two goals the median is the mean, so that phases add up, but for rounding.
    whole = median.pop('**goal to result**')
    assert median.pop('**goal to first grasp**') <= whole
    assert abs(sum(median.values()) - whole) < 0.001 * (len(median) + 1)


def test_all_objects_are_asked_for_at_once(scene, monkeypatch):
    graph = Graph()
    monkeypatch.setattr(latency, 'start_graph', lambda **_: contextlib.nullcontext())
    monkeypatch.setattr(latency, 'GraspClient', lambda: graph)
    latency.main(scene, max_grasps=2, repeats=1, every=True)
    assert {r['label'] for r in graph.asked} == {SynthesizeGrasps.Goal.LABEL_ALL}


@pytest.mark.slow
def test_a_real_graph_has_all_phases(ros_domain, scene, tmp_path):
    out = tmp_path / 'latency.md'
    latency.main(scene, max_grasps=2, seed_count=16, repeats=2, device='cpu', out=out)
    median = phases_of(out.read_text())
    assert median.pop('grasps') >= 1
    whole = median.pop('**goal to result**')
    assert 0.0 < median.pop('**goal to first grasp**') <= whole
    # The image is older than the goal by a frame of the camera at most, or was taken after it.
    assert 0.0 < median.pop('**image to `grasps`**') < whole + 5.0
    assert {'object', 'seeds', 'optimize', 'finish', 'transport, waiting'} <= set(median)
    assert abs(sum(median.values()) - whole) < 0.001 * (len(median) + 1)
    assert median['transport, waiting'] >= 0.0
