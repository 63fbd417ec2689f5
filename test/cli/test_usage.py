"""What is said of a wrong command line."""

from __future__ import annotations

import io
import sys

import pytest

from dexgrasp_ros.cli import main


@pytest.fixture(params=['utf-8', 'ascii'])
def told(request, monkeypatch):
    """Give what a wrong command line is answered, where the output has lines, or not."""

    def answer(*words: str) -> str:
        output = io.TextIOWrapper(io.BytesIO(), encoding=request.param)
        monkeypatch.setattr(sys, 'stdout', output)
        monkeypatch.setattr(sys, 'stderr', io.StringIO())
        assert main(list(words)) == 1
        return sys.stderr.getvalue()

    return answer


def test_options_that_may_have_been_meant_are_named_and_no_more(told):
    assert told('synthesize', 'x.obj', '--seed', '3') == (
        'dexgrasp: INVALID_INPUT: Unrecognized options: --seed, 3. Perhaps you meant:'
        ' --random-seed, --seed-count, --seed-distance-max, --seed-distance-min, --seed-draws.'
        ' For full helptext, run dexgrasp --help\n'
    )


def test_what_is_missing_is_said_with_what_it_is(told):
    sentence = told('synthesize')
    assert 'Missing from dexgrasp synthesize: PATH Object: .obj, .stl' in sentence
    assert sentence.endswith('For full helptext, run: dexgrasp synthesize --help\n')


def test_a_wrong_value_is_told_with_its_option(told):
    assert told('synthesize', 'x.obj', '--max-grasps', 'many') == (
        'dexgrasp: INVALID_INPUT: Error parsing --max-grasps: invalid literal for int() with base'
        " 10: 'many'. Argument helptext: --max-grasps INT grasps returned at most (default: 16)."
        ' For full helptext, see dexgrasp --help\n'
    )


def test_a_wrong_command_is_answered_with_the_right_ones(told):
    sentence = told('synthezise')
    assert 'Unrecognized options: synthezise. Available subcommands: demo, synthesize,' in sentence
    assert '-' not in sentence.replace('--help', '') and '\u2502' not in sentence
