"""`benchmark/throughput.py`, at a size that fits into a test."""

from __future__ import annotations

import pytest
import roofline
import throughput
import trimesh

from dexgrasp_ros import SynthesisConfig, load_hand
from dexgrasp_ros.synthesis.device import resolve_device
from dexgrasp_ros.synthesis.upload import upload_hand


def number(cell: str) -> float:
    return float(cell.split(maxsplit=1)[0].replace(',', ''))


@pytest.mark.slow  # each benchmark searches for seconds; another one runs always
def test_every_table_has_its_rows(tmp_path, monkeypatch, quick_shakes):
    mesh, out = tmp_path / 'can.obj', tmp_path / 'throughput.md'
    trimesh.creation.cylinder(0.03, 0.1).export(mesh)
    # A request of a size that fits, and rates that another test measures.
    monkeypatch.setattr(throughput, '_REQUEST', {'max_grasps': 2, 'seed_count': 8})
    monkeypatch.setattr(throughput, 'copy_bandwidth', lambda _: 1e12)
    monkeypatch.setattr(throughput, 'multiply_rate', lambda _: 1e13)
    options = {'device': 'cpu', 'objects': (mesh,), 'batches': (4, 8), 'sample': 1}
    throughput.main(**options, repeats=1, iterations=60, out=out)
    rows = [
        [cell.strip() for cell in line.strip('|').split('|')]
        for line in out.read_text().splitlines()
        if line.startswith('|') and '---' not in line
    ]
    batches = {row[0]: row[1:] for row in rows}
    for count in ('4', '8'):
        candidates, valid, valid_rate, held, held_rate, memory = batches[count]
        assert number(candidates) > 0 and number(memory) > 100
        for share, rate in ((valid, valid_rate), (held, held_rate)):
            assert 0 <= number(share) <= 100
            assert (number(share) > 0) == (number(rate) > 0) or number(share) < 1
    assert number(batches['8'][1]) + number(batches['4'][1]) > 0, 'nothing was valid'
    assert number(batches['seconds'][0]) > 0
    for kernel in ('find_contacts', 'push_out_object', 'solve_contacts', 'adam_step'):
        size, operations, least, _by, taken, share = batches[f'`{kernel}`']
        assert min(map(number, (size, operations, least, taken))) > 0
        assert 0 <= number(share) < 100, 'nothing is faster than the roofline'


def test_work_grows_with_hands():
    device, config = resolve_device('cpu'), SynthesisConfig(device='cpu')
    small, large = (
        roofline.work_of_iteration(upload_hand(load_hand(name), device), config)
        for name in ('barrett', 'shadow')
    )
    assert small.keys() == large.keys()
    assert all(small[name].bytes < large[name].bytes for name in small)


def test_rates_are_of_this_world():
    device = resolve_device('cpu')
    assert 1e8 < roofline.copy_bandwidth(device, megabytes=16) < 1e13
    assert 1e8 < roofline.multiply_rate(device) < 1e13
