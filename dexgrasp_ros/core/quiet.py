"""Keeping what libraries say to programmers from the terminal of those who use a command."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Callable, Iterator
from typing import Any

from dexgrasp_ros.core.errors import DexGraspWarning


@contextlib.contextmanager
def quiet_libraries(tell: Callable[[str], None] = lambda _: None) -> Iterator[None]:
    """Of Python's warnings let only those of this package through, and no log that nobody reads.

    What a library warns of was looked after, or shows in the results: NumPy's divisions by zero,
    trimesh's notes on damaged meshes, what some package will do in its next version.

    Parameters
    ----------
    tell
        Takes what this package warns of; default: nobody does.
    """

    def show(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
        # Warp sets filters of its own before it warns.
        if issubclass(category, DexGraspWarning):
            tell(str(message))

    unread = logging.lastResort
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        warnings.simplefilter('always', DexGraspWarning)
        warnings.showwarning = show
        logging.lastResort = logging.NullHandler()
        try:
            yield
        finally:
            logging.lastResort = unread
