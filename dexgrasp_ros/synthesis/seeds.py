"""Where the search starts: palms that face the surface, half-open fingers, little in the way."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from dexgrasp_ros.core.config import SEED_SOURCES, SynthesisConfig
from dexgrasp_ros.core.errors import InputError
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.core.object_model import ObjectModel
from dexgrasp_ros.core.poses import compose, invert
from dexgrasp_ros.object import sample_distance
from dexgrasp_ros.synthesis.edges import Edges, find_edges
from dexgrasp_ros.synthesis.postures import radians, sphere_centers
from dexgrasp_ros.synthesis.search import Search
from dexgrasp_ros.synthesis.wishes import Demand

# Palm poses [N, 7] in the object's frame and joints [N, J] for a hand, an object, a count N and a
# random seed: where a learned model would have the search start.
SeedSource = Callable[
    [HandModel, ObjectModel, int, int], tuple[NDArray[np.float64], NDArray[np.float64]]
]

_TRIES = 20  # rounds of drawing seeds that must stay clear of the environment
_EDGE_SHARE = 0.5  # of the draws, where there are edges of something thin and wide
_BLOCK = 1024  # seeds whose draws are compared at a time, which bounds the memory


def make_seeds(
    search: Search,
    hand: HandModel,
    obj: ObjectModel,
    config: SynthesisConfig,
    learned: SeedSource | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return `config.seed_count` candidates from where `config.seed_source` says.

    Parameters
    ----------
    search, hand, obj, config
        What is searched, and how.
    learned
        Gives those that are learned.

    Returns
    -------
    palm, q
        Palm poses [N, 7] in the object's frame and joints [N, J] inside their limits.

    Raises
    ------
    InputError
        INVALID_INPUT: learned ones are wanted, and there is nobody to give them.
    """
    count = config.seed_count
    share = dict(zip(SEED_SOURCES, (0, count, count // 2), strict=True))[config.seed_source]
    if not share:
        return _geometric_seeds(search, hand, obj, config, count)
    if learned is None:
        raise InputError(
            f"'seed_source' is '{config.seed_source}', and no model was given that predicts"
            " seeds; expected 'geometric', or `synthesize(learned=...)`."
        )
    palm, q = learned(hand, obj, share, config.random_seed)
    palm, q = palm.copy(), np.clip(q, hand.lower, hand.upper)
    if obj.support_plane is not None:
        _lift_out(palm, q, hand, obj.support_plane)
    if share == count:
        return palm, q
    others = _geometric_seeds(search, hand, obj, config, count - share)
    return np.concatenate([palm, others[0]]), np.concatenate([q, others[1]])


def _geometric_seeds(
    search: Search, hand: HandModel, obj: ObjectModel, config: SynthesisConfig, wanted: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Make seeds, each the best of `config.seed_draws` drawn ones.

    The one with the least energy is the best. That costs one look at each, and leaves out
    what hardly ever becomes a grasp: links that have swallowed a wall, fingers on the far side of
    another finger, palms with nothing in reach. Only the draws for one seed are compared with
    each other, so that seeds stay spread.
    """
    rng = np.random.default_rng(config.random_seed)
    draws = config.seed_draws
    parts = []
    for start in range(0, wanted, _BLOCK):
        count = min(_BLOCK, wanted - start)
        palm, q = draw_seeds(hand, obj, config, rng, count * draws, search.demand)
        if draws > 1:
            energy = search.energy(palm, q).reshape(count, draws)
            # What is not finite is rejected in the end; here it must not hide its rivals.
            best = np.nan_to_num(energy, nan=np.inf).argmin(axis=1) + draws * np.arange(count)
            palm, q = palm[best], q[best]
        parts.append((palm, q))
    return np.concatenate([p for p, _ in parts]), np.concatenate([q for _, q in parts])


def draw_seeds(
    hand: HandModel,
    obj: ObjectModel,
    config: SynthesisConfig,
    rng: np.random.Generator,
    count: int,
    demand: Demand | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Draw candidates at random.

    Each takes a point of the surface, tilts its normal, and puts the palm 1 to 5 cm above it,
    facing it, with any roll. Where the object is thin and wide, half of them face an edge of
    it from outside. Where there is a support plane or an obstacle, palms and hand roots
    inside it are drawn again; if there is no room at all, the last draw is kept as it is. Hands
    that reach through a support plane are lifted out of it: from inside, the search would have to
    push them off the object. Wishes limit the points, and turn palms into their cone.

    Returns
    -------
    palm, q
        Palm poses [N, 7] in the object's frame and joints [N, J] inside their limits.
    """
    palm, edges = np.empty((count, 7)), find_edges(obj)
    missing = np.arange(count)
    for _ in range(_TRIES):
        palm[missing] = _draw_palms(obj, edges, config, len(missing), rng, demand)
        missing = missing[~_is_clear(palm[missing], hand, obj)]
        if not len(missing):
            break
    spread = rng.normal(0.0, config.seed_joint_spread, (count, len(hand.joint_names)))
    spread *= radians(hand)
    q = np.clip(hand.preshape + spread, hand.lower, hand.upper)
    if obj.support_plane is not None:
        _lift_out(palm, q, hand, obj.support_plane)
    return palm, q


def _lift_out(palm: NDArray, q: NDArray, hand: HandModel, plane: NDArray) -> None:
    """Move palms [N, 7] along the plane's normal until the hand's bounding spheres are clear."""
    normal, offset = plane[:3], plane[3]
    center = sphere_centers(hand, palm, q)
    height = center @ normal + offset - hand.cluster_radii
    palm[:, :3] += np.maximum(-height.min(axis=1), 0.0)[:, None] * normal


def _draw_palms(
    obj: ObjectModel,
    edges: Edges,
    config: SynthesisConfig,
    count: int,
    rng: np.random.Generator,
    demand: Demand | None,
) -> NDArray[np.float64]:
    points = np.arange(len(obj.surface_points)) if demand is None else demand.starts
    low, high = config.seed_distance_min, config.seed_distance_max
    if demand is not None and demand.heights is not None:
        low, high = demand.heights
    index = points[rng.integers(len(points), size=count)]
    outward = obj.surface_normals[index].astype(np.float64)
    at_edge = np.flatnonzero(np.isin(edges.points, points))
    if len(at_edge):
        some = np.flatnonzero(rng.random(count) < _EDGE_SHARE)
        pick = at_edge[rng.integers(len(at_edge), size=len(some))]
        index[some], outward[some] = edges.points[pick], edges.outward[pick]
    normal = outward + rng.normal(0.0, config.seed_tilt, (count, 3))
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    if demand is not None and demand.wishes.approach_axis is not None:
        wishes = demand.wishes
        normal = -_in_cone(-normal, wishes.approach_axis, wishes.approach_half_angle, rng)
    height = rng.uniform(low, high, (count, 1))
    roll = rng.uniform(-np.pi, np.pi, count)
    rotation = _facing(-normal) * Rotation.from_rotvec(roll[:, None] * [0.0, 0.0, 1.0])
    position = obj.surface_points[index] + height * normal
    return np.concatenate([position, rotation.as_quat()], axis=1)


def _in_cone(
    direction: NDArray[np.float64],
    axis: tuple[float, float, float],
    half_angle: float,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Directions [N, 3] where they are in the cone, others anywhere in it."""
    count = len(direction)
    # Uniform over a sphere's cap: so is the height (Archimedes).
    cosine = rng.uniform(np.cos(half_angle), 1.0, count)
    sine, turn = np.sqrt(1.0 - cosine**2), rng.uniform(-np.pi, np.pi, count)
    local = np.stack([sine * np.cos(turn), sine * np.sin(turn), cosine], axis=1)
    other = _facing(np.array([axis])).apply(local)
    inside = direction @ np.array(axis) >= np.cos(half_angle)
    return np.where(inside[:, None], direction, other)


def _facing(direction: NDArray[np.float64]) -> Rotation:
    """Rotations whose z axis is `direction` [N, 3]."""
    across = np.where(np.abs(direction[:, :1]) < 0.9, [[1.0, 0.0, 0.0]], [[0.0, 1.0, 0.0]])
    x = np.cross(across, direction)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    return Rotation.from_matrix(np.stack([x, np.cross(direction, x), direction], axis=2))


def _is_clear(palm: NDArray[np.float64], hand: HandModel, obj: ObjectModel) -> NDArray[np.bool_]:
    if obj.environment is None:
        return np.ones(len(palm), dtype=bool)
    root = compose(palm, invert(hand.palm_pose))
    at_palm, _ = sample_distance(obj.environment, palm[:, :3])
    at_root, _ = sample_distance(obj.environment, root[:, :3])
    return (at_palm > 0.0) & (at_root > 0.0)
