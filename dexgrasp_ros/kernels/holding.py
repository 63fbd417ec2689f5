"""What becomes of an object that is pulled: how far it slips, and when it is lost."""

import warp as wp

from dexgrasp_ros.kernels.closing import Motion
from dexgrasp_ros.kernels.types import BLOCK

wp.set_module_options({'enable_backward': False, 'block_dim': BLOCK})


# Slip of 1 ends a shake test; a few times that says no more than that the object is gone, and is
# not to outweigh all other directions.
MOST = wp.constant(4.0)


@wp.struct
class Limits:
    """How far an object may go."""

    center: wp.vec3  # of mass [m]
    slipped: float  # that is a slip of 1 [m]
    turned: float  # likewise [rad]
    displacement: float  # beyond which it is lost [m]
    rotation: float  # likewise [rad]


@wp.func
def _moved(pose: wp.transform, center: wp.vec3):
    return wp.length(wp.transform_point(pose, center) - center)


@wp.func
def _turned(pose: wp.transform):
    q = wp.transform_get_rotation(pose)
    return 2.0 * wp.atan2(wp.length(wp.vec3(q[0], q[1], q[2])), wp.abs(q[3]))


@wp.kernel
def watch_object(
    limits: Limits,
    motion: Motion,
    begun: wp.array(dtype=wp.transform),  # [N] pose before the first step
    counter: wp.array(dtype=int),  # [1] step
    slip: wp.array(dtype=float),  # [N] is added to
    lost: wp.array(dtype=int),  # [N] first step in which the object was lost
):
    """Add up how far the object is from where it was untouched; note when it is lost."""
    n = wp.tid()
    step = counter[0]
    pose = motion.pose[n]
    center = limits.center
    moved = wp.min(_moved(pose, center) / limits.slipped, MOST)
    slip[n] = slip[n] + moved + wp.min(_turned(pose) / limits.turned, MOST)
    since = pose * wp.transform_inverse(begun[n])
    away = _moved(since, wp.transform_point(begun[n], center))
    # Not `>`, nor a maximum: a simulation that diverged has lost it as well, though one be NaN.
    kept = away < limits.displacement and _turned(since) < limits.rotation
    if lost[n] > step and not kept:
        lost[n] = step
