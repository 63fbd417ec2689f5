"""What synthesis returns, evaluation annotates, the bridge publishes and files store."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.grasp_file import read_fields, write_fields

_SHARED_FIELDS = ('joint_stiffness', 'support_plane')  # arrays that are not of single grasps


@dataclass(frozen=True, kw_only=True)
class GraspSet:
    """N grasps of one object by one hand, best first.

    Poses are the hand's root link in the frame of the object's mesh, [x y z qx qy qz qw], metres.
    Joint positions stand in the order of `joint_names` (actuated joints only), rad or m.
    Contacts are in the frame of the object's mesh; unused places are NaN (links: -1).
    """

    hand: str
    hand_digest: str = ''  # `HandModel.digest` of what they were planned for; empty: unknown
    urdf: str
    object_mesh: str = ''
    object_scale: float = 1.0  # that the mesh was read with
    joint_names: tuple[str, ...]
    link_names: tuple[str, ...]
    hand_frame: str

    base_pose: NDArray[np.float64]  # [N, 7]
    pregrasp_base_pose: NDArray[np.float64]  # [N, 7]
    pregrasp: NDArray[np.float64]  # [N, J]
    grasp: NDArray[np.float64]  # [N, J]
    squeeze: NDArray[np.float64]  # [N, J]
    joint_stiffness: NDArray[np.float64]  # [J] N m/rad or N/m

    score: NDArray[np.float64]  # [N] higher is better, sorted
    # [N] mean energy left after a unit test wrench, 0 … 0.5, where the search ended; closing on
    # that posture was planned after it
    residual: NDArray[np.float64]
    penetration: NDArray[np.float64]  # [N] deepest point of the hand inside the object [m]
    epsilon: NDArray[np.float64]  # [N] Ferrari-Canny quality, NaN until evaluated
    contact_count: NDArray[np.int64]  # [N]
    contact_links: NDArray[np.int64]  # [N, C] index into `link_names`
    contact_points: NDArray[np.float64]  # [N, C, 3] [m]
    contact_normals: NDArray[np.float64]  # [N, C, 3] unit, into the object
    contact_forces: NDArray[np.float64]  # [N, C, 3] of the hand on the object [N]
    # [N] which of the search's seeds each came from, -1 where that is not known
    seed_index: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    # [N] m, gap between the fingers of a gripper at the grasp; NaN for other hands, or unknown
    opening_width: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    # [N] least friction coefficient at which each still holds in simulation, rather too large than
    # too small. Those from 5/3 to 0.38 times `holding_friction` are told apart, by default 0.5 to
    # 0.115: the least of these means that or less; NaN: lost at all of them, or not computed
    least_friction: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    # [N] N, largest force along any axis of the mesh's frame that it still holds. Pulls of 6 to
    # 147 m/s^2 times `object_mass` are told apart: the largest means that or more; NaN likewise
    largest_pull: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    # [4] n, d of what the object stands on, in the frame of its mesh, free side n·x + d > 0; NaN
    # where there is nothing, or where that is not known
    support_plane: NDArray[np.float64] = field(default_factory=lambda: np.full(4, np.nan))

    # Joints of the hand that do not move, by name, and where they stand [rad or m]: another
    # simulator, or another driver, has to hold them there.
    locked_joints: dict[str, float] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    wishes: dict[str, Any] = field(default_factory=dict)  # `Wishes.as_dict`, empty for none
    timing: dict[str, float] = field(default_factory=dict)  # seconds for each phase
    rejected: dict[str, int] = field(default_factory=dict)  # candidates lost at each stage
    warnings: tuple[str, ...] = ()  # what to know of how these were chosen

    def __post_init__(self) -> None:
        """Say of what grasps came without that it is not known."""
        count = len(self.score)
        if not len(self.seed_index):
            object.__setattr__(self, 'seed_index', np.full(count, -1, dtype=np.int64))
        for name in ('opening_width', 'least_friction', 'largest_pull'):
            if not len(getattr(self, name)):
                object.__setattr__(self, name, np.full(count, np.nan))

    def __len__(self) -> int:
        """Count of grasps."""
        return len(self.score)

    def select(self, index: Sequence[int] | NDArray[np.integer] | slice) -> GraspSet:
        """Return the grasps at `index`, in that order."""
        rows = {
            f.name: getattr(self, f.name)[index]
            for f in dataclasses.fields(self)
            if isinstance(getattr(self, f.name), np.ndarray) and f.name not in _SHARED_FIELDS
        }
        return dataclasses.replace(self, **rows)

    def save(self, path: str | Path) -> None:
        """Write an ``.npz`` without pickles; keys are the names of the fields.

        Raises
        ------
        OSError
            It cannot be written; a file that was there before stays as it was.
        """
        fields = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        write_fields(Path(path), fields)

    @classmethod
    def load(cls, path: str | Path) -> GraspSet:
        """Read what `save` wrote.

        Raises
        ------
        InputError
            As `read_archive`; WRONG_TYPE, WRONG_SHAPE or OUT_OF_RANGE for a field that is not one
            of a set of grasps.
        """
        fields = dataclasses.fields(cls)
        needed = {
            f.name
            for f in fields
            if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
        }
        return cls(**read_fields(path, needed, {f.name for f in fields}))
