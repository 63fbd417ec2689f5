"""Overlap seen from the hand's primitives: with the object's points, and with each other.

Points of the hand in the object's field cannot see a thin wall that a link has swallowed; points
of the object in the hand's primitives can.
"""

import warp as wp

from dexgrasp_ros.kernels.contact_points import SLOPE
from dexgrasp_ros.kernels.convex import geometries_distance
from dexgrasp_ros.kernels.distance import signed_distance, xyz
from dexgrasp_ros.kernels.lanes import LANES, ball_gap, ball_gaps, point_gap, point_gaps
from dexgrasp_ros.kernels.primitives import bounding_radius, geometry_distance
from dexgrasp_ros.kernels.types import BLOCK, Contacts, Hand, Object, Settings

wp.set_module_options({'enable_backward': False, 'block_dim': BLOCK})


@wp.kernel
def push_out_object(
    hand: Hand,
    obj: Object,
    settings: Settings,
    palm: wp.array(dtype=wp.transform),
    bodies: wp.array2d(dtype=wp.transform),
    contacts: Contacts,  # force, torque and penalty are added to
    depth: wp.array2d(dtype=float),  # [N, G] out: deepest object point inside, ≥ 0 [m]
):
    """w_obj Σ min(d, 0)² over the object's surface points, d the distance to the primitive."""
    n, g = wp.tid()
    body = bodies[n, hand.group_bodies[g]]
    deepest = float(0.0)
    bound = contacts.object_bound[n, g] - contacts.moved[n, g]
    if bound <= 0.0:
        center = wp.transform_point(body, wp.transform_get_translation(hand.geometry_poses[g]))
        # Outside the grid φ is larger than the distance, by √2 at most.
        bound = signed_distance(obj.distance, center) / SLOPE - bounding_radius(hand, g)
    if bound <= 0.0:
        bound = float(1.0e9)
        frame = body * hand.geometry_poses[g]
        inverse = wp.transform_inverse(frame)
        pivot = wp.transform_get_translation(palm[n])
        weight = settings.object_penetration_weight
        force = wp.vec3()
        torque = wp.vec3()
        penalty = float(0.0)
        blocks = obj.block_spheres.shape[0]
        for e in range(0, blocks, LANES):
            count = wp.min(blocks - e, LANES)
            near = ball_gaps(hand, g, inverse, obj.block_spheres, e)
            for i in range(count):
                away = ball_gap(near, hand, g, inverse, obj.block_spheres, e, i)
                if away > 0.0:
                    bound = wp.min(bound, away)
                else:
                    last = obj.block_clusters[e + i + 1]
                    for c in range(obj.block_clusters[e + i], last, LANES):
                        clusters = wp.min(last - c, LANES)
                        gaps = ball_gaps(hand, g, inverse, obj.cluster_spheres, c)
                        for k in range(clusters):
                            gap = ball_gap(gaps, hand, g, inverse, obj.cluster_spheres, c, k)
                            bound = wp.min(bound, gap)
                            if gap < 0.0:
                                first = obj.cluster_points[c + k]
                                points = obj.cluster_points[c + k + 1] - first
                                all_d = point_gaps(hand, g, inverse, obj.points, first)
                                for p in range(points):
                                    d = point_gap(all_d, hand, g, inverse, obj.points, first, p)
                                    if d < 0.0:
                                        deepest = wp.max(deepest, -d)
                                        penalty += weight * d * d
                                        x = obj.points[first + p]
                                        at = wp.transform_point(inverse, x)
                                        _d, slope = geometry_distance(hand, g, at)
                                        # The primitive moves, the point stays: its sign turns.
                                        slope = wp.transform_vector(frame, slope)
                                        f = slope * (-2.0 * weight * d)
                                        force += f
                                        torque += wp.cross(x - pivot, f)
        contacts.force[n, g] = contacts.force[n, g] + force
        contacts.torque[n, g] = contacts.torque[n, g] + torque
        contacts.penalty[n, g] = contacts.penalty[n, g] + penalty
    contacts.object_bound[n, g] = bound
    depth[n, g] = deepest


@wp.func
def _deepest_point(
    hand: Hand, a: int, b: int, body_a: wp.transform, body_b: wp.transform, best: float
):
    """Distance, place and slope of the point of group a that is deepest inside geometry b.

    And what the distance of none of the points is below; the rest means something if that of one
    is below `best`.
    """
    frame = body_b * hand.geometry_poses[b]
    to_b = wp.transform_multiply(wp.transform_inverse(frame), body_a)
    place = wp.vec3()
    slope = wp.vec3()
    bound = float(1.0e9)
    last = hand.group_clusters[a + 1]
    for c in range(hand.group_clusters[a], last, LANES):
        clusters = wp.min(last - c, LANES)
        near = ball_gaps(hand, b, to_b, hand.cluster_spheres, c)
        for i in range(clusters):
            away = ball_gap(near, hand, b, to_b, hand.cluster_spheres, c, i)
            bound = wp.min(bound, away)
            if away < best:
                end = hand.cluster_points[c + i + 1]
                for first in range(hand.cluster_points[c + i], end, LANES):
                    points = wp.min(end - first, LANES)
                    gaps = point_gaps(hand, b, to_b, hand.points, first)
                    for p in range(points):
                        gap = point_gap(gaps, hand, b, to_b, hand.points, first, p)
                        if gap < best:
                            best = gap
                            x = wp.transform_point(to_b, hand.points[first + p])
                            _d, gradient = geometry_distance(hand, b, x)
                            place = x
                            slope = gradient
    return best, wp.transform_point(frame, place), wp.transform_vector(frame, slope), bound


@wp.func
def _push_pair(
    hand: Hand,
    settings: Settings,
    pivot: wp.vec3,
    bodies: wp.array2d(dtype=wp.transform),
    contacts: Contacts,  # pair_bound: in, out
    n: int,
    k: int,
):
    """Penalty of one pair, and the wrench on its first group; the second's is the opposite."""
    margin = settings.self_margin
    cost = float(0.0)
    force = wp.vec3()
    torque = wp.vec3()
    a = hand.pairs[k][0]
    b = hand.pairs[k][1]
    bound = contacts.pair_bound[n, k] - contacts.moved[n, a] - contacts.moved[n, b]
    if bound < margin:
        body_a = bodies[n, hand.group_bodies[a]]
        body_b = bodies[n, hand.group_bodies[b]]
        ball_a = hand.group_spheres[a]
        ball_b = hand.group_spheres[b]
        between = wp.transform_point(body_a, xyz(ball_a))
        between -= wp.transform_point(body_b, xyz(ball_b))
        bound = wp.length(between) - ball_a[3] - ball_b[3]
    if bound < margin:
        body_a = bodies[n, hand.group_bodies[a]]
        body_b = bodies[n, hand.group_bodies[b]]
        d, x, slope, bound = _deepest_point(hand, a, b, body_a, body_b, margin)
        d2, x2, slope2, bound2 = _deepest_point(hand, b, a, body_b, body_a, d)
        bound = wp.min(bound, bound2)
        if d2 < d:
            d = d2
            x = x2
            slope = -slope2
        if d < margin:
            cost = settings.self_weight * (d - margin) * (d - margin)
            force = slope * (2.0 * settings.self_weight * (d - margin))
            torque = wp.cross(x - pivot, force)
    contacts.pair_bound[n, k] = bound
    return cost, force, torque


@wp.func
def _add_pair(hand: Hand, contacts: Contacts, n: int, k: int, force: wp.vec3, torque: wp.vec3):
    a = hand.pairs[k][0]
    b = hand.pairs[k][1]
    contacts.force[n, a] = contacts.force[n, a] + force
    contacts.torque[n, a] = contacts.torque[n, a] + torque
    contacts.force[n, b] = contacts.force[n, b] - force
    contacts.torque[n, b] = contacts.torque[n, b] - torque


@wp.kernel
def push_apart(
    hand: Hand,
    settings: Settings,
    palm: wp.array(dtype=wp.transform),
    bodies: wp.array2d(dtype=wp.transform),
    contacts: Contacts,  # force and torque are added to
    penalty: wp.array(dtype=float),  # [N] out
):
    """w_self Σ (margin - d)² over the pairs that are closer than the margin.

    d is the distance of the deepest point of one group in the other. Edges can be deeper by a
    millimetre between points: descents need a slope, `measure_apart` tells the depth.
    """
    n = wp.tid()
    pivot = wp.transform_get_translation(palm[n])
    total = float(0.0)
    for k in range(hand.pairs.shape[0]):
        cost, force, torque = _push_pair(hand, settings, pivot, bodies, contacts, n, k)
        if cost > 0.0:
            total += cost
            _add_pair(hand, contacts, n, k, force, torque)
    penalty[n] = total


@wp.kernel
def push_pairs(
    hand: Hand,
    settings: Settings,
    palm: wp.array(dtype=wp.transform),
    bodies: wp.array2d(dtype=wp.transform),
    contacts: Contacts,  # pair_bound alone is changed
    cost: wp.array2d(dtype=float),  # [N, K] out
    force: wp.array2d(dtype=wp.vec3),  # [N, K] out, where the cost is above 0
    torque: wp.array2d(dtype=wp.vec3),
):
    """Do what `push_apart` does with a thread for each pair; `add_pairs` adds it up.

    For GPUs: there a thread that walks all pairs of a candidate would work alone.
    """
    n, k = wp.tid()
    pivot = wp.transform_get_translation(palm[n])
    c, f, t = _push_pair(hand, settings, pivot, bodies, contacts, n, k)
    cost[n, k] = c
    if c > 0.0:
        force[n, k] = f
        torque[n, k] = t


@wp.kernel
def add_pairs(
    hand: Hand,
    contacts: Contacts,  # force and torque are added to
    cost: wp.array2d(dtype=float),
    force: wp.array2d(dtype=wp.vec3),
    torque: wp.array2d(dtype=wp.vec3),
    penalty: wp.array(dtype=float),  # [N] out
):
    """Add up what `push_pairs` found, in the order of `push_apart`."""
    n = wp.tid()
    total = float(0.0)
    for k in range(cost.shape[1]):
        if cost[n, k] > 0.0:
            total += cost[n, k]
            _add_pair(hand, contacts, n, k, force[n, k], torque[n, k])
    penalty[n] = total


@wp.kernel
def measure_apart(
    hand: Hand,
    margin: float,
    bodies: wp.array2d(dtype=wp.transform),
    clearance: wp.array2d(dtype=float),  # [N, G] that starts at the margin, and is lowered
):
    """Exact signed distance of each pair [N, K] that is closer than the margin.

    Spheres about the points would not do: where geometries of a link overlap there are no points.
    """
    n, k = wp.tid()
    a = hand.pairs[k][0]
    b = hand.pairs[k][1]
    body_a = bodies[n, hand.group_bodies[a]]
    body_b = bodies[n, hand.group_bodies[b]]
    pose_a = hand.geometry_poses[a]
    pose_b = hand.geometry_poses[b]
    between = wp.transform_point(body_a, wp.transform_get_translation(pose_a))
    between -= wp.transform_point(body_b, wp.transform_get_translation(pose_b))
    reach = bounding_radius(hand, a) + bounding_radius(hand, b) + margin
    if wp.dot(between, between) < reach * reach:
        to_b = wp.transform_inverse(body_b * pose_b) * (body_a * pose_a)
        d = geometries_distance(hand, a, b, to_b, margin)
        wp.atomic_min(clearance, n, a, d)
        wp.atomic_min(clearance, n, b, d)
