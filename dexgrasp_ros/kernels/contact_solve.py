"""The contact step: what is left of a unit test wrench, and how that changes with the hand.

For test wrenches w_j = ±e_1 … ±e_6 (torque rows divided by L), c = (x - com)/L:

    V_j = min over f_g in cone(n_g, μ) of ½|w_j + Σ_g [f_g; c_g × f_g]|² + ½ Σ_g r_g |f_g|²
    r_g = (r0 + (max(φ_g, 0)/s)²) / weight_g

the kinetic energy that a unit impulse leaves after one implicit, convex contact step.
"""

import warp as wp

from dexgrasp_ros.kernels.types import BLOCK, Contacts, Hand, Object, Settings

wp.set_module_options({'enable_backward': False, 'block_dim': BLOCK})

WRENCHES = wp.constant(12)
# A softer contact would take less than 2 % of a wrench, and is left out: most of a hand is far.
SOFTEST = wp.constant(50.0)


# Columns are the test wrenches, so that lanes, or threads, read what lies side by side.
Forces = wp.types.matrix(shape=(3, 12), dtype=float)


@wp.func
def test_force(forces: Forces, j: int):
    """Force of one contact for test wrench j."""
    return wp.vec3(forces[0, j], forces[1, j], forces[2, j])


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


# Test wrenches that one thread solves for, side by side in the lanes of vector registers: all on
# a CPU; on CUDA a pair, so that there are threads enough.
CPU_WRENCHES = 12
CUDA_WRENCHES = 2

_SOLVE = """
#if defined(__CUDA_ARCH__)
    constexpr int W = CUDA_WRENCHES;
#else
    constexpr int W = CPU_WRENCHES;
#endif
    const int start = W * part;
    const int groups = forces.shape[1];
    const int row = n * groups;
    const float* compliance = contacts.compliance.data + row;
    const float* steps = contacts.step.data + row;
    const float mu = settings.friction;
    // What is left of the wrenches: ±e_k as force (rf) and torque (rt), less what contacts bear.
    float rf[3][W], rt[3][W];
    for (int l = 0; l < W; ++l) {
        const int axis = (start + l) / 2;
        const float sign = (start + l) % 2 ? -1.0f : 1.0f;
        for (int c = 0; c < 3; ++c) {
            rf[c][l] = axis == c ? sign : 0.0f;
            rt[c][l] = axis == c + 3 ? sign : 0.0f;
        }
    }
    for (int g = 0; g < groups; ++g) {
        auto& force = forces.data[row + g].data;
        const float* arm = contacts.arm.data[row + g].c;
        const float a0 = arm[0], a1 = arm[1], a2 = arm[2];
        if (steps[g] == 0.0f) {
            for (int c = 0; c < 3; ++c) {
                for (int l = 0; l < W; ++l) force[c][start + l] = 0.0f;
            }
            continue;
        }
        for (int l = 0; l < W; ++l) {
            const float f0 = force[0][start + l];
            const float f1 = force[1][start + l];
            const float f2 = force[2][start + l];
            rf[0][l] += f0;
            rf[1][l] += f1;
            rf[2][l] += f2;
            rt[0][l] += a1 * f2 - a2 * f1;
            rt[1][l] += a2 * f0 - a0 * f2;
            rt[2][l] += a0 * f1 - a1 * f0;
        }
    }
    for (int sweep = 0; sweep < settings.sweeps; ++sweep) {
        for (int g = 0; g < groups; ++g) {
            const float step = steps[g];
            if (!(step > 0.0f)) continue;
            auto& force = forces.data[row + g].data;
            const float* arm = contacts.arm.data[row + g].c;
            const float* normal = contacts.normal.data[row + g].c;
            const float a0 = arm[0], a1 = arm[1], a2 = arm[2];
            const float n0 = normal[0], n1 = normal[1], n2 = normal[2];
            const float r = compliance[g];
            for (int l = 0; l < W; ++l) {
                const float f0 = force[0][start + l];
                const float f1 = force[1][start + l];
                const float f2 = force[2][start + l];
                // A gradient step.
                const float t0 = rt[0][l], t1 = rt[1][l], t2 = rt[2][l];
                const float v0 = f0 - (rf[0][l] + (t1 * a2 - t2 * a1) + f0 * r) * step;
                const float v1 = f1 - (rf[1][l] + (t2 * a0 - t0 * a2) + f1 * r) * step;
                const float v2 = f2 - (rf[2][l] + (t0 * a1 - t1 * a0) + f2 * r) * step;
                // The closest vector with |f_t| <= mu f_n.
                const float fn = v0 * n0 + v1 * n1 + v2 * n2;
                const float c0 = v0 - n0 * fn, c1 = v1 - n1 * fn, c2 = v2 - n2 * fn;
                const float t = ::sqrtf(c0 * c0 + c1 * c1 + c2 * c2);
                const float on_edge = (fn + mu * t) / (1.0f + mu * mu);
                const float share = mu * on_edge / (t >= 1.0e-12f ? t : 1.0e-12f);
                const bool outside = t > mu * fn;
                const bool away = fn < -mu * t;
                const float e0 = away ? 0.0f : n0 * on_edge + c0 * share;
                const float e1 = away ? 0.0f : n1 * on_edge + c1 * share;
                const float e2 = away ? 0.0f : n2 * on_edge + c2 * share;
                const float d0 = (outside ? e0 : v0) - f0;
                const float d1 = (outside ? e1 : v1) - f1;
                const float d2 = (outside ? e2 : v2) - f2;
                rf[0][l] += d0;
                rf[1][l] += d1;
                rf[2][l] += d2;
                rt[0][l] += a1 * d2 - a2 * d1;
                rt[1][l] += a2 * d0 - a0 * d2;
                rt[2][l] += a0 * d1 - a1 * d0;
                force[0][start + l] = outside ? e0 : v0;
                force[1][start + l] = outside ? e1 : v1;
                force[2][start + l] = outside ? e2 : v2;
            }
        }
    }
    float v[W];
    for (int l = 0; l < W; ++l) {
        v[l] = (rf[0][l] * rf[0][l] + rf[1][l] * rf[1][l] + rf[2][l] * rf[2][l])
            + (rt[0][l] * rt[0][l] + rt[1][l] * rt[1][l] + rt[2][l] * rt[2][l]);
    }
    for (int g = 0; g < groups; ++g) {
        auto& force = forces.data[row + g].data;
        for (int l = 0; l < W; ++l) {
            const float f0 = force[0][start + l];
            const float f1 = force[1][start + l];
            const float f2 = force[2][start + l];
            v[l] += compliance[g] * (f0 * f0 + f1 * f1 + f2 * f2);
        }
    }
    const int first = n * residual_force.shape[1] + start;
    for (int l = 0; l < W; ++l) {
        for (int c = 0; c < 3; ++c) {
            residual_force.data[first + l].c[c] = rf[c][l];
            residual_torque.data[first + l].c[c] = rt[c][l];
        }
        energy.data[first + l] = 0.5f * v[l];
    }
""".replace('CUDA_WRENCHES', str(CUDA_WRENCHES)).replace('CPU_WRENCHES', str(CPU_WRENCHES))


@wp.func_native(_SOLVE)
def _solve(
    n: int,
    part: int,
    settings: Settings,
    contacts: Contacts,
    forces: wp.array2d(dtype=Forces),
    residual_force: wp.array2d(dtype=wp.vec3),
    residual_torque: wp.array2d(dtype=wp.vec3),
    energy: wp.array2d(dtype=float),
):
    """Solve for the test wrenches of one part."""
    ...


@wp.kernel
def solve_contacts(
    settings: Settings,
    contacts: Contacts,
    forces: wp.array2d(dtype=Forces),  # [N, G] in: start, out: solution
    residual_force: wp.array2d(dtype=wp.vec3),  # [N, 12] out: ρ_F
    residual_torque: wp.array2d(dtype=wp.vec3),  # [N, 12] out: ρ_T
    energy: wp.array2d(dtype=float),  # [N, 12] out: V_j
):
    """Block Gauss-Seidel: each force takes a gradient step that cannot overshoot, then its cone.

    The block's Hessian (1 + r + |c|²)I - c cᵀ is at most 1 + r + |c|², so a step with the inverse
    of that number never raises the energy. Alone, the sweeps for one wrench are one long chain of
    dependent operations, which leaves most of a core idle; in the lanes of registers all twelve
    take about as long as one.
    """
    n, part = wp.tid()
    _solve(n, part, settings, contacts, forces, residual_force, residual_torque, energy)


@wp.kernel
def differentiate_contacts(
    hand: Hand,
    obj: Object,
    settings: Settings,
    schedule: wp.array(dtype=wp.vec4),
    counter: wp.array(dtype=int),
    palm: wp.array(dtype=wp.transform),
    contacts: Contacts,  # force, torque and penalty are scaled by the schedule and added to
    forces: wp.array2d(dtype=Forces),
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
        f = test_force(forces[n, g], j)
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
