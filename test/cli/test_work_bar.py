"""Progress of long work, in a terminal and in a log."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from dexgrasp_ros.cli import work_bar as module
from dexgrasp_ros.cli.work_bar import pace_text, work_bar


def test_the_rest_takes_as_long_as_the_rate_says():
    assert pace_text(300, 900, 60.0, 'grasps') == '5.0 grasps/s, 0:02:00 left'
    assert pace_text(0, 900, 60.0, 'grasps') == ''


@pytest.mark.parametrize(('done', 'lines'), [((0, 10, 10, 20), 2), ((0, 0), 0)])
def test_a_log_has_a_line_for_each_step_forward(done, lines, monkeypatch):
    monkeypatch.setattr(module, '_LOG_EVERY', -1.0)
    file = io.StringIO()
    with work_bar(Console(file=file, width=200), 'frames') as show:
        for n in done:
            show(n, 20, f'{n} of 20')
    told = [line for line in file.getvalue().splitlines() if line]
    assert len(told) == lines
    assert all('frames/s' in line and 'left' in line for line in told)


def test_a_terminal_has_a_bar():
    file = io.StringIO()
    console = Console(file=file, width=100, force_terminal=True)
    with work_bar(console, 'grasps') as show:
        show(5, 20, '1 of 4 units')
        show(10, 20, '2 of 4 units')
    assert '2 of 4 units' in file.getvalue() and '50 %' in file.getvalue()
