"""Whether messages from this machine can still reach this process.

Between processes of one machine Fast DDS hands messages over in shared memory, at a *port*: a file
for each participant, found by its name. If a process stands still for a second or more, others
take its port for dead, remove it and make another one; once it goes on it is to do the same. Both
at once may end with the process listening at a file that has no name any more (the lock that keeps
them apart is a file as well, and is removed with the port). Nothing comes then, for good, while
discovery, which is UDP, and all that it sends itself go on. Whoever empties /dev/shm, as systemd's
RemoveIPC does at a logout, has the same effect for all who come later.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
import time
from pathlib import Path

_FOLDER, _DELETED = '/dev/shm/', ' (deleted)'
_LOCK = re.compile(rf'{_FOLDER}(fast(?:rtps|dds)_port\d+)_el(?:{re.escape(_DELETED)})?')
_PERIOD = 1.0  # s between two looks
_BEGUN_ANEW = 'DEXGRASP_ROS_BEGUN_ANEW'  # outlives `exec`
_LOOKS = 3  # in a row that find a port lost; while it is made anew it may be so for a moment


class PortWatch:
    """Looks now and then for ports of this process that have lost their name.

    Attributes
    ----------
    lost
        Names of those that had at the last look.
    """

    def __init__(self) -> None:
        self.lost: set[str] = set()
        self._own: set[str] = set()
        self._looks, self._next = 0, 0.0

    def is_deaf(self) -> bool:
        """Whether a port is lost for good; False where there is no /proc to look at."""
        now = time.monotonic()
        if now >= self._next and self._looks < _LOOKS:
            self._next = now + _PERIOD
            self._own |= own_ports()
            self.lost = lost_ports(self._own)
            self._looks = self._looks + 1 if self.lost else 0
        return self._looks >= _LOOKS


def times_begun_anew() -> int:
    """How often this process has taken a new port by running its command line anew."""
    process, _, count = os.environ.get(_BEGUN_ANEW, '').partition(':')
    return int(count) if process == str(os.getpid()) else 0  # what it started has its own


def begin_anew() -> None:
    """Run this process's command line anew, which makes another port; does not return."""
    os.environ[_BEGUN_ANEW] = f'{os.getpid()}:{times_begun_anew() + 1}'
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def own_ports() -> set[str]:
    """Names of the ports that this process listens at: it holds their locks."""
    names = set()
    with contextlib.suppress(OSError):
        for entry in os.scandir('/proc/self/fd'):
            with contextlib.suppress(OSError):  # closed meanwhile
                if found := _LOCK.fullmatch(os.readlink(entry)):
                    names.add(found[1])
    return names


def lost_ports(names: set[str]) -> set[str]:
    """Those of `names` that are mapped into this process, but only as files that were deleted."""
    try:
        maps = Path('/proc/self/maps').read_text(errors='replace')
    except OSError:
        return set()
    mapped = {line[line.index(_FOLDER) :] for line in maps.splitlines() if _FOLDER in line}
    return {n for n in names if _FOLDER + n not in mapped and _FOLDER + n + _DELETED in mapped}
