"""What is said of a wrong command line."""

from __future__ import annotations

from dexgrasp_ros.cli import main


def test_options_that_may_have_been_meant_are_named_and_no_more(capsys):
    assert main(['synthesize', 'x.obj', '--seed', '3']) == 1
    told = capsys.readouterr().err
    assert told.startswith('dexgrasp: INVALID_INPUT: Unrecognized options: --seed, 3.')
    assert '--random-seed, --seed-count, ' in told
    assert told.count('--seed-count') == 1
    assert len(told) < 400
