"""The one way to import Open3D, whose wheels lack one library and import another needlessly."""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import sys
import threading
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

from dexgrasp_ros.core.errors import DeviceError

# While one thread's import fails for want of libusb, another one would be handed its torso.
_IMPORTING = threading.Lock()
# Draws in web pages with Dash, which takes longer to import than all of the rest.
_PLOTLY = 'open3d.visualization.draw_plotly'


def import_open3d() -> ModuleType:
    """Import Open3D, on machines without libusb too.

    Open3D's Linux wheels link ``libusb-1.0.so.0`` (for depth cameras, which this package does not
    use) and do not carry it. The wheel ``libusb-package`` does; once its copy is loaded, the
    dynamic linker takes it for the one that Open3D asks for.

    Raises
    ------
    DeviceError
        DEVICE_UNAVAILABLE, naming the missing library and what installs it.
    """
    with _IMPORTING, _without_dash():
        is_new = 'open3d' not in sys.modules
        try:
            import open3d
        except ImportError as error:
            if 'libusb' not in str(error):
                raise _unavailable(error) from error
            _load_bundled_libusb(error)
            try:
                import open3d
            except ImportError as second:
                raise _unavailable(second) from second
        if is_new:
            # Its warnings go to the standard output, where results do.
            open3d.utility.set_verbosity_level(open3d.utility.VerbosityLevel.Error)
    return open3d


@contextlib.contextmanager
def _without_dash() -> Iterator[None]:
    """Let Open3D's drawing with Dash be imported when somebody calls it."""
    if 'open3d' in sys.modules:
        yield
        return
    sys.modules[_PLOTLY] = _LaterModule(_PLOTLY)
    try:
        yield
    finally:
        del sys.modules[_PLOTLY]


class _LaterModule(ModuleType):
    """A module whose functions import the true one when they are called."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith('_'):
            raise AttributeError(name)

        def call(*args: Any, **options: Any) -> Any:
            true = importlib.import_module(self.__name__)
            # As in the package: there the name of the module is that of a function.
            package = sys.modules[self.__name__.rpartition('.')[0]]
            setattr(package, name, getattr(true, name))
            return getattr(true, name)(*args, **options)

        return call


def _load_bundled_libusb(reason: ImportError) -> None:
    try:
        import libusb_package

        ctypes.CDLL(str(libusb_package.get_library_path()), mode=ctypes.RTLD_GLOBAL)
    except (ImportError, OSError) as error:
        raise _unavailable(reason) from error


def _unavailable(error: ImportError) -> DeviceError:
    return DeviceError(
        f'Open3D cannot be imported: {error}. What installs it and all it links against:'
        ' pip install open3d libusb-package; apt-get install libgl1 libegl1 libx11-6 libudev1'
        ' libidn2-0.'
    )
