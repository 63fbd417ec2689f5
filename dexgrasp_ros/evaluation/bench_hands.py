"""The hands of DexGraspBench: their joints, in its order, and what they can do.

Facts of github.com/JYChen18/DexGraspBench at 1e7a5a6 (June 2025; BODex, Chen et al. 2025):
``assets/hand/{allegro,shadow,leap}/right_hand.xml``, the last of which is that of MuJoCo Menagerie
(``leap_hand/right_hand.xml``), and ``src/util/hand_util.py``.

A hand of ours is one of these if it has all of its joints, by the name here or by that of the
makers' URDFs, if these are where they should be and turn as they should, and if nothing else moves
below its palm. What moves above, such as a wrist or an arm, only moves the palm.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dexgrasp_ros.core.errors import InputError, choices
from dexgrasp_ros.core.hand_model import HandModel, JointType
from dexgrasp_ros.core.poses import compose, invert, pose_to_matrix
from dexgrasp_ros.hand import link_poses, links_by_joint

_HALF = math.sqrt(0.5)
# The XML files are rounded to a tenth of a millimetre; another make of a hand is off by more.
_OFF, _TURNED = 0.002, 0.02  # m between two axes; between unit vectors along them

# Name there, name in the maker's URDF, and of the joint at zero, with all others at zero, in the
# frame of the palm: a point of its axis [m], and the axis.
_ALLEGRO = """
ffj0 joint_0.0 0 0.0435 -0.00154 0 0.08716 0.99619
ffj1 joint_1.0 0 0.04493 0.0148 0 0.99619 -0.08716
ffj2 joint_2.0 0 0.04964 0.06859 0 0.99619 -0.08716
ffj3 joint_3.0 0 0.05298 0.10684 0 0.99619 -0.08716
mfj0 joint_4.0 0 0 0.0007 0 0 1
mfj1 joint_5.0 0 0 0.0171 0 1 0
mfj2 joint_6.0 0 0 0.0711 0 1 0
mfj3 joint_7.0 0 0 0.1095 0 1 0
rfj0 joint_8.0 0 -0.0435 -0.00154 0 -0.08716 0.99619
rfj1 joint_9.0 0 -0.04493 0.0148 0 0.99619 0.08716
rfj2 joint_10.0 0 -0.04964 0.06859 0 0.99619 0.08716
rfj3 joint_11.0 0 -0.05298 0.10684 0 0.99619 0.08716
thj0 joint_12.0 -0.0182 0.01933 -0.04599 0 -0.08716 -0.99619
thj1 joint_13.0 -0.0132 0.05673 -0.07636 0 0.99619 -0.08716
thj2 joint_14.0 -0.0132 0.07436 -0.0779 1 0 0
thj3 joint_15.0 -0.0132 0.12556 -0.08238 1 0 0
"""
_SHADOW = """
rh_FFJ4 FFJ4 0.033 0 0.095 0 -1 0
rh_FFJ3 FFJ3 0.033 0 0.095 1 0 0
rh_FFJ2 FFJ2 0.033 0 0.14 1 0 0
rh_FFJ1 FFJ1 0.033 0 0.165 1 0 0
rh_MFJ4 MFJ4 0.011 0 0.099 0 -1 0
rh_MFJ3 MFJ3 0.011 0 0.099 1 0 0
rh_MFJ2 MFJ2 0.011 0 0.144 1 0 0
rh_MFJ1 MFJ1 0.011 0 0.169 1 0 0
rh_RFJ4 RFJ4 -0.011 0 0.095 0 1 0
rh_RFJ3 RFJ3 -0.011 0 0.095 1 0 0
rh_RFJ2 RFJ2 -0.011 0 0.14 1 0 0
rh_RFJ1 RFJ1 -0.011 0 0.165 1 0 0
rh_LFJ5 LFJ5 -0.033 0 0.02071 0.57358 0 0.81915
rh_LFJ4 LFJ4 -0.033 0 0.0865 0 1 0
rh_LFJ3 LFJ3 -0.033 0 0.0865 1 0 0
rh_LFJ2 LFJ2 -0.033 0 0.1315 1 0 0
rh_LFJ1 LFJ1 -0.033 0 0.1565 1 0 0
rh_THJ5 THJ5 0.034 -0.00858 0.029 -0.70711 0 -0.70711
rh_THJ4 THJ4 0.034 -0.00858 0.029 0.70711 0 -0.70711
rh_THJ3 THJ3 0.06087 -0.00858 0.05587 0.70711 0 -0.70711
rh_THJ2 THJ2 0.06087 -0.00858 0.05587 0 -1 0
rh_THJ1 THJ1 0.0835 -0.00858 0.0785 0 -1 0
"""
_LEAP = """
if_mcp 1 -0.007 0.023 -0.0187 0 1 0
if_rot 0 0.0311 0.0085 -0.0065 0 0 -1
if_pip 2 0.0461 0.0228 -0.0195 0 1 0
if_dip 3 0.0822 0.0226 -0.0195 0 1 0
mf_mcp 5 -0.0071 -0.0224 -0.0187 0 1 0
mf_rot 4 0.031 -0.0369 -0.0065 0 0 -1
mf_pip 6 0.046 -0.0226 -0.0195 0 1 0
mf_dip 7 0.0821 -0.0228 -0.0195 0 1 0
rf_mcp 9 -0.00709 -0.0678 -0.0187 0 1 0
rf_rot 8 0.03101 -0.0823 -0.0065 0 0 -1
rf_pip 10 0.04601 -0.068 -0.0195 0 1 0
rf_dip 11 0.08211 -0.0682 -0.0195 0 1 0
th_cmc 12 -0.0693 -0.0012 -0.0216 -1 0 0
th_axl 13 -0.0823 0.0131 -0.0216 0 1 0
th_mcp 14 -0.0823 0.0301 -0.0071 0 0 -1
th_ipl 15 -0.0823 0.0767 -0.0069 0 0 -1
"""


@dataclass(frozen=True, kw_only=True)
class BenchHand:
    """A hand that the benchmark has."""

    name: str  # that ``hand=`` takes
    palms: tuple[str, ...]  # names that the link of its palm has in URDFs
    palm_pose: tuple[float, ...]  # [7] of the palm in the world of its MJCF, x y z qx qy qz qw
    torque_limit: float  # N m of every actuator; infinite: no ``forcerange``
    rows: str  # the joints, in the order of its qpos

    @cached_property
    def joints(self) -> tuple[tuple[str, str], ...]:
        """Names of each joint: the benchmark's, the makers'."""
        return tuple((line.split()[0], line.split()[1]) for line in self.rows.split('\n') if line)

    @cached_property
    def axes(self) -> NDArray[np.float64]:
        """Point and direction of each joint's axis in the palm [M, 6]."""
        return np.array([line.split()[2:] for line in self.rows.split('\n') if line], dtype=float)


BENCH_HANDS = (
    BenchHand(
        name='allegro',
        palms=('base_link', 'palm'),
        palm_pose=(0.0, 0.0, 0.0, _HALF, 0.0, _HALF, 0.0),
        torque_limit=math.inf,
        rows=_ALLEGRO,
    ),
    BenchHand(
        name='shadow',
        palms=('rh_palm', 'palm'),
        palm_pose=(0.0, 0.0, 0.034, 0.0, 0.0, 0.0, 1.0),
        torque_limit=3.0,
        rows=_SHADOW,
    ),
    BenchHand(
        name='leap',
        palms=('palm_lower', 'palm', 'base', 'base_link'),
        palm_pose=(0.0, 0.0, 0.1, 1.0, 0.0, 0.0, 0.0),
        torque_limit=math.inf,
        rows=_LEAP,
    ),
)


@dataclass(frozen=True, kw_only=True)
class BenchFit:
    """Where the joints and the palm of one of these hands are in a hand of ours."""

    bench: BenchHand
    palm: int  # link
    links: tuple[int, ...]  # [M] that its joints move, in its order

    def qpos(self, hand: HandModel, base_pose: ArrayLike, q: ArrayLike) -> NDArray[np.float64]:
        """Posture as the benchmark takes it.

        Parameters
        ----------
        hand
            That this was made for.
        base_pose, q
            Root link in the world [7], x y z qx qy qz qw; joints [J], rad.

        Returns
        -------
        NDArray
            World of the MJCF [7], x y z and a quaternion with w first; its joints [M], rad.
        """
        palm = link_poses(hand, q, base_pose)[self.palm]
        root = compose(palm, invert(self.bench.palm_pose))
        links = list(self.links)
        values = hand.offsets[links].copy()
        moving = hand.coordinates[links] >= 0  # the others are locked
        own = np.asarray(q, dtype=np.float64)[hand.coordinates[links][moving]]
        values[moving] += hand.multipliers[links][moving] * own
        return np.concatenate([root[[0, 1, 2, 6, 3, 4, 5]], values])


def fit_bench_hand(hand: HandModel) -> BenchFit | None:
    """Find the hand of the benchmark that a hand is; None where it has no such hand.

    Raises
    ------
    InputError
        INVALID_INPUT: it is called like one of them, and is another hand.
    """
    for bench in BENCH_HANDS:
        fit = _fit(hand, bench)
        if isinstance(fit, BenchFit):
            return fit
        if hand.name == bench.name:
            raise InputError(
                f"The hand '{hand.name}' is not the one of that name in DexGraspBench, which "
                f'would read its grasps wrongly: {fit}. Expected that hand, or another name.'
            )
    return None


def with_bench_limits(hand: HandModel) -> HandModel:
    """Return a hand with the torque limits that it has in the benchmark.

    Raises
    ------
    InputError
        INVALID_INPUT: the benchmark has no such hand; as `fit_bench_hand`.
    """
    fit = fit_bench_hand(hand)
    if fit is None:
        raise InputError(
            f"DexGraspBench has no hand '{hand.name}'; expected one of "
            f'{choices(b.name for b in BENCH_HANDS)}, with their joints and their kinematics.'
        )
    limits = np.full(len(hand.joint_names), fit.bench.torque_limit)
    return dataclasses.replace(hand, effort_limits=limits)


def _fit(hand: HandModel, bench: BenchHand) -> BenchFit | str:
    """Fit of a hand, or what is against it."""
    known = links_by_joint(hand)
    links = [known.get(there, known.get(ours, -1)) for there, ours in bench.joints]
    missing = [there for (there, _), link in zip(bench.joints, links, strict=True) if link < 0]
    if missing:
        return f'it has no joints {choices(missing)}'
    palms = [hand.link_names.index(name) for name in bench.palms if name in hand.link_names]
    if not palms:
        return f'it has no link {choices(bench.palms)}'
    against = {palm: _misplaced(hand, bench, links, palm) for palm in palms}
    palm = next((palm for palm, name in against.items() if not name), None)
    if palm is None:
        return f"its joint '{against[palms[0]]}' does not turn where the other's does"
    others = set(np.flatnonzero(hand.coordinates >= 0)) - set(links) - set(_above(hand, palm))
    if others:
        names = {link: name for name, link in known.items()}
        return f'it has joints that the other has not: {choices(names[k] for k in others)}'
    return BenchFit(bench=bench, palm=palm, links=tuple(links))


def _misplaced(hand: HandModel, bench: BenchHand, links: list[int], palm: int) -> str:
    """Name of the first joint whose axis is not where it should be; nothing where there is none.

    Where on its axis the frame of a joint lies does not count.
    """
    zero = _at_zero(hand)
    placed = np.linalg.inv(zero[palm]) @ zero[links]
    points, axes = bench.axes[:, :3], bench.axes[:, 3:]
    own = (placed[:, :3, :3] @ hand.joint_axes[links, :, None])[..., 0]
    off = np.linalg.norm(np.cross(placed[:, :3, 3] - points, axes), axis=1)
    turned = np.linalg.norm(own - axes, axis=1)
    wrong = (off > _OFF) | (turned > _TURNED) | (hand.joint_types[links] != JointType.REVOLUTE)
    return bench.joints[int(wrong.argmax())][0] if wrong.any() else ''


def _at_zero(hand: HandModel) -> NDArray[np.float64]:
    """Links in the root [L, 4, 4] with all joints at zero, whatever their limits."""
    placed = pose_to_matrix(hand.joint_origins)
    for link, parent in enumerate(hand.link_parents):
        if parent >= 0:
            placed[link] = placed[parent] @ placed[link]
    return placed


def _above(hand: HandModel, link: int) -> list[int]:
    """List a link and those between it and the root."""
    above = []
    while link >= 0:
        above.append(link)
        link = int(hand.link_parents[link])
    return above
