"""Bytes and operations of an iteration's kernels, and what a device can do of both.

Bytes are those that a kernel must read and write at least once for a candidate: its rows of the
arrays of `kernels.types.Contacts` and its look-ups. Hand and object are shared by all candidates
and left out, but for the grid: what is looked up there lies elsewhere for everyone. Operations
are multiplications, additions, divisions, comparisons and roots, each one.

What culling leaves to do was counted by kernels that counted themselves (Allegro, mug and wood
block, 32 seeds, the default 200 iterations; 40 of every 128 candidates' iterations are among the
first 40, 30 among the next 60, as the search halts): a mean, from which single objects differed by
less than a third.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import warp as wp

from dexgrasp_ros.core.config import SynthesisConfig
from dexgrasp_ros.kernels import types

# Per candidate and iteration, as counted.
LOOK_UPS = 470  # of φ, `find_contacts`
GAPS = 1_700  # distances to a geometry, `push_out_object`
OWN_GAPS = 330  # likewise, `push_apart`
ACTIVE = 0.4  # share of groups that the contact solve does not leave out

# Operations of one, counted in the source, and its bytes: those of a look-up are eight nodes.
_LOOK_UP = (60, 8 * 4)
_FIELD = (170, 8 * 16)  # φ with all derivatives
_GAP = 50
_SWEEP = 75  # one contact, one wrench
_VEC3, _FLOAT, _POSE, _MAT = 12, 4, 28, 36


@dataclass(frozen=True)
class Work:
    """Of one candidate in one iteration."""

    bytes: float
    operations: float


@dataclass(frozen=True, kw_only=True)
class Share:
    """What a kernel takes for one candidate's iteration, beside the least that it could [s]."""

    work: Work
    least: float
    bound: str  # by 'bytes' or 'operations'
    taken: float


def roofline_shares(
    hand: types.Hand,
    config: SynthesisConfig,
    taken: Mapping[str, float],
    bandwidth: float,
    rate: float,
) -> Iterator[tuple[str, Share]]:
    """Yield names of kernels with their shares, by seconds taken and what the device can do."""
    work = work_of_iteration(hand, config)
    for name, seconds in taken.items():
        own = work.get(name, Work(0.0, 0.0))
        by_bytes, by_operations = own.bytes / bandwidth, own.operations / rate
        yield (
            name,
            Share(
                work=own,
                least=max(by_bytes, by_operations),
                bound='bytes' if by_bytes > by_operations else 'operations',
                taken=seconds,
            ),
        )


def work_of_iteration(hand: types.Hand, config: SynthesisConfig) -> dict[str, Work]:
    """Work of each kernel, by name; the object's size shows in the counts alone."""
    groups, bodies = hand.group_bodies.shape[0], hand.body_parents.shape[0]
    joints, pairs = hand.lower.shape[0], hand.pairs.shape[0]
    clusters = hand.cluster_spheres.shape[0]
    forces = 12 * _VEC3  # of a group, for the test wrenches
    wrench = 2 * _VEC3 + _FLOAT  # force, torque and penalty of a group
    find = groups * (_POSE * 3 + _FIELD[1] + 4 * _VEC3 + _MAT + wrench + 5 * _FLOAT)
    active = ACTIVE * groups
    return {
        'forward_kinematics': Work(_POSE * (1 + bodies) + 4 * joints, 90 * bodies),
        'find_contacts': Work(
            find + 2 * _FLOAT * clusters + LOOK_UPS * _LOOK_UP[1],
            groups * (_FIELD[0] + 80) + LOOK_UPS * _LOOK_UP[0],
        ),
        'push_out_object': Work(groups * (_POSE + 4 * _FLOAT + 2 * wrench), GAPS * _GAP),
        'push_apart': Work(
            pairs * 4 * _FLOAT + groups * wrench,
            pairs * 5 + OWN_GAPS * _GAP,
        ),
        'prepare_contacts': Work(groups * (4 * _VEC3 + 3 * _FLOAT), 35 * groups),
        'solve_contacts': Work(
            groups * (2 * forces + 2 * _VEC3 + 2 * _FLOAT) + 12 * (2 * _VEC3 + _FLOAT),
            12 * active * (config.sweeps * _SWEEP + 20),
        ),
        'differentiate_contacts': Work(
            groups * (forces + 4 * _VEC3 + _MAT + 2 * wrench) + 12 * 2 * _VEC3,
            groups * (12 * 45 + 90),
        ),
        'reverse_sweep': Work(
            groups * 2 * _VEC3 + bodies * (_POSE + 2 * _VEC3) + 4 * joints,
            6 * groups + 50 * bodies,
        ),
        'adam_step': Work(2 * (4 * (8 + 3 * joints) + _POSE), 15 * (6 + joints)),
    }


def copy_bandwidth(device: Any, *, megabytes: int = 256) -> float:
    """Bytes that are read and written a second by copying an array [1/s], the best of ten."""
    source = wp.zeros(megabytes * 2**18, dtype=float, device=device)
    target = wp.empty_like(source)
    wp.copy(target, source)
    return 2 * source.size * 4 / _best(lambda: wp.copy(target, source), device)


_CHAIN = wp.constant(4096)


@wp.kernel
def _multiply_and_add(out: wp.array(dtype=wp.vec4), factor: float):
    """Four chains of four numbers each: enough to do while one waits for itself."""
    n = wp.tid()
    a = wp.vec4(float(n), 1.0, 2.0, 3.0)
    b = a * 0.5
    c = a * 0.25
    d = a * 0.125
    shift = wp.vec4(1.0, 1.0, 1.0, 1.0)
    for _k in range(_CHAIN):
        a = a * factor + shift
        b = b * factor + shift
        c = c * factor + shift
        d = d * factor + shift
    out[n] = a + b + c + d


def multiply_rate(device: Any) -> float:
    """Multiplications and additions a second [1/s] that a kernel of nothing else makes."""
    threads = 256 if device.is_cpu else 2**18
    out = wp.zeros(threads, dtype=wp.vec4, device=device)

    def work() -> None:
        wp.launch(_multiply_and_add, dim=threads, inputs=[out, 0.999], device=device)

    work()
    return threads * int(_CHAIN) * 32 / _best(work, device)


def _best(work: Any, device: Any) -> float:
    """Return the least seconds of ten."""
    seconds = []
    for _ in range(10):
        wp.synchronize_device(device)
        start = time.perf_counter()
        work()
        wp.synchronize_device(device)
        seconds.append(time.perf_counter() - start)
    return float(np.min(seconds))
