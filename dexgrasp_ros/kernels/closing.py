"""Forward simulation of a closing hand: a free object, driven joints, contacts with friction.

One implicit time step solves for the impulses p_g of the hand on the object:

    0 ≤ p_n  ⟂  n·w + φ/h ≥ 0 (φ > 0)   or   n·w + φ/t_φ ≥ 0 (φ ≤ 0),    |p_t| ≤ μ p_n against w_t

with w = v + ω × r - J u the velocity of the object relative to the hand at the contact. Where
contacts creep, what sticks obeys w_t = -c p_t/h instead of w_t = 0. The step's
linear masses are those of the object and, for each joint with a position controller of stiffness k
and damping b, a + h b + h² k: the controller is part of the implicit step, so stiff joints need no
smaller steps. A controller at its effort limit is a constant torque instead.

Everything is in the frame of the object's mesh, which moves with the object.
"""

import warp as wp

from dexgrasp_ros.kernels.contact_points import SLOPE, STALE, travel
from dexgrasp_ros.kernels.distance import distance_field, signed_distance, xyz
from dexgrasp_ros.kernels.kinematics import REVOLUTE
from dexgrasp_ros.kernels.lanes import (
    ball_distance,
    ball_distances,
    point_distance,
    point_distances,
)
from dexgrasp_ros.kernels.types import BLOCK, Hand, Object

wp.set_module_options({'enable_backward': False, 'block_dim': BLOCK})


@wp.struct
class Dynamics:
    """Numbers of the simulation."""

    step: float  # h [s]
    creep: float  # speed of a contact that sticks, for each newton across it [m/(s N)]
    mass: float  # of the object [kg]
    inverse_inertia: wp.mat33  # about its centre of mass, in the frame of its mesh [1/(kg m^2)]
    reach: float  # contacts closer than this are solved for [m]
    error_time: float  # t_φ, in which overlap is pushed apart [s]
    sweeps: int
    armature: wp.array(dtype=float)  # [J] a [kg m^2 or kg]
    damping: wp.array(dtype=float)  # [J] b
    stiffness: wp.array(dtype=float)  # [J] k
    effort: wp.array(dtype=float)  # [J] limit [N m or N]


@wp.struct
class Motion:
    """State of N simulations."""

    pose: wp.array(dtype=wp.transform)  # [N] object's frame in the frame it started in
    pull: wp.array(dtype=wp.vec3)  # [N] which way the object is pulled, in the same frame, unit
    linear: wp.array(dtype=wp.vec3)  # [N] velocity of the centre of mass, object's frame [m/s]
    angular: wp.array(dtype=wp.vec3)  # [N] object's frame [rad/s]
    palm: wp.array(dtype=wp.transform)  # [N] in the object's frame
    palm_velocity: wp.array(dtype=wp.vec3)  # [N] likewise [m/s]
    q: wp.array2d(dtype=float)  # [N, J]
    rate: wp.array2d(dtype=float)  # [N, J] u
    nearest: wp.array2d(dtype=int)  # [N, G]
    place: wp.array2d(dtype=wp.transform)  # [N, G] of the group's body one step ago
    drift: wp.array2d(dtype=float)  # [N, G] φ of a point changed by no more since the last search
    cluster_bound: wp.array2d(dtype=float)  # [N, C] φ in each cluster then, at least
    distance: wp.array2d(dtype=float)  # [N, G] φ; at least `reach` where there is no contact
    point: wp.array2d(dtype=wp.vec3)  # [N, G]
    normal: wp.array2d(dtype=wp.vec3)  # [N, G] unit, into the object
    impulse: wp.array2d(dtype=wp.vec3)  # [N, G] of the hand on the object [N s]
    normal_mass: wp.array2d(dtype=float)  # [N, G] 1 / A_nn
    tangent_mass: wp.array2d(dtype=float)  # [N, G]


@wp.kernel
def drive_hand(
    motion: Motion,
    palm_start: wp.array(dtype=wp.transform),  # [N] in the frame the object started in
    palm_end: wp.array(dtype=wp.transform),  # [N]
    q_start: wp.array2d(dtype=float),  # [N, J]
    q_end: wp.array2d(dtype=float),  # [N, J]
    course: wp.array(dtype=wp.vec4),  # [T] of each step, see `ClosingSimulation`
    counter: wp.array(dtype=int),  # [1] step
    h: float,
    target: wp.array2d(dtype=float),  # [N, J] out
):
    """Pose and velocity of the palm as the step begins, and joint targets as it ends.

    The palm's pose is seen from where the object is; contacts are found there, with the joints of
    the same moment.
    """
    n = wp.tid()
    before = course[counter[0]][0]
    after = course[counter[0]][1]
    a = palm_start[n]
    b = palm_end[n]
    way = wp.transform_get_translation(b) - wp.transform_get_translation(a)
    position = wp.transform_get_translation(a) + way * before
    turn = wp.quat_slerp(wp.transform_get_rotation(a), wp.transform_get_rotation(b), before)
    back = wp.transform_inverse(motion.pose[n])
    motion.palm[n] = back * wp.transform(position, turn)
    motion.palm_velocity[n] = wp.transform_vector(back, way * ((after - before) / h))
    for c in range(target.shape[1]):
        target[n, c] = q_start[n, c] * (1.0 - after) + q_end[n, c] * after


@wp.kernel
def find_touch(
    hand: Hand,
    obj: Object,
    dynamics: Dynamics,
    growth: float,  # the object's surface is moved outward by this [m]
    bodies: wp.array2d(dtype=wp.transform),
    motion: Motion,
):
    """Closest point of each group, where it is within reach, found as by `find_contacts`."""
    n, g = wp.tid()
    body = bodies[n, hand.group_bodies[g]]
    drift = motion.drift[n, g] + SLOPE * travel(hand, g, motion.place[n, g], body)
    motion.place[n, g] = body
    grid = obj.distance
    sphere = hand.group_spheres[g]
    center = wp.transform_point(body, xyz(sphere))
    limit = dynamics.reach + growth
    best = limit
    distance = dynamics.reach  # not best - growth, which rounding could put below it
    if signed_distance(grid, center) - sphere[3] < limit:
        turn = wp.quat_to_matrix(wp.transform_get_rotation(body))
        shift = wp.transform_get_translation(body)
        nearest = motion.nearest[n, g]
        best = wp.min(best, signed_distance(grid, turn * hand.points[nearest] + shift))
        if drift >= STALE * (best - growth):
            for c in range(hand.group_clusters[g], hand.group_clusters[g + 1]):
                bound = motion.cluster_bound[n, c] - drift
                if bound < best:
                    s = hand.cluster_spheres[c]
                    bound = signed_distance(grid, turn * xyz(s) + shift) - s[3]
                motion.cluster_bound[n, c] = bound
                if bound < best:
                    patch = hand.cluster_patches[c]
                    patches = hand.cluster_patches[c + 1] - patch
                    balls = hand.patch_spheres
                    near = ball_distances(grid, turn, shift, balls, patch)
                    for r in range(patches):
                        if ball_distance(near, grid, turn, shift, balls, patch, r) < best:
                            first = hand.patch_points[patch + r]
                            count = hand.patch_points[patch + r + 1] - first
                            points = hand.points
                            phis = point_distances(grid, turn, shift, points, first)
                            for p in range(count):
                                phi = point_distance(phis, grid, turn, shift, points, first, p)
                                if phi < best:
                                    best = phi
                                    nearest = first + p
            drift = float(0.0)
        if best < limit:
            x = turn * hand.points[nearest] + shift
            _phi, _gradient, direction, _curvature = distance_field(grid, x)
            motion.nearest[n, g] = nearest
            motion.point[n, g] = x
            motion.normal[n, g] = -wp.normalize(direction)
            distance = best - growth
    motion.drift[n, g] = drift
    motion.distance[n, g] = distance


@wp.func
def _axis_velocity(hand: Hand, b: int, body: wp.transform, x: wp.vec3):
    """Velocity of the point x on body b for a unit rate of its actuated joint."""
    direction = wp.transform_vector(body, hand.body_axes[b]) * hand.body_multipliers[b]
    result = direction
    if hand.body_types[b] == REVOLUTE:
        result = wp.cross(direction, x - wp.transform_get_translation(body))
    return result


@wp.func
def _joint_mass(dynamics: Dynamics, c: int, spring: float):
    """Linear mass of a joint in one implicit step, and the impulse of its controller."""
    h = dynamics.step
    mass = dynamics.armature[c] + h * dynamics.damping[c]
    torque = spring
    if wp.abs(spring) < dynamics.effort[c]:
        mass += h * h * dynamics.stiffness[c]
    else:
        torque = wp.sign(spring) * dynamics.effort[c]
    return mass, torque * h


@wp.func
def _push(
    hand: Hand,
    dynamics: Dynamics,
    motion: Motion,
    masses: wp.array2d(dtype=float),
    bodies: wp.array2d(dtype=wp.transform),
    n: int,
    g: int,
    p: wp.vec3,
):
    """Joints give way to an impulse -p at contact g."""
    x = motion.point[n, g]
    b = hand.group_bodies[g]
    while b > 0:
        c = hand.body_coordinates[b]
        if c >= 0:
            slope = _axis_velocity(hand, b, bodies[n, b], x)
            motion.rate[n, c] = motion.rate[n, c] - wp.dot(slope, p) / masses[n, c]
        b = hand.body_parents[b]


@wp.func
def _hand_velocity(
    hand: Hand, motion: Motion, bodies: wp.array2d(dtype=wp.transform), n: int, g: int
):
    x = motion.point[n, g]
    velocity = motion.palm_velocity[n]
    b = hand.group_bodies[g]
    while b > 0:
        c = hand.body_coordinates[b]
        if c >= 0:
            velocity += _axis_velocity(hand, b, bodies[n, b], x) * motion.rate[n, c]
        b = hand.body_parents[b]
    return velocity


@wp.func
def _mobility(
    hand: Hand,
    motion: Motion,
    masses: wp.array2d(dtype=float),
    bodies: wp.array2d(dtype=wp.transform),
    n: int,
    g: int,
    normal: wp.vec3,
):
    """Hand's part of A_nn and of the trace of A at contact g."""
    x = motion.point[n, g]
    along = float(0.0)
    trace = float(0.0)
    b = hand.group_bodies[g]
    while b > 0:
        c = hand.body_coordinates[b]
        if c >= 0:
            one = _axis_velocity(hand, b, bodies[n, b], x)
            # Bodies of one actuated joint (mimics) move together: their cross terms count.
            other = hand.group_bodies[g]
            while other > 0:
                if hand.body_coordinates[other] == c:
                    two = _axis_velocity(hand, other, bodies[n, other], x)
                    along += wp.dot(one, normal) * wp.dot(two, normal) / masses[n, c]
                    trace += wp.dot(one, two) / masses[n, c]
                other = hand.body_parents[other]
        b = hand.body_parents[b]
    return along, trace


@wp.kernel
def step_dynamics(
    hand: Hand,
    obj: Object,
    dynamics: Dynamics,
    bodies: wp.array2d(dtype=wp.transform),
    target: wp.array2d(dtype=float),  # [N, J] of the controllers at the end of the step
    masses: wp.array2d(dtype=float),  # [N, J] scratch
    active: wp.array2d(dtype=int),  # [N, G] scratch
    course: wp.array(dtype=wp.vec4),  # [T] of each step
    counter: wp.array(dtype=int),  # [1] step
    motion: Motion,
):
    """One time step of object and joints."""
    n = wp.tid()
    mu = course[counter[0]][2]  # friction
    pull = course[counter[0]][3]  # force on the object [N]
    h = dynamics.step
    slack = dynamics.creep / h
    inverse = dynamics.inverse_inertia
    turned = wp.transform_get_rotation(motion.pose[n])
    v = motion.linear[n] + wp.quat_rotate_inv(turned, motion.pull[n]) * (pull * h / dynamics.mass)
    w = motion.angular[n]
    for c in range(masses.shape[1]):
        spring = dynamics.stiffness[c] * (target[n, c] - motion.q[n, c])
        mass, impulse = _joint_mass(dynamics, c, spring)
        motion.rate[n, c] = (dynamics.armature[c] * motion.rate[n, c] + impulse) / mass
        masses[n, c] = mass
    count = int(0)
    for g in range(active.shape[1]):
        p = wp.vec3()
        if motion.distance[n, g] < dynamics.reach:
            active[n, count] = g
            count += 1
            r = motion.point[n, g] - obj.center
            normal = motion.normal[n, g]
            along, trace = _mobility(hand, motion, masses, bodies, n, g, normal)
            turn = wp.cross(r, normal)
            along += 1.0 / dynamics.mass + wp.dot(turn, inverse * turn)
            # trace([r]ᵀ I⁻¹ [r]) = |r|² tr I⁻¹ - rᵀ I⁻¹ r
            trace += 3.0 / dynamics.mass
            trace += wp.dot(r, r) * wp.trace(inverse) - wp.dot(r, inverse * r)
            motion.normal_mass[n, g] = 1.0 / along
            motion.tangent_mass[n, g] = 1.0 / (wp.max(trace - along, along) + slack)
            p = motion.impulse[n, g]
            v += p / dynamics.mass
            w += inverse * wp.cross(r, p)
            _push(hand, dynamics, motion, masses, bodies, n, g, p)
        motion.impulse[n, g] = p
    for _sweep in range(dynamics.sweeps):
        for i in range(count):
            g = active[n, i]
            x = motion.point[n, g]
            r = x - obj.center
            normal = motion.normal[n, g]
            phi = motion.distance[n, g]
            bias = phi / h
            if phi < 0.0:
                bias = phi / dynamics.error_time
            slip = v + wp.cross(w, r) - _hand_velocity(hand, motion, bodies, n, g)
            across = slip - normal * wp.dot(slip, normal)
            old = motion.impulse[n, g]
            pn = wp.dot(old, normal)
            pt = old - normal * pn
            pt -= (across + pt * slack) * motion.tangent_mass[n, g]
            pn = wp.max(pn - (wp.dot(slip, normal) + bias) * motion.normal_mass[n, g], 0.0)
            size = wp.length(pt)
            if size > mu * pn:
                pt = pt * (mu * pn / wp.max(size, 1.0e-12))
            new = normal * pn + pt
            change = new - old
            motion.impulse[n, g] = new
            v += change / dynamics.mass
            w += inverse * wp.cross(r, change)
            _push(hand, dynamics, motion, masses, bodies, n, g, change)
    for c in range(masses.shape[1]):
        q = motion.q[n, c] + h * motion.rate[n, c]
        motion.q[n, c] = wp.clamp(q, hand.lower[c], hand.upper[c])
    # The centre of mass moves by v, the frame turns about it; velocities stay in the moving frame.
    pose = motion.pose[n]
    center = wp.transform_point(pose, obj.center) + wp.transform_vector(pose, v) * h
    angle = wp.length(w) * h
    spin = wp.quat_identity()
    if angle > 1.0e-9:
        spin = wp.quat_from_axis_angle(w / wp.length(w), angle)
    rotation = wp.normalize(turned * spin)
    motion.pose[n] = wp.transform(center - wp.quat_rotate(rotation, obj.center), rotation)
    motion.linear[n] = wp.quat_rotate_inv(spin, v)
    motion.angular[n] = w
