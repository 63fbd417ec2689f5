"""Stand-in of the explicit method that differentiable grasp synthesis began with.

Written from a description of Fast-Grasp'D (Turpin et al., ICRA 2023), not from its code: points
of the hand against the object's mesh with interpolated vertex normals; signed distance minus a
padding that shrinks from 6 cm to nothing; contact depth with a leaky gradient; one position-based
step of the object for each of 7 (or 13) starting velocities; plain gradient descent, batches of 4.

For point i, with a_i the closest point of the mesh, n_i its normal, r_i = a_i − com, and for
starting velocity (v, ω) over a time step h (hand at rest, object of mass 1 and inertia I)::

    u_i = h (v + ω × r_i)                               way of the object's surface
    c_i = max(−(φ_i − padding − n_i·u_i), 0)            depth; leaky gradient where it is 0
    λ_i = c_i / w(n_i),   w(e) = 1 + (r_i × e)ᵀ I⁻¹ (r_i × e)
    μ_i = min(|u_t| / w(u_t/|u_t|), μ λ_i)              friction against the tangential way u_t
    Δx, Δθ = mean over contacts of the impulses −λ_i n_i − μ_i u_t/|u_t|
    loss = mean over velocities of (|v + Δx/h| + L |ω + Δθ/h|) / |v| + penalties

What the description leaves open was chosen here: the size of the starting velocities and of the
time step, the mean over contacts (a Jacobi step), penalties as squares and their weights, step
sizes (tuned, see `side_by_side.py`). Translation and rotation are those of the palm frame.
Only distances are found by a mesh query, once for each point and iteration; derivatives come from
`wp.Tape`, but for the kinematics, whose reverse sweep is the package's own: both make this faster
than a tape through everything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import trimesh
import warp as wp
from numpy.typing import NDArray

from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.core.object_model import ObjectModel
from dexgrasp_ros.kernels.kinematics import forward_kinematics, reverse_sweep
from dexgrasp_ros.kernels.types import Hand
from dexgrasp_ros.synthesis.upload import upload_hand

PUBLISHED_ITERATIONS = 15_001
BATCH = 4
_PADDED_SHARE = 8000 / 15_001  # of the iterations, until the padding is gone
_REACH = 10.0  # m; mesh queries look so far: everywhere


@dataclass(frozen=True, kw_only=True)
class ExplicitSettings:
    """Numbers of the method; those of its description, unless they are said to be chosen."""

    iterations: int = 1000
    point_count: int = 512  # chosen
    velocity_count: int = 7  # at rest and along ±x, ±y, ±z; 13 with turns
    padding: float = 0.06  # m, at first
    friction: float = 0.5
    leak: float = 0.1  # share of the gradient that passes where there is no contact
    free_depth: float = 0.01  # m of penetration that cost nothing
    speed: float = 0.1  # m/s, chosen
    time_step: float = 1.0 / 60.0  # s, chosen
    depth_weight: float = 1e6  # 1/m^2, of the mean over points, chosen
    least_contacts: float = 8.0  # that impulses are shared by, chosen
    limit_weight: float = 1e3  # 1/rad^2, chosen
    middle_weight: float = 0.01  # 1/rad^2, chosen
    step: float = 1e-4  # rad^2 per unit of loss, tuned: of the palm's rotation
    joint_step: float = 3.0  # of joints, as a multiple; tuned
    arm: float = 0.1  # m that goes for a radian of the palm's rotation, chosen


@wp.struct
class Body:
    """The object as the position-based step has it."""

    mesh: wp.uint64
    vertices: wp.array(dtype=wp.vec3)
    normals: wp.array(dtype=wp.vec3)  # [V] of the vertices
    faces: wp.array2d(dtype=int)  # [F, 3]
    center: wp.vec3  # centre of mass
    inverse_inertia: wp.mat33  # of mass 1
    length: float


@wp.struct
class Step:
    """Constants of the step and of the penalties."""

    time_step: float
    speed: float
    friction: float
    free_depth: float
    depth_weight: float
    least_contacts: float
    limit_weight: float
    middle_weight: float


LEAK = wp.constant(ExplicitSettings.leak)


@wp.func
def contact_depth(gap: float):
    """Depth of a contact, with a leaky gradient."""
    return wp.max(-gap, 0.0)


@wp.func_grad(contact_depth)
def adj_contact_depth(gap: float, adj_ret: float):
    if gap < 0.0:
        wp.adjoint[gap] += -adj_ret
    elif adj_ret < 0.0:  # deeper would be better, so touching would help
        wp.adjoint[gap] += -LEAK * adj_ret


@wp.func
def inverse_mass(body: Body, arm: wp.vec3, direction: wp.vec3):
    """Return how far a unit impulse at `arm` moves that point of the object along itself."""
    turn = wp.cross(arm, direction)
    return 1.0 + wp.dot(turn, body.inverse_inertia * turn)


@wp.func
def closest_weights(a: wp.vec3, b: wp.vec3, c: wp.vec3, p: wp.vec3, found: wp.vec3):
    """Barycentric weights of the closest point, differentiable.

    `found` tells by its zeros whether that is on a face, which is taken as its whole plane, an
    edge, which is taken as its whole line, or a corner.
    """
    result = found
    ab = b - a
    ac = c - a
    ap = p - a
    if wp.min(found) > 1.0e-6:
        normal = wp.cross(ab, ac)
        size = wp.dot(normal, normal)
        v = wp.dot(wp.cross(ap, ac), normal) / size
        w = wp.dot(wp.cross(ab, ap), normal) / size
        result = wp.vec3(1.0 - v - w, v, w)
    elif wp.max(found) < 1.0 - 1.0e-6:
        if found[2] <= 1.0e-6:
            t = wp.dot(ap, ab) / wp.dot(ab, ab)
            result = wp.vec3(1.0 - t, t, 0.0)
        elif found[1] <= 1.0e-6:
            t = wp.dot(ap, ac) / wp.dot(ac, ac)
            result = wp.vec3(1.0 - t, 0.0, t)
        else:
            t = wp.dot(p - b, c - b) / wp.dot(c - b, c - b)
            result = wp.vec3(0.0, 1.0 - t, t)
    return result


@wp.kernel(enable_backward=False)
def place_points(
    bodies: wp.array2d(dtype=wp.transform),
    point_bodies: wp.array(dtype=int),
    points: wp.array(dtype=wp.vec3),
    body: Body,
    place: wp.array2d(dtype=wp.vec3),  # [N, P] out
    face: wp.array2d(dtype=int),  # [N, P] out, with its weights and on which side of it
    weights: wp.array2d(dtype=wp.vec3),
    side: wp.array2d(dtype=float),
):
    """Put the hand's points into the object's frame and find the mesh's closest faces."""
    n, i = wp.tid()
    p = wp.transform_point(bodies[n, point_bodies[i]], points[i])
    place[n, i] = p
    query = wp.mesh_query_point_sign_normal(body.mesh, p, _REACH)
    face[n, i] = query.face
    weights[n, i] = wp.vec3(query.u, query.v, 1.0 - query.u - query.v)
    side[n, i] = query.sign


@wp.kernel
def push(
    place: wp.array2d(dtype=wp.vec3),
    face: wp.array2d(dtype=int),
    weights: wp.array2d(dtype=wp.vec3),
    side: wp.array2d(dtype=float),
    body: Body,
    step: Step,
    padding: float,
    linear: wp.array(dtype=wp.vec3),  # [K] starting velocities
    angular: wp.array(dtype=wp.vec3),
    shift: wp.array2d(dtype=wp.vec3),  # [N, K] sums over contacts, added to
    turn: wp.array2d(dtype=wp.vec3),
    count: wp.array2d(dtype=float),
    loss: wp.array(dtype=float),  # [N] added to
):
    """Push the object out of one point's contact, for every starting velocity."""
    n, i = wp.tid()
    p = place[n, i]
    f = face[n, i]
    a = body.faces[f, 0]
    b = body.faces[f, 1]
    c = body.faces[f, 2]
    va = body.vertices[a]
    vb = body.vertices[b]
    vc = body.vertices[c]
    w = closest_weights(va, vb, vc, p, weights[n, i])
    closest = w[0] * va + w[1] * vb + w[2] * vc
    normal = wp.normalize(w[0] * body.normals[a] + w[1] * body.normals[b] + w[2] * body.normals[c])
    distance = side[n, i] * wp.length(p - closest)
    arm = closest - body.center
    deep = wp.max(-distance - step.free_depth, 0.0)
    wp.atomic_add(loss, n, step.depth_weight * deep * deep / float(place.shape[1]))
    mass = inverse_mass(body, arm, normal)
    for k in range(linear.shape[0]):
        way = step.time_step * (linear[k] + wp.cross(angular[k], arm))
        along = wp.dot(normal, way)
        depth = contact_depth(distance - padding - along)
        impulse = depth / mass
        force = -impulse * normal
        slip = way - along * normal
        size = wp.length(slip)
        if size > 1.0e-9:
            direction = slip / size
            stop = size / inverse_mass(body, arm, direction)
            force = force - wp.min(stop, step.friction * impulse) * direction
        wp.atomic_add(shift, n, k, force)
        wp.atomic_add(turn, n, k, body.inverse_inertia * wp.cross(arm, force))
        if depth > 0.0:
            wp.atomic_add(count, n, k, 1.0)


@wp.kernel
def final_speed(
    body: Body,
    step: Step,
    linear: wp.array(dtype=wp.vec3),
    angular: wp.array(dtype=wp.vec3),
    shift: wp.array2d(dtype=wp.vec3),
    turn: wp.array2d(dtype=wp.vec3),
    count: wp.array2d(dtype=float),
    loss: wp.array(dtype=float),
):
    """Add the speed that one starting velocity leaves."""
    n, k = wp.tid()
    share = 1.0 / (step.time_step * wp.max(count[n, k], step.least_contacts))
    v = linear[k] + share * shift[n, k]
    w = angular[k] + share * turn[n, k]
    left = (wp.length(v) + body.length * wp.length(w)) / step.speed
    wp.atomic_add(loss, n, left / float(linear.shape[0]))


@wp.kernel
def joint_loss(hand: Hand, step: Step, q: wp.array2d(dtype=float), loss: wp.array(dtype=float)):
    """Add what a joint costs beyond its limits and away from its middle."""
    n, j = wp.tid()
    over = wp.max(q[n, j] - hand.upper[j], 0.0) + wp.max(hand.lower[j] - q[n, j], 0.0)
    off = q[n, j] - 0.5 * (hand.lower[j] + hand.upper[j])
    wp.atomic_add(loss, n, step.limit_weight * over * over + step.middle_weight * off * off)


@wp.kernel(enable_backward=False)
def gather(
    palm: wp.array(dtype=wp.transform),
    place: wp.array2d(dtype=wp.vec3),
    slope: wp.array2d(dtype=wp.vec3),  # [N, P] ∂loss/∂place
    group_points: wp.array(dtype=int),  # [G + 1]
    force: wp.array2d(dtype=wp.vec3),  # [N, G] out, about the palm's centre
    torque: wp.array2d(dtype=wp.vec3),
):
    """Sum the gradients at the points of a group to its wrench."""
    n, g = wp.tid()
    f = wp.vec3()
    t = wp.vec3()
    pivot = wp.transform_get_translation(palm[n])
    for i in range(group_points[g], group_points[g + 1]):
        f += slope[n, i]
        t += wp.cross(place[n, i] - pivot, slope[n, i])
    force[n, g] = f
    torque[n, g] = t


@wp.kernel(enable_backward=False)
def descend(
    body_force: wp.array2d(dtype=wp.vec3),
    body_torque: wp.array2d(dtype=wp.vec3),
    gradient: wp.array2d(dtype=float),
    joint_slope: wp.array2d(dtype=float),
    steps: wp.vec3,  # of translation, rotation, joints
    palm: wp.array(dtype=wp.transform),  # in, out
    q: wp.array2d(dtype=float),  # in, out
):
    """One step of plain gradient descent."""
    n = wp.tid()
    position = wp.transform_get_translation(palm[n]) - steps[0] * body_force[n, 0]
    rotation = wp.transform_get_rotation(palm[n])
    turn = -steps[1] * body_torque[n, 0]
    angle = wp.length(turn)
    if angle > 0.0:
        rotation = wp.normalize(wp.quat_from_axis_angle(turn / angle, angle) * rotation)
    palm[n] = wp.transform(position, rotation)
    for j in range(q.shape[1]):
        q[n, j] = q[n, j] - steps[2] * (gradient[n, j] + joint_slope[n, j])


class ExplicitMethod:
    """Candidates of one hand and one object, on one core of the CPU."""

    def __init__(self, hand: HandModel, obj: ObjectModel, settings: ExplicitSettings) -> None:
        self._settings = settings
        self._hand = upload_hand(hand, 'cpu')
        self._limits = hand.lower, hand.upper
        self._body, self._mesh = _upload_body(obj)
        self._step = Step()
        for name in Step.vars:
            setattr(self._step, name, getattr(settings, name))
        linear, angular = _starting_velocities(settings, obj.characteristic_length)
        self._velocities = _vectors(linear), _vectors(angular)
        self._choose_points(settings.point_count)
        self.count = 0

    def _choose_points(self, count: int) -> None:
        """Take points of the hand at equal steps, which spreads them: they stand by place."""
        points = self._hand.points.numpy()
        chosen = np.unique(np.linspace(0, len(points) - 1, count).astype(np.int64))
        starts = self._hand.cluster_points.numpy()[self._hand.group_clusters.numpy()]
        group = np.searchsorted(starts, chosen, side='right') - 1
        self._points = _vectors(points[chosen])
        body = self._hand.group_bodies.numpy()[group]
        self._point_bodies = wp.array(body, dtype=int, device='cpu')
        first = np.searchsorted(chosen, starts).astype(np.int32)
        self._group_points = wp.array(first, dtype=int, device='cpu')

    def set_state(self, palm: NDArray, q: NDArray) -> None:
        """Start anew from palm poses [N, 7] in the object's frame and joints [N, J]."""
        n, points, velocities = len(palm), len(self._points), len(self._velocities[0])
        groups, bodies = self._hand.group_bodies.shape[0], self._hand.body_parents.shape[0]

        def zeros(shape: Any, dtype: Any = float, *, slope: bool = False) -> wp.array:
            return wp.zeros(shape, dtype=dtype, device='cpu', requires_grad=slope)

        self.count = n
        self.palm = wp.array(palm.astype(np.float32), dtype=wp.transform, device='cpu')
        self.q = wp.array(q.astype(np.float32), dtype=float, device='cpu', requires_grad=True)
        self._bodies = zeros((n, bodies), wp.transform)
        self._place = zeros((n, points), wp.vec3, slope=True)
        self._face, self._side = zeros((n, points), int), zeros((n, points))
        self._weights = zeros((n, points), wp.vec3)
        self._shift, self._turn = (zeros((n, velocities), wp.vec3, slope=True) for _ in range(2))
        self._contact_count = zeros((n, velocities))
        self._loss = zeros(n, slope=True)
        self._ones = wp.ones(n, dtype=float, device='cpu')
        self._force, self._torque = (zeros((n, groups), wp.vec3) for _ in range(2))
        self._body_force, self._body_torque = (zeros((n, bodies), wp.vec3) for _ in range(2))
        self._gradient = zeros((n, q.shape[1]))

    def get_state(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Copy palm poses [N, 7] and joints [N, J], these inside their limits."""
        q = np.clip(self.q.numpy().astype(np.float64), *self._limits)
        return self.palm.numpy().astype(np.float64), q

    def run(self) -> None:
        """Descend, with the whole schedule of the padding."""
        for iteration in range(self._settings.iterations):
            self.differentiate(self.padding(iteration))
            self._descend()

    def padding(self, iteration: int) -> float:
        """Shrink linearly from 6 cm to nothing at 8000/15001 of the iterations."""
        share = iteration / (_PADDED_SHARE * self._settings.iterations)
        return self._settings.padding * max(1.0 - share, 0.0)

    def differentiate(self, padding: float) -> NDArray[np.float64]:
        """Return the loss [N]; its gradient is in `gradient`."""
        n, hand = self.count, self._hand
        _launch(forward_kinematics, n, hand, self.palm, self.q, self._bodies)
        contacts = self._place, self._face, self._weights, self._side
        points = self._point_bodies, self._points
        shape = self._place.shape
        _launch(place_points, shape, self._bodies, *points, self._body, *contacts)
        for array in (self._shift, self._turn, self._contact_count, self._loss):
            array.zero_()
        moved = self._shift, self._turn, self._contact_count, self._loss
        constants = self._body, self._step
        with wp.Tape() as tape:
            _launch(push, shape, *contacts, *constants, padding, *self._velocities, *moved)
            _launch(final_speed, self._shift.shape, *constants, *self._velocities, *moved)
            _launch(joint_loss, self.q.shape, hand, self._step, self.q, self._loss)
        for array in (self._place, self.q, self._shift, self._turn, self._loss):
            array.grad.zero_()  # a tape adds to what is there
        tape.backward(grads={self._loss: self._ones})
        _launch(
            gather,
            (n, self._force.shape[1]),
            *(self.palm, self._place, self._place.grad, self._group_points),
            *(self._force, self._torque),
        )
        _launch(
            reverse_sweep,
            n,
            *(hand, self.palm, self._bodies, self._force, self._torque),
            *(self._body_force, self._body_torque, self._gradient),
        )
        return self._loss.numpy()

    @property
    def gradient(self) -> NDArray[np.float64]:
        """[N, 6 + J] of the last loss: the palm's translation and rotation, joints."""
        joints = self._gradient.numpy() + self.q.grad.numpy()
        parts = [self._body_force.numpy()[:, 0], self._body_torque.numpy()[:, 0], joints]
        return np.concatenate(parts, axis=1).astype(np.float64)

    def _descend(self) -> None:
        s = self._settings
        steps = wp.vec3(s.step * s.arm**2, s.step, s.step * s.joint_step)
        _launch(
            descend,
            self.count,
            *(self._body_force, self._body_torque, self._gradient, self.q.grad),
            *(steps, self.palm, self.q),
        )


def explicit_search(
    method: ExplicitMethod, palm: NDArray, q: NDArray
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Descend from palm poses [N, 7] and joints [N, J], four at a time."""
    parts = []
    for start in range(0, len(palm), BATCH):
        method.set_state(palm[start : start + BATCH], q[start : start + BATCH])
        method.run()
        parts.append(method.get_state())
    return np.concatenate([p for p, _ in parts]), np.concatenate([q for _, q in parts])


def _launch(kernel: Any, dim: Any, *arguments: Any) -> None:
    wp.launch(kernel, dim=dim, inputs=list(arguments), device='cpu')


def _vectors(values: NDArray) -> wp.array:
    values = np.ascontiguousarray(values, dtype=np.float32)
    return wp.array(values, dtype=wp.vec3, device='cpu')


def _upload_body(obj: ObjectModel) -> tuple[Body, wp.Mesh]:
    """Struct of the object; the mesh behind its identifier must be kept."""
    body = Body()
    body.vertices = _vectors(obj.vertices)
    mesh = trimesh.Trimesh(obj.vertices, obj.faces, process=False)
    body.normals = _vectors(mesh.vertex_normals)
    body.faces = wp.array(obj.faces.astype(np.int32), dtype=int, device='cpu')
    indices = wp.array(obj.faces.astype(np.int32).ravel(), dtype=int, device='cpu')
    query = wp.Mesh(points=body.vertices, indices=indices)
    body.mesh = query.id
    body.center = wp.vec3(*obj.center_of_mass)
    body.inverse_inertia = wp.mat33(*np.linalg.inv(obj.inertia / obj.mass).ravel())
    body.length = obj.characteristic_length
    return body, query


def _starting_velocities(
    settings: ExplicitSettings, length: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """[K, 3] linear [m/s] and angular [rad/s]: at rest, along each axis, about each axis."""
    if settings.velocity_count not in (7, 13):
        raise SystemExit(f'{settings.velocity_count} starting velocities; expected 7 or 13')
    axes = settings.speed * np.concatenate([np.eye(3), -np.eye(3)])
    none = np.zeros((6, 3))
    linear = np.concatenate([none[:1], axes, none])
    angular = np.concatenate([none[:1], none, axes / length])
    return linear[: settings.velocity_count], angular[: settings.velocity_count]
