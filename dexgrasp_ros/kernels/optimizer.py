"""One step of Adam on the palm's pose and the joints."""

import warp as wp

from dexgrasp_ros.kernels.types import BLOCK, Hand

wp.set_module_options({'enable_backward': False, 'block_dim': BLOCK})


@wp.struct
class Adam:
    """State and constants; translation and rotation each share one second moment."""

    first: wp.array2d(dtype=float)  # [N, 6 + J]
    second: wp.array2d(dtype=float)  # [N, 2 + J]
    beta1: float
    beta2: float
    step_translation: float  # [m]
    step_rotation: float  # [rad]
    step_joint: float  # [rad]


@wp.func
def _moment(adam: Adam, n: int, i: int, gradient: float):
    value = adam.beta1 * adam.first[n, i] + (1.0 - adam.beta1) * gradient
    adam.first[n, i] = value
    return value


@wp.func
def _square(adam: Adam, n: int, i: int, square: float):
    value = adam.beta2 * adam.second[n, i] + (1.0 - adam.beta2) * square
    adam.second[n, i] = value
    return value


@wp.kernel
def adam_step(
    hand: Hand,
    adam: Adam,
    schedule: wp.array(dtype=wp.vec4),
    counter: wp.array(dtype=int),
    body_force: wp.array2d(dtype=wp.vec3),  # [N, B] column 0: gradient for the palm
    body_torque: wp.array2d(dtype=wp.vec3),
    gradient: wp.array2d(dtype=float),  # [N, J]
    palm: wp.array(dtype=wp.transform),  # [N] in, out
    q: wp.array2d(dtype=float),  # [N, J] in, out
):
    """Move the palm about its own centre, and the joints inside their limits."""
    n = wp.tid()
    step = float(counter[0] + 1)
    scale = schedule[counter[0]][3] / (1.0 - wp.pow(adam.beta1, step))
    unbias = 1.0 / (1.0 - wp.pow(adam.beta2, step))
    tiny = 1.0e-8

    force = body_force[n, 0]
    torque = body_torque[n, 0]
    move = wp.vec3(
        _moment(adam, n, 0, force[0]), _moment(adam, n, 1, force[1]), _moment(adam, n, 2, force[2])
    )
    turn = wp.vec3(
        _moment(adam, n, 3, torque[0]),
        _moment(adam, n, 4, torque[1]),
        _moment(adam, n, 5, torque[2]),
    )
    size = wp.sqrt(_square(adam, n, 0, wp.dot(force, force)) * unbias) + tiny
    move = move * (-scale * adam.step_translation / size)
    size = wp.sqrt(_square(adam, n, 1, wp.dot(torque, torque)) * unbias) + tiny
    turn = turn * (-scale * adam.step_rotation / size)

    position = wp.transform_get_translation(palm[n]) + move
    rotation = wp.transform_get_rotation(palm[n])
    angle = wp.length(turn)
    if angle > 0.0:
        rotation = wp.normalize(wp.quat_from_axis_angle(turn / angle, angle) * rotation)
    palm[n] = wp.transform(position, rotation)

    for c in range(q.shape[1]):
        m = _moment(adam, n, 6 + c, gradient[n, c])
        size = wp.sqrt(_square(adam, n, 2 + c, gradient[n, c] * gradient[n, c]) * unbias) + tiny
        value = q[n, c] - scale * adam.step_joint * hand.radian[c] * m / size
        q[n, c] = wp.clamp(value, hand.lower[c], hand.upper[c])


@wp.kernel
def advance(counter: wp.array(dtype=int)):
    """Count one iteration."""
    counter[0] = counter[0] + 1
