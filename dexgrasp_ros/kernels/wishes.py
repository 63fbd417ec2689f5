"""Terms for wishes: links that must not touch, places of contacts, the palm's direction.

Where a group may touch, its distance astray d_g is 0. Elsewhere it is how far its closest point is
outside the regions that hold contacts, or inside those that keep them out; for groups that must
not touch at all there is no end to it. Added to the energy are

    κ w Σ_g min(max(margin - φ_g, 0), d_g)²           the shorter way: off the surface, or along it
    r_g += (d_g/s)²/weight_g,    w_d weight_g d_g²    as gaps have it
    κ w_a max(∠(z_palm, axis) - half angle, 0)²
"""

import warp as wp

from dexgrasp_ros.kernels.contact_solve import SOFTEST, WRENCHES, Forces, test_force
from dexgrasp_ros.kernels.primitives import primitive_distance
from dexgrasp_ros.kernels.types import BLOCK, Contacts, Hand, Settings, Wish

wp.set_module_options({'enable_backward': False, 'block_dim': BLOCK})

CONE = wp.constant(5)  # the other shapes have the numbers of core.hand_model.GeometryType
FAR = wp.constant(1.0e9)  # m


@wp.func
def _cone(radius: float, half: float, x: wp.vec3):
    """Cone from z = -half to its tip at z = half; its section is a triangle."""
    around = wp.sqrt(x[0] * x[0] + x[1] * x[1])
    radial = wp.vec3(1.0, 0.0, 0.0)
    if around > 1.0e-9:
        radial = wp.vec3(x[0] / around, x[1] / around, 0.0)
    up = x[2] + half
    height = 2.0 * half
    axial = wp.vec3(0.0, 0.0, 1.0)
    square = radius * radius + height * height
    t = wp.clamp(((radius - around) * radius + up * height) / square, 0.0, 1.0)
    away = radial * (around - radius * (1.0 - t)) + axial * (up - height * t)
    normal = (radial * height + axial * radius) / wp.sqrt(square)
    to_base = radial * wp.max(around - radius, 0.0) + axial * up
    if wp.length(to_base) < wp.length(away):
        away = to_base
        normal = -axial
    sign = 1.0
    if up > 0.0 and around * height < radius * (height - up):
        sign = -1.0
    length = wp.length(away)
    if length > 1.0e-9:
        normal = away * (sign / length)
    return sign * length, normal


@wp.func
def region_distance(wish: Wish, k: int, x: wp.vec3):
    """Signed distance to region k and its gradient, at x in the object's frame."""
    pose = wish.region_poses[k]
    local = wp.transform_point(wp.transform_inverse(pose), x)
    size = wish.region_sizes[k]
    distance = float(0.0)
    gradient = wp.vec3()
    if wish.region_shapes[k] == CONE:
        distance, gradient = _cone(size[0], size[1], local)
    else:
        distance, gradient = primitive_distance(wish.region_shapes[k], size, local)
    return distance, wp.transform_vector(pose, gradient)


@wp.func
def distance_astray(wish: Wish, x: wp.vec3):
    """How far x is from where contacts may be, and its gradient."""
    distance = float(0.0)
    gradient = wp.vec3()
    if wish.hold_count > 0:
        distance = float(FAR)
        for k in range(wish.hold_count):
            d, slope = region_distance(wish, k, x)
            if d < distance:
                distance = d
                gradient = slope
        if distance <= 0.0:
            distance = float(0.0)
            gradient = wp.vec3()
    for k in range(wish.hold_count, wish.region_shapes.shape[0]):
        d, slope = region_distance(wish, k, x)
        # What is closed as the search ends may yet slide by a little: keep off by the margin.
        if wish.margin - d > distance:
            distance = wish.margin - d
            gradient = -slope
    return distance, gradient


@wp.kernel
def keep_clear(
    wish: Wish,  # astray and way_out: out
    palm: wp.array(dtype=wp.transform),
    contacts: Contacts,  # force, torque and penalty are added to
):
    """Σ w min(max(margin - φ, 0), d)² over the groups, each at its closest point."""
    n, g = wp.tid()
    x = contacts.point[n, g]
    distance = float(FAR)
    gradient = wp.vec3()
    if wish.clear[g] == 0:
        distance, gradient = distance_astray(wish, x)
    wish.astray[n, g] = distance
    wish.way_out[n, g] = gradient
    short = wp.max(wish.margin - contacts.distance[n, g], 0.0)
    if short > 0.0 and distance > 0.0:
        f = gradient * (2.0 * wish.weight * distance)
        if short < distance:
            f = contacts.gradient[n, g] * (-2.0 * wish.weight * short)
        least = wp.min(short, distance)
        pivot = wp.transform_get_translation(palm[n])
        contacts.force[n, g] = contacts.force[n, g] + f
        contacts.torque[n, g] = contacts.torque[n, g] + wp.cross(x - pivot, f)
        contacts.penalty[n, g] = contacts.penalty[n, g] + wish.weight * least * least


@wp.kernel
def soften_astray(
    hand: Hand,
    wish: Wish,
    schedule: wp.array(dtype=wp.vec4),
    counter: wp.array(dtype=int),
    contacts: Contacts,  # compliance and step: in, out
):
    """Make a contact that is astray by s as soft as one with a gap of s."""
    n, g = wp.tid()
    ratio = wish.astray[n, g] / schedule[counter[0]][0]
    r = contacts.compliance[n, g] + ratio * ratio / hand.group_weights[g]
    arm = contacts.arm[n, g]
    contacts.compliance[n, g] = r
    contacts.step[n, g] = wp.where(r > SOFTEST, 0.0, 1.0 / (1.0 + r + wp.dot(arm, arm)))


@wp.kernel
def pull_back(
    hand: Hand,
    wish: Wish,
    settings: Settings,
    schedule: wp.array(dtype=wp.vec4),
    counter: wp.array(dtype=int),
    palm: wp.array(dtype=wp.transform),
    forces: wp.array2d(dtype=Forces),
    contacts: Contacts,  # force, torque and penalty are added to
):
    """Gradient of the contact term with respect to d, and w_d weight d²."""
    n, g = wp.tid()
    astray = wish.astray[n, g]
    if wish.clear[g] == 0 and astray > 0.0:
        softness = schedule[counter[0]][0]
        square = float(0.0)
        for j in range(WRENCHES):
            f = test_force(forces[n, g], j)
            square += wp.dot(f, f)
        share = settings.contact_weight * 2.0 / float(WRENCHES)
        r_slope = 2.0 * astray / (softness * softness * hand.group_weights[g])
        pull = schedule[counter[0]][1] * hand.group_weights[g]
        f = wish.way_out[n, g] * (share * 0.5 * r_slope * square + 2.0 * pull * astray)
        pivot = wp.transform_get_translation(palm[n])
        contacts.force[n, g] = contacts.force[n, g] + f
        torque = wp.cross(contacts.point[n, g] - pivot, f)
        contacts.torque[n, g] = contacts.torque[n, g] + torque
        contacts.penalty[n, g] = contacts.penalty[n, g] + pull * astray * astray


@wp.kernel
def measure_lean(
    wish: Wish,  # lean and lean_torque: out
    palm: wp.array(dtype=wp.transform),
):
    """Measure w_a max(θ - half angle, 0)², θ between the palm's z axis and the wanted one."""
    n = wp.tid()
    z = wp.transform_vector(palm[n], wp.vec3(0.0, 0.0, 1.0))
    across = wp.cross(z, wish.axis)
    sine = wp.length(across)
    excess = wp.max(wp.atan2(sine, wp.dot(z, wish.axis)) - wish.half_angle, 0.0)
    # A turn by ω changes z by ω × z, and so θ by -ω·(z × axis)/|z × axis|.
    wish.lean[n] = wish.approach_weight * excess * excess
    wish.lean_torque[n] = across * (-2.0 * wish.approach_weight * excess / wp.max(sine, 1.0e-6))


@wp.kernel
def turn_back(
    wish: Wish,
    schedule: wp.array(dtype=wp.vec4),
    counter: wp.array(dtype=int),
    body_torque: wp.array2d(dtype=wp.vec3),  # [N, B] column 0, the palm's, is added to
):
    """Gradient of the palm's direction."""
    n = wp.tid()
    scale = schedule[counter[0]][2]
    body_torque[n, 0] = body_torque[n, 0] + wish.lean_torque[n] * scale
