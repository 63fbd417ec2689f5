"""Tables as a window of 80 columns shows them."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from dexgrasp_ros.cli.report import evaluation_table, grasp_table

NAN = float('nan')
GRASP = {
    'score': 0.953,
    'residual': 0.0123,
    'penetration': 0.00123,
    'contact_count': 12,
    'position': [-0.123, 0.456, -1.789],
}
DROPPED = {
    'held': False,
    'cause': 'direction +x',
    'motion': 'unstable',
    'displacement': NAN,
    'epsilon': 0.1234,
    'volume': 0.0125,
    'penetration': 0.01234,
    'self_penetration': 0.01567,
    'contact_count': [10, 12, 14],
    'contact_area': [0.001234, 0.012345, 0.123456],
}


@pytest.mark.parametrize(
    ('table', 'words'),
    [
        (
            grasp_table('grasps', [GRASP] * 12),
            ['0.953', '0.0123', '1.23', '-0.123 +0.456 -1.789', 'penetration [mm]'],
        ),
        (
            evaluation_table('grasps', [DROPPED] * 12),
            ['direction', '(unstable)', '0.123', '12.34', '15.67', '10 12 14', '123456', '[mm²]'],
        ),
    ],
    ids=['grasps', 'evaluation'],
)
def test_nothing_is_cut_off_or_torn(table, words):
    page = io.StringIO()
    Console(file=page, width=80).print(table)
    text = page.getvalue()
    assert max(map(len, text.splitlines())) <= 80
    assert '…' not in text
    for word in words:
        assert word in text
