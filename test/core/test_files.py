"""Files are whole or not there, even where their writer is killed."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from dexgrasp_ros.core.files import create_bytes, remove_leftovers, replacing, write_bytes
from dexgrasp_ros.core.json_files import read_json, write_json

# Writes half of a file, says so, and goes on when it is told to.
WRITER = """
import sys
from pathlib import Path
from dexgrasp_ros.core.files import replacing
with replacing(Path(sys.argv[1])) as temporary:
    temporary.write_bytes(b'half')
    print('half', flush=True)
    sys.stdin.read()
    temporary.write_bytes(b'whole')
"""


@pytest.fixture
def writer(tmp_path):
    """Start a process in the middle of writing; the file is sub/file."""
    process = subprocess.Popen(
        [sys.executable, '-c', WRITER, str(tmp_path / 'sub' / 'file')],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout.readline() == b'half\n'
    yield process
    process.kill()
    process.communicate()


def files(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.rglob('*') if p.is_file())


def test_a_killed_writer_leaves_no_file_and_nothing_for_ever(tmp_path, writer):
    write_bytes(tmp_path / 'sub' / 'file', b'before')
    writer.kill()
    writer.wait()
    assert len(files(tmp_path)) == 2
    assert (tmp_path / 'sub' / 'file').read_bytes() == b'before'
    remove_leftovers(tmp_path)
    assert files(tmp_path) == ['file']


def test_a_writer_that_nobody_has_waited_for_is_dead_all_the_same(tmp_path, writer):
    writer.kill()
    os.waitid(os.P_PID, writer.pid, os.WEXITED | os.WNOWAIT)  # dead, and still in the table
    remove_leftovers(tmp_path)
    assert files(tmp_path) == []


def test_a_file_that_is_being_written_is_left_alone(tmp_path, writer):
    remove_leftovers(tmp_path)
    writer.communicate()
    assert (tmp_path / 'sub' / 'file').read_bytes() == b'whole'
    assert files(tmp_path) == ['file']


def test_a_writer_that_raises_leaves_nothing(tmp_path):
    with pytest.raises(ZeroDivisionError), replacing(tmp_path / 'file') as temporary:
        temporary.write_bytes(b'half')
        raise ZeroDivisionError
    assert files(tmp_path) == []


def test_threads_that_write_the_same_file_do_not_share_a_temporary_one(tmp_path):
    path, written, done = tmp_path / 'file', threading.Event(), threading.Event()

    def write_slowly():
        with replacing(path) as temporary:
            temporary.write_bytes(b'slow')
            written.set()
            done.wait(30)

    thread = threading.Thread(target=write_slowly)
    thread.start()
    written.wait(30)
    write_bytes(path, b'quick')
    assert path.read_bytes() == b'quick'
    remove_leftovers(tmp_path)  # the other one is still written
    done.set()
    thread.join()
    assert path.read_bytes() == b'slow'
    assert os.listdir(tmp_path) == ['file']


def test_only_one_creates_a_file(tmp_path):
    assert create_bytes(tmp_path / 'file', b'first')
    assert not create_bytes(tmp_path / 'file', b'second')
    assert (tmp_path / 'file').read_bytes() == b'first'
    assert files(tmp_path) == ['file']


def test_numbers_in_json_come_back_as_they_were(tmp_path):
    content = {'x': [0.1, 1 / 3, -1e-17], 'word': 'ε'}
    write_json(tmp_path / 'a.json', content)
    write_json(tmp_path / 'b.json', content)
    assert read_json(tmp_path / 'a.json') == content
    assert (tmp_path / 'a.json').read_bytes() == (tmp_path / 'b.json').read_bytes()
