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
# A softer contact would take less than 2 % of a wrench, and is left out: most of a hand is far.
SOFTEST = wp.constant(50.0)


@wp.kernel
def prepare_contacts(
    hand: Hand,
    obj: Object,
    settings: Settings,
    schedule: wp.array(dtype=wp.vec4),  # [T] s [m], weights of distance and penalties, steps
    counter: wp.array(dtype=int),  # [1] iteration
    contacts: Contacts,  # normal, arm, compliance and step: out
):
    """Compute once what twelve wrenches and many sweeps ask of each contact."""
    n, g = wp.tid()
    gap = wp.max(contacts.distance[n, g], 0.0) / schedule[counter[0]][0]
    contacts.normal[n, g] = -wp.normalize(contacts.direction[n, g])
    arm = (contacts.point[n, g] - obj.center) / obj.length
    r = (settings.compliance + gap * gap) / hand.group_weights[g]
    contacts.arm[n, g] = arm
    contacts.compliance[n, g] = r
    contacts.step[n, g] = wp.where(r > SOFTEST, 0.0, 1.0 / (1.0 + r + wp.dot(arm, arm)))


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


@wp.func
def _updated(
    f: wp.vec3,
    rho_f: wp.vec3,
    rho_t: wp.vec3,
    normal: wp.vec3,
    arm: wp.vec3,
    r: float,
    step: float,
    friction: float,
):
    """One contact's force after its gradient step and the projection on its cone."""
    slope = rho_f + wp.cross(rho_t, arm) + f * r
    return project_on_cone(f - slope * step, normal, friction)


@wp.kernel
def solve_contacts(
    settings: Settings,
    contacts: Contacts,
    forces: wp.array3d(dtype=wp.vec3),  # [N, 12, G] in: start, out: solution
    residual_force: wp.array2d(dtype=wp.vec3),  # [N, 12] out: ρ_F
    residual_torque: wp.array2d(dtype=wp.vec3),  # [N, 12] out: ρ_T
    energy: wp.array2d(dtype=float),  # [N, 12] out: V_j
):
    """Block Gauss-Seidel: each force takes a gradient step that cannot overshoot, then its cone.

    The block's Hessian (1 + r + |c|²)I - c cᵀ is at most 1 + r + |c|², so a step with the inverse
    of that number never raises the energy. A thread solves for +e_k and -e_k side by side: each
    alone is one long chain of dependent operations, which leaves most of a core idle.
    """
    n, k = wp.tid()
    plus = 2 * k
    minus = 2 * k + 1
    pf, pt = test_wrench(plus)
    mf, mt = test_wrench(minus)
    count = forces.shape[2]
    for g in range(count):
        if contacts.step[n, g] == 0.0:
            forces[n, plus, g] = wp.vec3()
            forces[n, minus, g] = wp.vec3()
        else:
            arm = contacts.arm[n, g]
            f = forces[n, plus, g]
            h = forces[n, minus, g]
            pf += f
            pt += wp.cross(arm, f)
            mf += h
            mt += wp.cross(arm, h)
    mu = settings.friction
    for _sweep in range(settings.sweeps):
        for g in range(count):
            step = contacts.step[n, g]
            if step > 0.0:
                arm = contacts.arm[n, g]
                normal = contacts.normal[n, g]
                r = contacts.compliance[n, g]
                f = forces[n, plus, g]
                h = forces[n, minus, g]
                new_f = _updated(f, pf, pt, normal, arm, r, step, mu)
                new_h = _updated(h, mf, mt, normal, arm, r, step, mu)
                pf += new_f - f
                pt += wp.cross(arm, new_f - f)
                mf += new_h - h
                mt += wp.cross(arm, new_h - h)
                forces[n, plus, g] = new_f
                forces[n, minus, g] = new_h
    v = wp.dot(pf, pf) + wp.dot(pt, pt)
    u = wp.dot(mf, mf) + wp.dot(mt, mt)
    for g in range(count):
        f = forces[n, plus, g]
        h = forces[n, minus, g]
        v += contacts.compliance[n, g] * wp.dot(f, f)
        u += contacts.compliance[n, g] * wp.dot(h, h)
    residual_force[n, plus] = pf
    residual_torque[n, plus] = pt
    energy[n, plus] = 0.5 * v
    residual_force[n, minus] = mf
    residual_torque[n, minus] = mt
    energy[n, minus] = 0.5 * u


@wp.kernel
def differentiate_contacts(
    hand: Hand,
    obj: Object,
    settings: Settings,
    schedule: wp.array(dtype=wp.vec4),
    counter: wp.array(dtype=int),
    palm: wp.array(dtype=wp.transform),
    contacts: Contacts,  # force, torque and penalty are scaled by the schedule and added to
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
    penalty_scale = schedule[counter[0]][2]
    phi = contacts.distance[n, g]
    x = contacts.point[n, g]
    c = contacts.arm[n, g]
    normal = contacts.normal[n, g]
    r = contacts.compliance[n, g]
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
    contacts.force[n, g] = contacts.force[n, g] * penalty_scale + f
    torque = contacts.torque[n, g] * penalty_scale
    contacts.torque[n, g] = torque + wp.cross(x - pivot, f)
    contacts.penalty[n, g] = contacts.penalty[n, g] * penalty_scale + pull * gap * gap
