"""Interrupts at any moment, streams that are closed, and streams without arrows."""

from __future__ import annotations

import io
import subprocess
import sys

import pytest

from dexgrasp_ros import cli
from dexgrasp_ros.core.errors import DeviceError, DexGraspWarning


def raiser(error, cause=None):
    def fail(*_):
        raise error from cause

    return fail


@pytest.mark.parametrize(
    'fail',
    [
        raiser(KeyboardInterrupt()),
        raiser(DeviceError('Open3D cannot be imported'), KeyboardInterrupt()),
        raiser(DeviceError('Open3D cannot be imported'), ImportError('KeyboardInterrupt: <>')),
        raiser(ImportError('KeyboardInterrupt: at line 7')),
        raiser(SystemError('initialization failed'), KeyboardInterrupt()),
    ],
)
def test_an_interrupt_while_the_command_loads_is_one_line(fail, capsys, monkeypatch):
    monkeypatch.setattr(cli, '_commands', fail)
    assert cli.main(['hand', 'allegro']) == 130
    assert capsys.readouterr() == ('', 'dexgrasp: interrupted\n')


def test_other_failures_are_no_interrupts(monkeypatch):
    monkeypatch.setattr(cli, '_commands', raiser(ImportError('no such library')))
    with pytest.raises(ImportError, match='no such library'):
        cli.main(['hand', 'allegro'])


@pytest.mark.parametrize('encoding', ['ascii', 'latin-1'])
def test_what_a_stream_cannot_write_is_a_question_mark(encoding, monkeypatch):
    def say():
        print('θ → 90°')

    monkeypatch.setattr(cli, '_commands', lambda: (say,))
    monkeypatch.setattr(sys, 'stdout', io.TextIOWrapper(io.BytesIO(), encoding=encoding))
    assert cli.main(['say']) == 0
    assert sys.stdout.buffer.getvalue().decode(encoding).startswith('? ? 90')


def test_warnings_are_the_commands_own_and_those_of_libraries_are_not_shown(capfd, monkeypatch):
    """What came raw: warnings, and the log of a library that nobody reads."""

    def doubt():
        import logging
        import warnings

        import numpy as np

        warnings.warn('kernels cannot be kept', DexGraspWarning, stacklevel=2)
        with warnings.catch_warnings():
            warnings.simplefilter('default')  # as Warp does
            warnings.warn('this will be removed in 2.0', UserWarning, stacklevel=2)
        np.float64(1.0) / np.zeros(1)
        logging.getLogger('trimesh').warning('face_normals all zero, ignoring!')

    monkeypatch.setattr(cli, '_commands', lambda: (doubt,))
    assert cli.main(['doubt']) == 0
    assert capfd.readouterr().err == 'dexgrasp: warning: kernels cannot be kept\n'


def test_help_that_nobody_reads_to_its_end_is_no_error():
    command = [sys.executable, '-m', 'dexgrasp_ros.cli', 'synthesize', '--help']
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.stderr.read() == b''
    assert process.returncode == 141
