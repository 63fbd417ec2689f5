"""Ctrl-C ends a command within two seconds, also while a library computes."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from dexgrasp_ros.core.convex_pieces import convex_pieces
from dexgrasp_ros.core.errors import ErrorCode, SynthesisError

# Stands for a library that computes for minutes; a child stands for a worker.
PROGRAM = """
import hashlib, subprocess, sys
from dexgrasp_ros import cli
def work(*_):
    child = subprocess.Popen(['sleep', '60'], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    print(child.pid, flush=True)
    hashlib.pbkdf2_hmac('sha256', b'', b'', 10**9)
cli._run = work
sys.exit(cli.main())
"""


def test_a_command_ends_and_leaves_nobody_behind():
    process = subprocess.Popen(
        [sys.executable, '-c', PROGRAM],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Where the tests run in the background, children would not hear Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    child = Path('/proc', process.stdout.readline().strip())
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=30)  # its work would take minutes
    assert (process.returncode, told) == (130, 'dexgrasp: interrupted\n')
    until = time.monotonic() + 30
    while child.exists() and 'Z' not in (child / 'stat').read_text().rpartition(')')[2]:
        assert time.monotonic() < until, 'the child has not ended'
        time.sleep(0.02)


# The thread that watches wakes once the block is over: the program keeps the interpreter.
ORDERLY = """
import os, signal, sys, time
from dexgrasp_ros.cli import interrupts
interrupts.end_soon_when_interrupted()
sys.setswitchinterval(1.0)
with interrupts.stop_flag() as is_stopped:
    os.kill(os.getpid(), signal.SIGINT)
    while not is_stopped():
        pass
time.sleep(2.0)  # an orderly end that takes its time
print('ended')
"""


def test_ctrl_c_that_ends_work_in_order_is_no_interrupt():
    done = subprocess.run(
        [sys.executable, '-c', ORDERLY],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, 'ended\n', '')


def test_cutting_a_mesh_can_be_cancelled(tmp_path):
    """A ring that CoACD cuts for seconds; nothing of it stays behind, nothing is stored."""
    import trimesh

    ring = trimesh.creation.torus(0.04, 0.01)
    asked = []

    def should_stop():
        asked.append(None)
        return len(asked) > 3

    with pytest.raises(SynthesisError) as caught:
        convex_pieces(
            np.array(ring.vertices),
            np.array(ring.faces),
            cache=tmp_path,
            should_stop=should_stop,
        )
    assert caught.value.code == ErrorCode.CANCELLED
    assert not list(tmp_path.iterdir())
