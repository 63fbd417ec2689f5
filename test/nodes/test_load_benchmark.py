"""`benchmark/load.py`: what it makes of answers; the long form asks a real graph."""

from __future__ import annotations

import contextlib
import os
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip('rclpy')

import load

from dexgrasp_ros.core.depth_frame import DepthFrame
from dexgrasp_ros.core.errors import DexGraspError, ErrorCode


def rows_of(page: str) -> dict[str, list[str]]:
    """Cells behind the first one, by the first."""
    cells = [[c.strip() for c in line.split('|')[1:-1]] for line in page.splitlines()]
    return {row[0].strip('`'): row[1:] for row in cells if row}


class Graph:
    """Client and graph in one: each fifth goal is pre-empted, and the third fails."""

    asked = 0

    def __init__(self, **_) -> None:
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def wait_until_ready(self, **_):
        pass

    def synthesize(self, _goal, **_):
        Graph.asked += 1
        code = ErrorCode.PREEMPTED if Graph.asked % 5 == 0 else None
        code = ErrorCode.INTERNAL if Graph.asked == 3 else code

        def check():
            if code is not None:
                raise DexGraspError('Not this one.', code)

        return SimpleNamespace(check=check)


def test_tables_count_what_failed_and_follow_each_node(frame, tmp_path, capsys, monkeypatch):
    processes = {'grasp_node': SimpleNamespace(pid=os.getpid())}
    monkeypatch.setattr(load, 'start_graph', lambda **_: contextlib.nullcontext(processes))
    monkeypatch.setattr(load, 'GraspClient', Graph)
    monkeypatch.setattr(load, 'make_demo_scene', lambda **_: frame)
    monkeypatch.setattr(Graph, 'asked', 0)
    out = tmp_path / 'load.md'
    load.main(goals=30, clients=2, minutes=0.0, browsers=0, settled=10, out=out)
    assert out.read_text() == capsys.readouterr().out
    rows = rows_of(out.read_text())
    assert rows['failures but by policy'] == ['1']
    assert rows['goals in a row'] == ['23 SUCCESS, 6 PREEMPTED, 1 INTERNAL']
    assert rows['goals of clients'] == ['5 SUCCESS, 1 PREEMPTED']
    assert {'latency, first tenth of the boxes', 'latency, last tenth of the boxes'} <= set(rows)
    moments = ['at the start', 'after 10 goals', 'after the goals', 'after the clients']
    assert rows['node'] == [*moments, 'at the end', 'slope a 100 goals']
    assert len(rows['grasp_node']) == 6
    assert all(float(held) > 0 for held in rows['grasp_node'][:-1])


def test_a_slope_is_that_of_the_line_and_its_interval_holds_it():
    """3 MB a goal, with noise that a line does not explain."""
    noise = np.random.default_rng(1).normal(0.0, 5.0, 200)
    middle, low, _, high = load._slope(3.0 * np.arange(200) + noise).split()
    low, middle, high = (float(n.strip('()')) for n in (low, middle, high))
    assert low < 300.0 < high < low + 6.0
    assert middle == pytest.approx(300.0, abs=3.0)


def test_an_enlarged_frame_is_the_same_scene():
    depth = np.random.default_rng(0).uniform(0.5, 1.0, (480, 640))
    K = np.array([[500.0, 0, 319.5], [0, 500.0, 239.5], [0, 0, 1]])
    frame = DepthFrame(depth=depth, labels=np.zeros(depth.shape, np.int32), intrinsics=K)
    large = load.enlarged(frame)
    assert large.depth.shape == (720, 1280)
    # The middle of a pixel is a corner of the four that it became: half a pixel either way.
    v, u = 200, 300
    ray = np.linalg.solve(frame.intrinsics, [u, v, 1])
    x, y, _ = large.intrinsics @ ray
    assert frame.depth[v, u] == large.depth[int(y), int(x)] == large.depth[int(y) + 1, int(x) + 1]


@pytest.mark.slow
def test_a_real_graph_has_all_nodes(ros_domain, tmp_path):
    out = tmp_path / 'load.md'
    load.main(goals=12, clients=2, minutes=0.0, browsers=1, settled=3, device='cpu', out=out)
    rows = rows_of(out.read_text())
    assert set(load.NODES) <= set(rows)
    assert 'SUCCESS' in rows['goals in a row'][0]
    assert 'A page was sent' in out.read_text()
