"""What a clearing asks of the other nodes; each wait ends at once where nobody wants it more."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dexgrasp_msgs.action import ExecuteGrasp, SynthesizeGrasps
from dexgrasp_msgs.msg import Grasp, Object
from dexgrasp_ros.bridge.client import GraspClient
from dexgrasp_ros.bridge.geometry import pose_message, stamp_to_nanoseconds
from dexgrasp_ros.core.errors import DexGraspError, ErrorCode, PerceptionError
from dexgrasp_ros.core.progress import StopCallback, check_stop
from dexgrasp_ros.nodes.clearing.parameters import ClearTableParameters

_POLL = 0.02  # s between two looks
_NOTHING = (ErrorCode.UNKNOWN_LABEL, ErrorCode.SUCCESS)  # how an empty table is told


class Robot:
    """Camera, search and hand, through the services and actions of their nodes.

    Parameters
    ----------
    client
        Of these nodes; not spun by the thread that calls.
    config
        Timeouts and speeds.
    clock
        Gives the time [ns] that images are stamped with.
    should_stop
        Asked often.
    """

    def __init__(
        self,
        client: GraspClient,
        config: ClearTableParameters,
        clock: Callable[[], int],
        should_stop: StopCallback,
    ) -> None:
        self._client, self._config = client, config
        self._clock, self._should_stop = clock, should_stop

    def look(self) -> Sequence[Object]:
        """Objects of an image that is newer than this call.

        Raises
        ------
        PerceptionError
            What the reconstruction ended with, NO_IMAGES where no new image came.
        SynthesisError
            CANCELLED.
        """
        since, config = self._clock(), self._config
        self._wait(lambda: self._clock() >= since + 1e9 * config.settle_time, config.look_timeout)
        until = time.monotonic() + config.look_timeout
        while time.monotonic() < until:
            check_stop(self._should_stop)
            answer = self._client.reconstruct(timeout=config.look_timeout)
            if not answer.objects.objects:
                if answer.error_code not in _NOTHING:
                    raise PerceptionError(answer.error_message, ErrorCode(answer.error_code))
                return ()
            if stamp_to_nanoseconds(answer.objects.header.stamp) >= since:
                return answer.objects.objects
            time.sleep(_POLL)
        raise PerceptionError(
            f'No image came that is newer than the last motion within {config.look_timeout:g} s.',
            ErrorCode.NO_IMAGES,
        )

    def search(self, thing: Object, number: int) -> Sequence[Grasp]:
        """Grasps of an object; none where the search found none.

        Raises
        ------
        DexGraspError
            CANCELLED, TIME_LIMIT, or what the node ended with that is no matter of the object.
        """
        config = self._config
        goal = SynthesizeGrasps.Goal(
            label=thing.label,
            max_grasps=config.max_grasps,
            seed_count=config.seed_count,
            random_seed=config.random_seed + number,
        )
        result = self._result(self._client.send_goal(goal), config.search_timeout)
        return result.grasps.grasps

    def execute(self, grasp: Grasp, poses: Sequence[NDArray[np.float64]] = (), **goal: Any) -> Any:
        """Carry out a grasp, or what `goal` says of it; poses [7] are its `carry_poses`.

        Returns
        -------
        ExecuteGrasp.Result
            However it ended, but for a cancellation.

        Raises
        ------
        DexGraspError
            CANCELLED, once the hand was told to stop; TIME_LIMIT.
        """
        message = ExecuteGrasp.Goal(
            grasp=grasp,
            carry_poses=[pose_message(p) for p in poses],
            speed_scale=self._config.speed_scale,
            **goal,
        )
        return self._result(self._client.send_execution(message), self._config.execute_timeout)

    def _result(self, handle: Any, timeout: float) -> Any:
        try:
            self._wait(lambda: self._client.is_complete(handle), timeout)
        except DexGraspError:
            self._client.cancel(handle)
            raise
        return self._client.wait_for_result(handle, timeout).result

    def _wait(self, condition: Callable[[], bool], timeout: float) -> None:
        until = time.monotonic() + timeout
        while not condition():
            check_stop(self._should_stop)
            if time.monotonic() > until:
                raise DexGraspError(
                    f'What was waited for did not come within {timeout:g} s.', ErrorCode.TIME_LIMIT
                )
            time.sleep(_POLL)
