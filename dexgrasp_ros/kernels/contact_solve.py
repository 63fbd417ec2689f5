"""The contact step: what is left of a unit test wrench, and how that changes with the hand.

For test wrenches w_j = ±e_1 … ±e_6 (torque rows divided by L), c = (x - com)/L:

    V_j = min over f_g in cone(n_g, μ) of ½|w_j + Σ_g [f_g; c_g × f_g]|² + ½ Σ_g r_g |f_g|²
    r_g = (r0 + (max(φ_g, 0)/s)²) / weight_g

the kinetic energy that a unit impulse leaves after one implicit, convex contact step.
"""

import warp as wp

from dexgrasp_ros.kernels.types import Contacts, Hand, Object, Settings

wp.set_module_options({'enable_backward': False})

WRENCHES = wp.constant(12)


@wp.func
def contact_normal(contacts: Contacts, n: int, g: int):
    """Return the unit normal into the object."""
    return -wp.normalize(contacts.direction[n, g])


@wp.func
def compliance(hand: Hand, settings: Settings, phi: float, g: int, softness: float):
    """r_g of the module's formula."""
    gap = wp.max(phi, 0.0) / softness
    return (settings.compliance + gap * gap) / hand.group_weights[g]


@wp.func
def project_on_cone(f: wp.vec3, normal: wp.vec3, friction: float):
    """Closest vector with |f_t| ≤ μ f_n."""
    fn = wp.dot(f, normal)
    ft = f - normal * fn
    t = wp.length(ft)
    result = f
    if t > friction * fn:
        if fn < -friction * t:
            result = wp.vec3()
        else:
            on_edge = (fn + friction * t) / (1.0 + friction * friction)
            result = normal * on_edge + ft * (friction * on_edge / wp.max(t, 1.0e-12))
    return result


@wp.func
def test_wrench(j: int):
    """±e_k as force and torque; j = 2k is the positive one."""
    force = wp.vec3()
    torque = wp.vec3()
    value = 1.0 - 2.0 * float(j % 2)
    axis = j // 2
    if axis < 3:
        force[axis] = value
    else:
        torque[axis - 3] = value
    return force, torque


@wp.kernel
def solve_contacts(
    hand: Hand,
    obj: Object,
    settings: Settings,
    schedule: wp.array(dtype=wp.vec3),  # [T] softness s [m], distance weight, step scale
    counter: wp.array(dtype=int),  # [1] iteration
    contacts: Contacts,
    forces: wp.array3d(dtype=wp.vec3),  # [N, 12, G] in: start, out: solution
    residual_force: wp.array2d(dtype=wp.vec3),  # [N, 12] out: ρ_F
    residual_torque: wp.array2d(dtype=wp.vec3),  # [N, 12] out: ρ_T
    energy: wp.array2d(dtype=float),  # [N, 12] out: V_j
):
    """Block Gauss-Seidel: each force takes a gradient step that cannot overshoot, then its cone.

    The block's Hessian (1 + r + |c|²)I - c cᵀ is at most 1 + r + |c|², so a step with the inverse
    of that number never raises the energy.
    """
    n, j = wp.tid()
    softness = schedule[counter[0]][0]
    rho_f, rho_t = test_wrench(j)
    count = hand.group_bodies.shape[0]
    for g in range(count):
        f = forces[n, j, g]
        c = (contacts.point[n, g] - obj.center) / obj.length
        rho_f += f
        rho_t += wp.cross(c, f)
    for _sweep in range(settings.sweeps):
        for g in range(count):
            c = (contacts.point[n, g] - obj.center) / obj.length
            r = compliance(hand, settings, contacts.distance[n, g], g, softness)
            f = forces[n, j, g]
            slope = rho_f + wp.cross(rho_t, c) + f * r
            target = f - slope / (1.0 + r + wp.dot(c, c))
            new = project_on_cone(target, contact_normal(contacts, n, g), settings.friction)
            change = new - f
            rho_f += change
            rho_t += wp.cross(c, change)
            forces[n, j, g] = new
    v = wp.dot(rho_f, rho_f) + wp.dot(rho_t, rho_t)
    for g in range(count):
        r = compliance(hand, settings, contacts.distance[n, g], g, softness)
        f = forces[n, j, g]
        v += r * wp.dot(f, f)
    residual_force[n, j] = rho_f
    residual_torque[n, j] = rho_t
    energy[n, j] = 0.5 * v


@wp.kernel
def differentiate_contacts(
    hand: Hand,
    obj: Object,
    settings: Settings,
    schedule: wp.array(dtype=wp.vec3),
    counter: wp.array(dtype=int),
    palm: wp.array(dtype=wp.transform),
    contacts: Contacts,  # force, torque and penalty are added to
    forces: wp.array3d(dtype=wp.vec3),
    residual_force: wp.array2d(dtype=wp.vec3),
    residual_torque: wp.array2d(dtype=wp.vec3),
):
    """Gradient of (2/12) Σ V_j + w_d Σ weight max(φ, 0)² with respect to the contact points.

    By the envelope theorem nothing is differentiated through the solver: with the residual wrench
    ρ, ∂V/∂x = (f × ρ_T)/L, ∂V/∂φ = ½ r'(φ)|f|² and ∂V/∂n = (f × g) × n, g = ρ_F + ρ_T × c + r f.
    """
    n, g = wp.tid()
    softness = schedule[counter[0]][0]
    distance_weight = schedule[counter[0]][1]
    phi = contacts.distance[n, g]
    x = contacts.point[n, g]
    c = (x - obj.center) / obj.length
    normal = contact_normal(contacts, n, g)
    r = compliance(hand, settings, phi, g, softness)
    by_point = wp.vec3()
    by_normal = wp.vec3()
    square = float(0.0)
    for j in range(WRENCHES):
        f = forces[n, j, g]
        rho_t = residual_torque[n, j]
        slope = residual_force[n, j] + wp.cross(rho_t, c) + f * r
        by_point += wp.cross(f, rho_t)
        by_normal += wp.cross(wp.cross(f, slope), normal)
        square += wp.dot(f, f)
    share = settings.contact_weight * 2.0 / float(WRENCHES)
    gap = wp.max(phi, 0.0)
    r_slope = 2.0 * gap / (softness * softness * hand.group_weights[g])
    pull = distance_weight * hand.group_weights[g]
    by_distance = share * 0.5 * r_slope * square + 2.0 * pull * gap
    # n = -d/|d| with d the interpolated gradient: ∂n/∂x = -(I - n nᵀ)/|d| ∂d/∂x.
    across = by_normal - normal * wp.dot(normal, by_normal)
    length = wp.max(wp.length(contacts.direction[n, g]), 1.0e-6)
    turn = wp.transpose(contacts.curvature[n, g]) * across * (-1.0 / length)
    f = (by_point / obj.length + turn) * share + contacts.gradient[n, g] * by_distance
    pivot = wp.transform_get_translation(palm[n])
    contacts.force[n, g] = contacts.force[n, g] + f
    contacts.torque[n, g] = contacts.torque[n, g] + wp.cross(x - pivot, f)
    contacts.penalty[n, g] = contacts.penalty[n, g] + pull * gap * gap
