"""`benchmark/latency.py` at its smallest: a real graph, two goals."""

from __future__ import annotations

import importlib.util
from pathlib import Path

PROGRAM = Path(__file__).resolve().parents[2] / 'benchmark' / 'latency.py'


def test_phases_add_up_to_what_the_client_waits(ros_domain, scene, tmp_path, capsys):
    spec = importlib.util.spec_from_file_location('latency', PROGRAM)
    latency = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(latency)
    out = tmp_path / 'latency.md'
    latency.main(scene, max_grasps=2, seed_count=16, repeats=2, device='cpu', out=out)
    assert out.read_text() in capsys.readouterr().out + '\n'
    rows = [row.split('|')[1:3] for row in out.read_text().splitlines()[4:]]
    median = {name.strip(): float(value) for name, value in rows}
    assert median.pop('grasps') >= 1
    whole = median.pop('**goal to result**')
    # The image is older than the goal by a frame of the camera at most, or was taken after it.
    assert 0.0 < median.pop('**image to `grasps`**') < whole + 5.0
    assert {'object', 'seeds', 'optimize', 'finish', 'transport, waiting'} <= set(median)
    # With two goals the median is the mean, so that phases add up, but for rounding.
    assert abs(sum(median.values()) - whole) < 0.001 * (len(median) + 1)
    assert median['transport, waiting'] >= 0.0
