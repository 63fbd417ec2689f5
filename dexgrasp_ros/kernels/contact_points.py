"""Closest point of each group to the object, and the penalties of points that are inside."""

import warp as wp

from dexgrasp_ros.kernels.distance import (
    distance_field,
    signed_distance,
    signed_distance_gradient,
    xyz,
)
from dexgrasp_ros.kernels.lanes import (
    ball_distance,
    ball_distances,
    point_distance,
    point_distances,
    prefetch_field,
    renew_bounds,
)
from dexgrasp_ros.kernels.primitives import bounding_radius
from dexgrasp_ros.kernels.types import BLOCK, Contacts, Hand, Object, Settings

wp.set_module_options({'enable_backward': False, 'block_dim': BLOCK})

# φ has slope one where it matters; outside the grid √2, and a little more between its nodes.
SLOPE = wp.constant(1.5)
STALE = wp.constant(0.1)  # share of φ that it may change by before a group is searched again


@wp.func
def _center(body: wp.transform, sphere: wp.vec4):
    return wp.transform_point(body, xyz(sphere))


@wp.func
def travel(hand: Hand, g: int, old: wp.transform, new: wp.transform):
    """No point of group g moves farther than this, nor does any of its geometry."""
    center = wp.transform_get_translation(hand.geometry_poses[g])
    shift = wp.transform_point(new, center) - wp.transform_point(old, center)
    turn = wp.quat_inverse(wp.transform_get_rotation(old)) * wp.transform_get_rotation(new)
    half = wp.length(wp.vec3(turn[0], turn[1], turn[2]))  # sine of half the angle
    return wp.length(shift) + 2.0 * half * bounding_radius(hand, g) + 1.0e-6  # for rounding


@wp.kernel
def find_contacts(
    hand: Hand,
    obj: Object,
    settings: Settings,
    palm: wp.array(dtype=wp.transform),
    bodies: wp.array2d(dtype=wp.transform),
    contacts: Contacts,
):
    """Closest point x of each group, and w_pen Σ min(φ, 0)² over all of its points.

    A cluster, and a patch of it, is skipped when no point of it can be closer than the best so far
    or inside: φ has slope one, so φ(point) ≥ φ(centre) - radius. (Outside the grid its slope can
    reach √2; there, centimetres away, any close point will do.) The last look's point is the first
    best. Bounds of clusters stay good for as long as the hand has not moved so far, and far away
    the last point is as good as any while φ cannot have changed by a tenth. Beyond
    `settings.reach` nothing is searched.
    """
    n, g = wp.tid()
    body = bodies[n, hand.group_bodies[g]]
    moved = travel(hand, g, contacts.place[n, g], body)
    contacts.place[n, g] = body
    contacts.moved[n, g] = moved
    # Taken out of their structs once: this loop is most of the whole search.
    grid = obj.distance
    turn = wp.quat_to_matrix(wp.transform_get_rotation(body))
    shift = wp.transform_get_translation(body)
    nearest = contacts.nearest[n, g]
    x = turn * hand.points[nearest] + shift
    prefetch_field(grid, x)
    best = signed_distance(grid, x)
    drift = contacts.drift[n, g] + SLOPE * moved
    pivot = wp.transform_get_translation(palm[n])
    force = wp.vec3()
    torque = wp.vec3()
    penalty = float(0.0)
    limit = wp.max(wp.min(best, settings.reach), 0.0)
    away = float(0.0)  # at least so far is the whole group
    if best > settings.reach:
        away = signed_distance(grid, _center(body, hand.group_spheres[g]))
        away -= hand.group_spheres[g][3]
    if drift >= STALE * best and away < settings.reach:
        least = limit
        guess = nearest
        start = hand.group_clusters[g]
        end = hand.group_clusters[g + 1]
        balls = hand.cluster_spheres
        renew_bounds(grid, turn, shift, balls, contacts.cluster_bound, n, start, end, drift, limit)
        for c in range(start, end):
            if contacts.cluster_bound[n, c] < least:
                least = contacts.cluster_bound[n, c]
                guess = hand.cluster_points[c]
        # A point of the nearest cluster is a better first best where the last one is none.
        phi = signed_distance(grid, turn * hand.points[guess] + shift)
        if phi < best:
            best = phi
            nearest = guess
            limit = wp.max(wp.min(best, settings.reach), 0.0)
        for c in range(start, end):
            if contacts.cluster_bound[n, c] < limit:
                patch = hand.cluster_patches[c]
                patches = hand.cluster_patches[c + 1] - patch
                balls = hand.patch_spheres
                near = ball_distances(grid, turn, shift, balls, patch)
                for r in range(patches):
                    if ball_distance(near, grid, turn, shift, balls, patch, r) < limit:
                        first = hand.patch_points[patch + r]
                        count = hand.patch_points[patch + r + 1] - first
                        phis = point_distances(grid, turn, shift, hand.points, first)
                        for p in range(count):
                            phi = point_distance(phis, grid, turn, shift, hand.points, first, p)
                            if phi < best:
                                best = phi
                                nearest = first + p
                                limit = wp.max(wp.min(best, settings.reach), 0.0)
                            if phi < 0.0:
                                x = turn * hand.points[first + p] + shift
                                slope = signed_distance_gradient(grid, x)
                                f = slope * (2.0 * settings.penetration_weight * phi)
                                penalty += settings.penetration_weight * phi * phi
                                force += f
                                torque += wp.cross(x - pivot, f)
        drift = float(0.0)
    contacts.drift[n, g] = drift
    x = turn * hand.points[nearest] + shift
    phi, gradient, direction, curvature = distance_field(grid, x)
    contacts.nearest[n, g] = nearest
    contacts.distance[n, g] = phi
    contacts.point[n, g] = x
    contacts.gradient[n, g] = gradient
    contacts.direction[n, g] = direction
    contacts.curvature[n, g] = curvature
    contacts.force[n, g] = force
    contacts.torque[n, g] = torque
    contacts.penalty[n, g] = penalty


@wp.kernel
def avoid_environment(
    hand: Hand,
    obj: Object,
    settings: Settings,
    palm: wp.array(dtype=wp.transform),
    bodies: wp.array2d(dtype=wp.transform),
    contacts: Contacts,  # force, torque and penalty are added to
    clearance: wp.array2d(dtype=float),  # [N, G] out: smallest distance, where below the margin
):
    """w_env Σ min(φ - margin, 0)² over all points, φ the distance to plane and obstacles."""
    n, g = wp.tid()
    body = bodies[n, hand.group_bodies[g]]
    pivot = wp.transform_get_translation(palm[n])
    margin = settings.environment_margin
    weight = settings.environment_weight
    force = wp.vec3()
    torque = wp.vec3()
    penalty = float(0.0)
    least = margin
    bound = contacts.environment_bound[n, g] - SLOPE * contacts.moved[n, g]
    if bound < margin:
        sphere = hand.group_spheres[g]
        bound = signed_distance(obj.environment, _center(body, sphere)) - sphere[3]
    contacts.environment_bound[n, g] = bound
    if bound < margin:
        for c in range(hand.group_clusters[g], hand.group_clusters[g + 1]):
            sphere = hand.cluster_spheres[c]
            if signed_distance(obj.environment, _center(body, sphere)) - sphere[3] < margin:
                for p in range(hand.cluster_points[c], hand.cluster_points[c + 1]):
                    x = wp.transform_point(body, hand.points[p])
                    phi = signed_distance(obj.environment, x)
                    if phi < margin:
                        least = wp.min(least, phi)
                        slope = signed_distance_gradient(obj.environment, x)
                        f = slope * (2.0 * weight * (phi - margin))
                        penalty += weight * (phi - margin) * (phi - margin)
                        force += f
                        torque += wp.cross(x - pivot, f)
    clearance[n, g] = least
    contacts.force[n, g] = contacts.force[n, g] + force
    contacts.torque[n, g] = contacts.torque[n, g] + torque
    contacts.penalty[n, g] = contacts.penalty[n, g] + penalty
