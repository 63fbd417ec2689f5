"""Forward kinematics, and its reverse sweep from wrenches on bodies to the hand's coordinates."""

import warp as wp

from dexgrasp_ros.kernels.types import BLOCK, Hand

wp.set_module_options({'enable_backward': False, 'block_dim': BLOCK})

REVOLUTE = wp.constant(1)  # core.hand_model.JointType
PRISMATIC = wp.constant(2)


@wp.func
def joint_value(hand: Hand, b: int, q: wp.array2d(dtype=float), n: int):
    """Position of the joint that moves body b, mimic joints included."""
    value = hand.body_offsets[b]
    if hand.body_coordinates[b] >= 0:
        value += hand.body_multipliers[b] * q[n, hand.body_coordinates[b]]
    return value


@wp.kernel
def forward_kinematics(
    hand: Hand,
    palm: wp.array(dtype=wp.transform),  # [N] palm frame in the object's frame
    q: wp.array2d(dtype=float),  # [N, J]
    bodies: wp.array2d(dtype=wp.transform),  # [N, B] out
):
    """Poses of all bodies."""
    n = wp.tid()
    bodies[n, 0] = palm[n] * hand.root_in_palm
    for b in range(1, hand.body_parents.shape[0]):
        frame = bodies[n, hand.body_parents[b]] * hand.body_origins[b]
        value = joint_value(hand, b, q, n)
        if hand.body_types[b] == REVOLUTE:
            turn = wp.quat_from_axis_angle(hand.body_axes[b], value)
            frame = frame * wp.transform(wp.vec3(), turn)
        else:
            frame = frame * wp.transform(hand.body_axes[b] * value, wp.quat_identity())
        bodies[n, b] = frame


@wp.func
def joint_power(
    body: wp.transform,
    axis: wp.vec3,
    kind: int,
    pivot: wp.vec3,
    force: wp.vec3,
    torque: wp.vec3,
):
    """Power of a wrench about `pivot` along the joint that moves `body` (its axis in the body)."""
    direction = wp.transform_vector(body, axis)
    result = wp.dot(direction, force)
    if kind == REVOLUTE:
        arm = wp.transform_get_translation(body) - pivot
        result = wp.dot(direction, torque - wp.cross(arm, force))
    return result


@wp.kernel
def reverse_sweep(
    hand: Hand,
    palm: wp.array(dtype=wp.transform),
    bodies: wp.array2d(dtype=wp.transform),
    group_force: wp.array2d(dtype=wp.vec3),  # [N, G] wrench about the palm's centre
    group_torque: wp.array2d(dtype=wp.vec3),
    body_force: wp.array2d(dtype=wp.vec3),  # [N, B] scratch; afterwards the sum over the subtree
    body_torque: wp.array2d(dtype=wp.vec3),
    gradient: wp.array2d(dtype=float),  # [N, J] out
):
    """Jᵀ of all group wrenches: joints into `gradient`, the root's into `body_*[n, 0]`."""
    n = wp.tid()
    pivot = wp.transform_get_translation(palm[n])
    for b in range(hand.body_parents.shape[0]):
        body_force[n, b] = wp.vec3()
        body_torque[n, b] = wp.vec3()
    for g in range(hand.group_bodies.shape[0]):
        b = hand.group_bodies[g]
        body_force[n, b] = body_force[n, b] + group_force[n, g]
        body_torque[n, b] = body_torque[n, b] + group_torque[n, g]
    for c in range(gradient.shape[1]):
        gradient[n, c] = 0.0
    last = hand.body_parents.shape[0] - 1
    for i in range(last):
        b = last - i
        c = hand.body_coordinates[b]
        if c >= 0:
            power = joint_power(
                bodies[n, b],
                hand.body_axes[b],
                hand.body_types[b],
                pivot,
                body_force[n, b],
                body_torque[n, b],
            )
            gradient[n, c] = gradient[n, c] + hand.body_multipliers[b] * power
        parent = hand.body_parents[b]
        body_force[n, parent] = body_force[n, parent] + body_force[n, b]
        body_torque[n, parent] = body_torque[n, parent] + body_torque[n, b]
