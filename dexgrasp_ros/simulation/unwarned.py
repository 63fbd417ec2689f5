"""Keeping what MuJoCo writes about simulations that blow up from terminal and present folder."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from threading import Lock


class _Silence:
    """MuJoCo has one handler of warnings for the process; it is put aside while it is in use."""

    def __init__(self) -> None:
        self._lock, self._users = Lock(), 0
        self._before: Callable[[str], None] | None = None

    def begin(self) -> None:
        import mujoco

        with self._lock:
            if not self._users:
                self._before = mujoco.get_mju_user_warning()
                mujoco.set_mju_user_warning(lambda _warning: None)
            self._users += 1

    def end(self) -> None:
        import mujoco

        with self._lock:
            self._users -= 1
            if not self._users:
                mujoco.set_mju_user_warning(self._before)


_silence = _Silence()


@contextlib.contextmanager
def unwarned() -> Iterator[None]:
    """Let MuJoCo's warnings be unheard meanwhile, in all threads of the process.

    Whoever steps a simulation looks at its numbers. Without a handler MuJoCo writes to the
    terminal and to a file in the present folder. Where several threads are in here, the last one
    to leave puts the handler back that was there before the first.
    """
    _silence.begin()
    try:
        yield
    finally:
        _silence.end()
