"""The same work on a Ray cluster, or on a small one of this machine's own."""

from __future__ import annotations

import contextlib
import os
from typing import Any

from dexgrasp_ros.core.errors import DeviceError, ErrorCode, InputError
from dexgrasp_ros.dataset.work.executors import Failed, Kind, call, process_count

_LOCAL = 'local'
_GPU = 'GPU'


class RayExecutor(contextlib.AbstractContextManager):
    """Tasks of Ray: searches where the cluster has GPUs on those, everything else on CPUs.

    The package must be importable on all nodes, and the folders of meshes and of the dataset be
    on a disk that all of them see. A task takes one core, and one GPU for a search; memory is
    Ray's to watch.

    Parameters
    ----------
    address
        Of a cluster; ``'auto'`` finds the one of this machine, ``'local'`` starts one that ends
        with the context.
    processes
        With ``'local'``: how many cores the cluster has; default: those of this process.
    device
        As in `SynthesisConfig`; with ``'cpu'`` GPUs are left alone, else Ray hands out all.

    Raises
    ------
    InputError
        INVALID_INPUT: Ray is not installed. OUT_OF_RANGE for `processes`, and for a list of
        devices.
    DeviceError
        DEVICE_UNAVAILABLE: there is no such cluster, or it has no GPU and `device` asks for one.
    """

    def __init__(
        self, address: str, processes: int | None = None, *, device: str = 'auto'
    ) -> None:
        if ',' in device:
            raise InputError(
                f"The devices are '{device}', and Ray hands out GPUs itself; expected 'auto', "
                "'cuda' or 'cpu'.",
                ErrorCode.OUT_OF_RANGE,
            )
        self._ray = _start(address, process_count(processes))
        has_gpus = bool(self._ray.cluster_resources().get(_GPU)) and device != 'cpu'
        if device.startswith('cuda') and not has_gpus:
            self._ray.shutdown()
            raise DeviceError(
                f"The device is '{device}', and the Ray cluster '{address}' has no GPU; expected "
                "'auto' or 'cpu'."
            )
        self.device = 'cuda' if has_gpus else 'cpu'
        self._device_resource = _GPU if has_gpus else 'CPU'
        # Ray would repeat a task that died, as the caller does: once is enough.
        remote = self._ray.remote(max_retries=0, num_cpus=1)(call)
        self._functions = {
            'cpu': remote,
            'device': remote.options(num_gpus=1) if has_gpus else remote,
        }
        self._running: dict[Any, int] = {}
        self._count = 0

    def slots(self, kind: Kind) -> int:
        """How many tasks of a kind the cluster, as it is now, runs at once."""
        name = self._device_resource if kind == 'device' else 'CPU'
        return max(1, int(self._ray.cluster_resources().get(name, 0)))

    def submit(
        self, function: str, arguments: tuple[Any, ...], kind: Kind, time_limit: float
    ) -> int:
        """Add a task; return its number. Ray gives it as long as it takes."""
        number, self._count = self._count, self._count + 1
        self._running[self._functions[kind].remote((function, arguments))] = number
        return number

    def answers(self, timeout: float) -> list[tuple[int, Any]]:
        """Wait for a moment; return numbers of tasks with their results or `Failed`."""
        waiting = list(self._running)
        if not waiting:
            return []
        ready, _ = self._ray.wait(waiting, num_returns=1, timeout=timeout)
        more, _ = self._ray.wait(waiting, num_returns=len(waiting), timeout=0.0)
        done = dict.fromkeys([*ready, *more])
        return [(self._running.pop(reference), self._result(reference)) for reference in done]

    def __exit__(self, *_: object) -> None:
        for reference in self._running:
            with contextlib.suppress(self._ray.exceptions.RayError):
                self._ray.cancel(reference, force=True)
        self._ray.shutdown()

    def _result(self, reference: Any) -> Any:
        try:
            return self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            told = ' '.join(str(error).split())
            return Failed(code=ErrorCode.INTERNAL, message=f'{type(error).__name__}: {told}')


def _start(address: str, processes: int) -> Any:
    # Nothing is sent home by a program that the user did not ask to.
    os.environ.setdefault('RAY_USAGE_STATS_ENABLED', '0')
    try:
        import ray
    except ImportError as error:
        raise InputError(
            f"Ray cannot be imported ({error}); install the extra 'cluster': "
            "pip install 'dexgrasp-ros[cluster]'."
        ) from error
    options: dict[str, Any] = {'address': address, 'log_to_driver': False}
    if address == _LOCAL:
        options |= {'num_cpus': processes, 'include_dashboard': False}
    try:
        ray.init(logging_level='ERROR', **options)
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        raise DeviceError(
            f"There is no Ray cluster at '{address}' ({error}); expected the address of one, "
            "'auto' for that of this machine, or 'local'."
        ) from error
    return ray
