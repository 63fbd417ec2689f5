"""Memory that runs out, on the host or on the device, as an error of the package."""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Iterator

from dexgrasp_ros.core.errors import DeviceError, ErrorCode, reason

# Warp has no class for it: its allocators say the one, CUDA says the other.
_WORDS = ('failed to allocate', 'out of memory')


def ran_out(error: BaseException) -> bool:
    """Whether an error says that there is no memory left."""
    text = str(error).lower()
    return isinstance(error, MemoryError) or any(words in text for words in _WORDS)


def let_go(error: BaseException) -> None:
    """Free what the calls that failed hold.

    Frames and futures refer to each other, and would wait for the collector of garbage.
    """
    traceback.clear_frames(error.__traceback__)


@contextlib.contextmanager
def device_memory() -> Iterator[None]:
    """Turn what is raised where memory runs out into a coded error; also a decorator.

    What the calls that failed hold is let go of, so that the next one has that memory again.

    Raises
    ------
    DeviceError
        OUT_OF_MEMORY.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not ran_out(error):
            raise
        let_go(error)
        raise DeviceError(f'Memory ran out: {reason(error)}', ErrorCode.OUT_OF_MEMORY) from None
