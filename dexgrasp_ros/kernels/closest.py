"""Closest points of a triangle mesh."""

import warp as wp

wp.set_module_options({'enable_backward': False})

_FAR = wp.constant(1.0e6)  # m


@wp.kernel
def find_closest(
    mesh: wp.uint64,
    points: wp.array(dtype=wp.vec3),
    closest: wp.array(dtype=wp.vec3),  # out
    face: wp.array(dtype=int),  # out: the triangle that it lies in
):
    """Find the point of the mesh that is nearest to each of some points."""
    i = wp.tid()
    found = wp.mesh_query_point_no_sign(mesh, points[i], _FAR)
    closest[i] = wp.mesh_eval_position(mesh, found.face, found.u, found.v)
    face[i] = found.face
