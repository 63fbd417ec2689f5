"""The page of the demo: where `viewer_node` is to serve it, and whether it does."""

from __future__ import annotations

import time
import urllib.request

from dexgrasp_ros.core.errors import DexGraspError, ErrorCode
from dexgrasp_ros.viewer import check_address

_HOST = '127.0.0.1'
_TIMEOUT = 60.0  # s for the node to start on a busy machine


class DemoPage:
    """A port of this machine for `viewer_node`; 0 takes any that is free.

    Raises
    ------
    InputError
        OUT_OF_RANGE or INVALID_INPUT, where the port cannot be used.
    """

    def __init__(self, port: int) -> None:
        self._port = check_address(_HOST, port)
        self.url = f'http://{_HOST}:{self._port}'

    def parameters(self) -> dict[str, dict[str, object]]:
        """Return what the node is started with."""
        return {'viewer_node': {'host': _HOST, 'port': self._port}}

    def wait_until_served(self) -> None:
        """Wait until a browser would find the page.

        Raises
        ------
        DexGraspError
            TIME_LIMIT.
        """
        deadline = time.monotonic() + _TIMEOUT
        while True:
            try:
                # A connection without a request would be an error in the node's log.
                urllib.request.urlopen(self.url, timeout=5.0).close()
                return
            except OSError as error:
                if time.monotonic() > deadline:
                    raise DexGraspError(
                        f"viewer_node serves nothing at {self.url} ({error}); the demo's folder"
                        ' has its words in nodes.log.',
                        ErrorCode.TIME_LIMIT,
                    ) from error
            time.sleep(0.2)
