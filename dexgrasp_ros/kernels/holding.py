"""What becomes of an object that is pulled: how far it slips, and when it is lost."""

import warp as wp

from dexgrasp_ros.kernels.closing import Motion

wp.set_module_options({'enable_backward': False})


# Slip of 1 is what ends a shake test. More than so often that says nothing more.
SLIPPED = wp.constant(0.05)  # m
TURNED = wp.constant(0.26)  # rad
MOST = wp.constant(4.0)


@wp.struct
class Limits:
    """When an object is lost."""

    center: wp.vec3  # of mass [m]
    displacement: float  # [m]
    rotation: float  # [rad]


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
    step: int,
    slip: wp.array(dtype=float),  # [N] is added to
    lost: wp.array(dtype=int),  # [N] first step in which the object was lost
):
    """Add up how far the object is from where it was untouched; note when it is lost."""
    n = wp.tid()
    pose = motion.pose[n]
    center = limits.center
    far = wp.min(_moved(pose, center) / SLIPPED, MOST) + wp.min(_turned(pose) / TURNED, MOST)
    slip[n] = slip[n] + far
    since = pose * wp.transform_inverse(begun[n])
    moved = _moved(since, wp.transform_point(begun[n], center))
    # Not `>`, nor a maximum: a simulation that diverged has lost it as well, though one be NaN.
    kept = moved < limits.displacement and _turned(since) < limits.rotation
    if lost[n] > step and not kept:
        lost[n] = step
