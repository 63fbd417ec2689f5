"""Memory that runs out is one coded error, whoever says it, and what was held is let go of."""

from __future__ import annotations

import weakref

import pytest

from dexgrasp_ros.core.device_memory import device_memory
from dexgrasp_ros.core.errors import DeviceError, ErrorCode


class Buffer:
    """What a call holds on a device."""


def fail(error, seen):
    held = Buffer()
    seen.append(weakref.ref(held))
    # As with the futures of a pool: the frame refers to what refers to the frame.
    problem = error
    raise problem


@pytest.mark.parametrize(
    'error',
    [
        MemoryError(),
        RuntimeError("Failed to allocate 1073741824 bytes on device 'cuda:0'"),
        RuntimeError('Warp CUDA error 2: out of memory (in function wp_cuda_graph_end_capture)'),
    ],
)
def test_it_has_its_code_and_holds_nothing(error):
    seen = []
    with pytest.raises(DeviceError, match='Memory ran out') as caught, device_memory():
        fail(error, seen)
    assert caught.value.code == ErrorCode.OUT_OF_MEMORY
    (held,) = seen
    assert held() is None


def test_another_error_stays_what_it_is():
    with pytest.raises(RuntimeError, match='graph is closed'), device_memory():
        raise RuntimeError('The graph is closed.')
