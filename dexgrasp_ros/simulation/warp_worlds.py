"""Many copies of a physics scene that MuJoCo Warp steps at once, on one device."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.errors import InputError
from dexgrasp_ros.core.warp_loader import start_warp
from dexgrasp_ros.simulation.physics_model import PhysicsModel

if TYPE_CHECKING:
    import mujoco

# Room for contacts and constraints of a world. At grasps of the Shadow hand there are some forty
# contacts, of four rows each; what does not fit is told, and is no verdict.
_CONTACTS, _ROWS = 128, 704
# All that a simulation goes on from.
_STATE = ('qpos', 'qvel', 'ctrl', 'mocap_pos', 'mocap_quat', 'qacc_warmstart')
State = Mapping[str, NDArray[np.float64]]  # [N, …] by name


def import_mujoco_warp() -> Any:
    """Import MuJoCo Warp.

    Raises
    ------
    InputError
        INVALID_INPUT: it is not installed.
    """
    start_warp()
    try:
        import mujoco_warp
    except ImportError as error:
        raise InputError(
            f"MuJoCo Warp cannot be imported ({error}); install the extra 'gpu': "
            "pip install 'dexgrasp-ros[gpu]'."
        ) from error
    return mujoco_warp


def read_state(data: mujoco.MjData) -> dict[str, NDArray[np.float64]]:
    """Copy the state of one simulation of MuJoCo."""
    return {name: getattr(data, name).copy() for name in _STATE}


class WarpWorlds:
    """N simulations of a `PhysicsModel`, as MuJoCo steps it but in single precision.

    MuJoCo Warp knows the model's options: implicit integrator, elliptic cones, noslip iterations.
    It has no midpoint step, which they do not use, and never begins again where numbers are not
    finite, which the model asks for. All pairs are looked at in every step.

    Parameters
    ----------
    physics
        What is simulated.
    state
        Of each, from `read_state`, stacked.
    device
        Of Warp.

    Raises
    ------
    InputError
        INVALID_INPUT: MuJoCo Warp is not installed.
    """

    def __init__(self, physics: PhysicsModel, state: State, device: Any) -> None:
        import mujoco
        import warp as wp

        self._mjw, self._device, self._physics = import_mujoco_warp(), device, physics
        # Not to begin again is what MuJoCo Warp does, and a flag that it does not know.
        host = copy.copy(physics.model)
        host.opt.disableflags &= ~int(mujoco.mjtDisableBit.mjDSBL_AUTORESET)
        self.count = len(state['qpos'])
        room = {'nworld': self.count, 'nconmax': _CONTACTS, 'njmax': _ROWS}
        with wp.ScopedDevice(device):  # its functions take Warp's current device
            self._model = self._mjw.put_model(host)
            self._data = self._mjw.make_data(host, **room)
        self._model.warn_overflow = 0  # `overflown` tells
        for name, values in state.items():
            self._write(name, values)
        self._graph: Any = None

    def _write(self, name: str, values: NDArray[np.float64]) -> None:
        getattr(self._data, name).assign(np.ascontiguousarray(values, dtype=np.float32))

    def copies(self, which: NDArray[np.int64]) -> WarpWorlds:
        """Worlds that go on from where these are now."""
        state = {name: getattr(self._data, name).numpy()[which] for name in _STATE}
        return WarpWorlds(self._physics, state, self._device)

    def drive(
        self,
        *,
        ctrl: NDArray | None = None,
        position: NDArray | None = None,
        quaternion: NDArray | None = None,
    ) -> None:
        """Set joint targets [N, J], and where the wrist is led: [N, 3] and [N, 4] x y z w."""
        if ctrl is not None:
            self._write('ctrl', ctrl)
        if position is not None and quaternion is not None:
            places = self._data.mocap_pos.numpy(), self._data.mocap_quat.numpy()
            places[0][:, 0], places[1][:, 0] = position, quaternion[:, [3, 0, 1, 2]]
            self._write('mocap_pos', places[0])
            self._write('mocap_quat', places[1])

    def pull(self, force: NDArray) -> None:
        """Let forces [N, 3] act on the objects from now on, in N."""
        applied = self._data.xfrc_applied.numpy()
        applied[:, self._physics.object_body, :3] = force
        self._write('xfrc_applied', applied)

    def step(self, count: int) -> None:
        """Make time steps; on CUDA they are replayed from a graph."""
        import warp as wp

        with wp.ScopedDevice(self._device):
            if self._graph is None and self._device.is_cuda:
                self._mjw.step(self._model, self._data)  # loads the kernels
                count -= 1
                with wp.ScopedCapture(device=self._device) as capture:
                    self._mjw.step(self._model, self._data)
                self._graph = capture.graph
            for _ in range(count):
                if self._graph is None:
                    self._mjw.step(self._model, self._data)
                else:
                    wp.capture_launch(self._graph)

    def object_places(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Centres of mass [N, 3] m and quaternions [N, 4] w x y z of the objects."""
        address = self._physics.object_address + 3
        center = self._data.xipos.numpy()[:, self._physics.object_body]
        turned = self._data.qpos.numpy()[:, address : address + 4]
        return center.astype(np.float64), turned.astype(np.float64)

    def overflown(self) -> NDArray[np.bool_]:
        """Whether contacts or constraints [N] were ever more than there is room for."""
        kinds = self._mjw.OverflowType
        lost = kinds.NEFC | kinds.NJMAX_NNZ | kinds.BROADPHASE | kinds.NARROWPHASE | kinds.CCD
        return (self._data.overflow.numpy() & int(lost)) != 0
