"""Joint positions of an arm for poses of its flange: damped least squares within joint limits.

With the error e = log(T⁻¹ T_target) [6] in the flange's frame and its Jacobian J [6, J], a step is

    dq = Jᵀ (J Jᵀ + λ² I)⁻¹ e,    λ² = |e|² / 2 + λ0²

(Sugihara, IEEE T-RO 27(5), 2011): it becomes a Newton step near a solution and stays small near
singular postures and out of reach. Joints that a step would push through a limit are held there,
and the step is made again by the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dexgrasp_ros.core.config import check_ranges, setting
from dexgrasp_ros.core.errors import ErrorCode, InputError
from dexgrasp_ros.core.hand_model import JointType
from dexgrasp_ros.core.poses import pose_to_matrix
from dexgrasp_ros.hand.arm import Arm

_LEAST_DAMPING = 1e-8  # λ0²; it only keeps the matrix regular at a solution
_LARGEST_STEP = 0.5  # rad or m, of any joint in one iteration: where the linear model still holds
_PATIENCE = 15  # iterations within which the error must halve


@dataclass(frozen=True, kw_only=True)
class InverseKinematicsConfig:
    """Settings of the search for joint positions and of the way between two of them.

    Raises
    ------
    InputError
        OUT_OF_RANGE, from the constructor.
    """

    attempts: int = setting(
        20, '1', 'postures that the search for joint positions starts from', 1, 10_000
    )
    iterations: int = setting(80, '1', 'steps from each of them', 1, 10_000)
    position_tolerance: float = setting(5e-4, 'm', 'error of the flange, most', 1e-9, 0.1)
    angle_tolerance: float = setting(2e-3, 'rad', 'the same for its rotation', 1e-9, 1.0)
    path_step: float = setting(
        0.01, 'm', 'the straight way from pre-grasp to grasp is looked at so often', 1e-4, 1.0
    )
    joint_jump: float = setting(
        0.5, 'rad', 'most that a joint moves between two looks (m if it slides)', 1e-3, 10.0
    )

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_ranges(self)


class InverseKinematics:
    """Solver for one arm; a pure function of target and start, whatever was asked before.

    Parameters
    ----------
    arm
        The arm.
    config
        Settings.
    random_seed
        Of the postures that attempts start from.

    Raises
    ------
    InputError
        MISSING_KEY where pinocchio is not installed.
    """

    def __init__(
        self, arm: Arm, config: InverseKinematicsConfig | None = None, *, random_seed: int = 0
    ) -> None:
        self.arm, self.config = arm, config or InverseKinematicsConfig()
        self._pin = load_pinocchio()
        self._build()
        chain = arm.chain
        lower = np.where(np.isfinite(chain.lower), chain.lower, -np.pi)
        upper = np.where(np.isfinite(chain.upper), chain.upper, np.pi)
        rng = np.random.default_rng(random_seed)
        count = self.config.attempts
        self._starts = rng.uniform(lower, upper, (count, len(lower)))  # [attempts, J]
        self._starts[0] = (lower + upper) / 2

    def starts(self, present: ArrayLike | None = None) -> NDArray[np.float64]:
        """Postures [K, J] to begin with: the present one first, where it is known.

        Then the middle of all ranges, then random ones.
        """
        if present is None:
            return self._starts
        chain = self.arm.chain
        first = np.clip(np.asarray(present, dtype=np.float64), chain.lower, chain.upper)
        return np.concatenate([first[None], self._starts])

    def flange_matrix(self, q: NDArray[np.float64]) -> NDArray[np.float64]:
        """Flange in the base frame [4, 4] at joint positions [J]."""
        self._pin.forwardKinematics(self._model, self._data, self._values(q))
        return self._flange().homogeneous

    def solve(self, target: ArrayLike, start: ArrayLike) -> NDArray[np.float64] | None:
        """Joint positions [J] within the limits that bring the flange to a pose, or None.

        Parameters
        ----------
        target
            [7] pose of the flange in the base frame, or [4, 4].
        start
            [J] where to begin, within the limits.
        """
        target = np.asarray(target, dtype=np.float64)
        goal = self._pin.SE3(pose_to_matrix(target) if target.shape == (7,) else target)
        q = np.array(start, dtype=np.float64)
        best, left = np.inf, _PATIENCE
        for _ in range(self.config.iterations + 1):
            error, jacobian = self._look(q, goal)
            if self._is_there(error):
                return self._near(q, start)
            squared = float(error @ error)
            if squared < best / 4:
                best, left = squared, _PATIENCE
            left -= 1
            if not left:
                return None
            q = self._step(q, error, jacobian)
        return None

    def _build(self) -> None:
        """Make pinocchio's model: a joint for each link that moves, continuous ones as angles."""
        pin, chain = self._pin, self.arm.chain
        self._model = pin.Model()
        parent, placement = 0, pin.SE3.Identity()
        moving = []
        for link, origin in enumerate(pose_to_matrix(chain.joint_origins)):
            placement = placement * pin.SE3(origin)
            kind, axis = chain.joint_types[link], np.array(chain.joint_axes[link])
            if kind == JointType.FIXED:
                continue
            make = (
                pin.JointModelPrismaticUnaligned
                if kind == JointType.PRISMATIC
                else pin.JointModelRevoluteUnaligned
            )
            parent = self._model.addJoint(parent, make(axis), placement, f'link {link}')
            placement = pin.SE3.Identity()
            moving.append(link)
        self._last, self._tip = parent, placement
        self._data = self._model.createData()
        # Values of all joints are A q + b: mimic joints follow, locked ones stand still.
        rows = np.arange(len(moving))
        columns = chain.coordinates[moving]
        driven = columns >= 0
        self._follow = np.zeros((len(moving), len(chain.joint_names)))
        self._follow[rows[driven], columns[driven]] = chain.multipliers[moving][driven]
        self._offsets = np.array(chain.offsets[moving], dtype=np.float64)
        # A joint without limits that alone follows its coordinate may turn by whole turns.
        alone = np.count_nonzero(self._follow, axis=0) == 1
        revolute = chain.joint_types[moving] == JointType.REVOLUTE
        turns = (np.abs(self._follow) == 1.0)[revolute].any(axis=0)
        self._endless = ~np.isfinite(chain.lower) & ~np.isfinite(chain.upper) & alone & turns

    def _values(self, q: NDArray[np.float64]) -> NDArray[np.float64]:
        return self._follow @ q + self._offsets

    def _flange(self) -> object:
        """Placement of the flange after forward kinematics."""
        return (self._data.oMi[self._last] if self._last else self._pin.SE3.Identity()) * self._tip

    def _look(
        self, q: NDArray[np.float64], goal: object
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Error [6] (position [m], rotation [rad]) and Jacobian [6, J] in the flange's frame."""
        pin = self._pin
        pin.computeJointJacobians(self._model, self._data, self._values(q))
        error = pin.log6(self._flange().actInv(goal)).vector
        if not self._last:
            return error, np.empty((6, 0))
        jacobian = pin.getJointJacobian(self._model, self._data, self._last, pin.LOCAL)
        return error, self._tip.toActionMatrixInverse() @ jacobian @ self._follow

    def _is_there(self, error: NDArray[np.float64]) -> bool:
        config = self.config
        return bool(
            error[:3] @ error[:3] <= config.position_tolerance**2
            and error[3:] @ error[3:] <= config.angle_tolerance**2
        )

    def _step(
        self, q: NDArray[np.float64], error: NDArray[np.float64], jacobian: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Joint positions after one step, within the limits."""
        chain = self.arm.chain
        damping = (0.5 * float(error @ error) + _LEAST_DAMPING) * np.eye(6)
        free = np.ones(len(q), dtype=bool)
        step = np.zeros(len(q))
        while free.any():
            J = jacobian[:, free]
            step[:] = 0.0
            step[free] = J.T @ np.linalg.solve(J @ J.T + damping, error)
            outward = ((q <= chain.lower) & (step < 0.0)) | ((q >= chain.upper) & (step > 0.0))
            if not outward.any():
                break
            free &= ~outward
            step[outward] = 0.0
        longest = np.abs(step).max(initial=0.0)
        if longest > _LARGEST_STEP:
            step *= _LARGEST_STEP / longest
        return np.clip(q + step, chain.lower, chain.upper)

    def _near(self, q: NDArray[np.float64], start: ArrayLike) -> NDArray[np.float64]:
        """Take whole turns out of joints without limits, so that they end nearest to the start."""
        turn = 2.0 * np.pi
        whole = turn * np.round((q - np.asarray(start, dtype=np.float64)) / turn)
        return np.where(self._endless, q - whole, q)


def load_pinocchio() -> ModuleType:
    """Return pinocchio, which only arms need.

    Raises
    ------
    InputError
        MISSING_KEY where it is not installed, with the command that installs it.
    """
    try:
        import pinocchio
    except ImportError as error:
        raise InputError(
            'Whether an arm reaches a grasp is found with pinocchio, which cannot be imported'
            f" ({error}); install it with: pip install 'dexgrasp-ros[arms]'.",
            ErrorCode.MISSING_KEY,
        ) from error
    return pinocchio
