"""Warp kernels of the search: kinematics, distances, contact solve and optimizer step.

Every module holds kernels, functions and structs, nothing else; `synthesis.engine` owns buffers
and launches. All run on ``cpu`` and ``cuda``. Indices: n candidate, b body, g group, j test
wrench.

Bodies are the moving links of a hand (fixed ones are merged into them), parents first, body 0 the
root. Poses and points are in the frame of the object's mesh, metres. Gradients with respect to a
rigid body are kept like wrenches about a candidate's *pivot*, the centre of its palm: ``force`` is
the sum of the gradients g of points on the body, ``torque`` the sum of (x - pivot) × g.
"""
