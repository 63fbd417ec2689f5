"""From a depth frame with labels to predicted grasps of each object, without a search."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.depth_frame import DepthFrame
from dexgrasp_ros.core.errors import DexGraspError, ErrorCode, InputError, SynthesisError
from dexgrasp_ros.core.grasp_set import GraspSet
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.hand import locked_joints
from dexgrasp_ros.hand.opening import opening_width
from dexgrasp_ros.learning.hand_tokens import HandTokens, anchor_places, describe_hand
from dexgrasp_ros.learning.predictor import GraspPredictor, PredictedGrasps
from dexgrasp_ros.learning.seen import see_object
from dexgrasp_ros.perception.seen_points import SeenPoints, see_points

_CANDIDATES = 4  # predictions for each grasp that is wanted
_SUNK = 0.003  # m, of an anchor under the table at most
_IN_CAMERA_FRAME = (
    "Poses are in the camera's optical frame, not in that of a mesh; these grasps are predicted:"
    ' no simulation has closed them, and no search has checked them.'
)
_MISFIT = 0.02  # m, between predicted anchors and the hand: more tells of a model that guesses


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """Grasps of one label, in the camera's optical frame; `score` is how likely each holds."""

    label: int
    points: NDArray[np.float64]  # [M, 3] m, that they were predicted from
    grasps: GraspSet
    warnings: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class FramePrediction:
    """Predictions for a frame, and why others are missing."""

    objects: tuple[Prediction, ...]  # by label
    failures: dict[int, DexGraspError] = field(default_factory=dict)
    timing: dict[str, float] = field(default_factory=dict)  # seconds for each phase


def predict_frame(
    frame: DepthFrame,
    hand: HandModel,
    predictor: GraspPredictor,
    *,
    labels: Sequence[int] | None = None,
    max_grasps: int = 16,
    random_seed: int = 0,
) -> FramePrediction:
    """Predict grasps of the labelled objects of a frame.

    What is returned was neither simulated nor checked against the object's hidden side; hands
    that reach through the table are left out where a table was found.

    Parameters
    ----------
    frame, hand, predictor
        Depth with labels; the hand; the model.
    labels
        Which labels; None for all but 0.
    max_grasps
        Of each label; four times as many are predicted.
    random_seed
        The same seed gives the same grasps.

    Raises
    ------
    InputError
        OUT_OF_RANGE for the count or the seed; or as from `see_points`.
    PerceptionError
        As from `see_points`.
    HandError
        UNSUPPORTED_HAND.
    """
    if not 1 <= max_grasps <= 2000:
        raise InputError(
            f"'max_grasps' is {max_grasps}; expected 1 to 2000.", ErrorCode.OUT_OF_RANGE
        )
    if not 0 <= random_seed < 2**31:
        raise InputError(
            f"'random_seed' is {random_seed}; expected 0 to {2**31 - 1}.", ErrorCode.OUT_OF_RANGE
        )
    start = time.perf_counter()
    tokens = describe_hand(hand)
    found = see_points(frame, labels=labels)
    middle = time.perf_counter()
    objects, failures = [], dict(found.failures)
    for seen in found.seen:
        try:
            objects.append(predict_points(seen, tokens, predictor, max_grasps, random_seed))
        except DexGraspError as error:
            failures[seen.label] = error
    timing = {'points': middle - start, 'prediction': time.perf_counter() - middle}
    return FramePrediction(objects=tuple(objects), failures=failures, timing=timing)


def predict_points(
    seen: SeenPoints,
    tokens: HandTokens,
    predictor: GraspPredictor,
    max_grasps: int,
    random_seed: int = 0,
) -> Prediction:
    """Predict grasps from the points of one label.

    Raises
    ------
    PerceptionError
        TOO_FEW_POINTS.
    SynthesisError
        NO_GRASP_FOUND: all that was predicted reaches into the table.
    """
    view = see_object(
        seen.points,
        seen.around,
        seen.support_plane,
        up=seen.up,
        camera=np.zeros(3),
        rng=np.random.default_rng(random_seed),
    )
    count = _CANDIDATES * max_grasps
    predicted = predictor.predict(tokens, view, count, random_seed=random_seed)
    in_table = _in_table(tokens, predicted, seen.support_plane)
    good = np.flatnonzero(~in_table)
    rejected = {'table': int(in_table.sum())}
    if not len(good):
        raise SynthesisError(
            f'All {count} predicted grasps reach into the table; a search may find others.'
        )
    warnings = [*seen.warnings]
    misfit = float(np.median(predicted.misfit[good[:max_grasps]]))
    if misfit > _MISFIT:
        warnings.append(
            f'What was predicted is {1e3 * misfit:.0f} mm from any posture of the hand; of less'
            f' than {1e3 * _MISFIT:.0f} mm the model would be sure. Take it for a guess.'
        )
    if not predictor.knows(tokens):
        known = ', '.join(sorted(predictor.record['hands']))
        warnings.append(
            f"The model was trained on the hands {known}, not on this '{tokens.hand.name}'; what"
            ' it predicts may hold nothing.'
        )
    told = (_IN_CAMERA_FRAME, *warnings)
    grasps = _grasp_set(tokens.hand, predicted, good[:max_grasps], seen, rejected, told)
    return Prediction(
        label=seen.label, points=seen.points, grasps=grasps, warnings=tuple(warnings)
    )


def _in_table(
    tokens: HandTokens, predicted: PredictedGrasps, plane: NDArray[np.float64] | None
) -> NDArray[np.bool_]:
    """Whether a hand reaches through the plane, at the grasp or before, [N]."""
    if plane is None:
        return np.zeros(len(predicted.probability), dtype=bool)
    places = np.stack(
        [
            anchor_places(tokens, predicted.grasp, predicted.base_pose),
            anchor_places(tokens, predicted.pregrasp, predicted.pregrasp_base_pose),
        ]
    )
    return ((places @ plane[:3] + plane[3]) < -_SUNK).any(axis=(0, 2, 3))


def _grasp_set(
    hand: HandModel,
    predicted: PredictedGrasps,
    index: NDArray[np.int64],
    seen: SeenPoints,
    rejected: dict[str, int],
    warnings: tuple[str, ...],
) -> GraspSet:
    count = len(index)
    unknown, nowhere = np.full(count, np.nan), np.empty((count, 0, 3))
    plane = seen.support_plane
    return GraspSet(
        hand=hand.name,
        hand_digest=hand.digest,
        urdf=hand.urdf,
        joint_names=hand.joint_names,
        link_names=hand.link_names,
        hand_frame=hand.hand_frame,
        base_pose=predicted.base_pose[index],
        pregrasp_base_pose=predicted.pregrasp_base_pose[index],
        pregrasp=predicted.pregrasp[index],
        grasp=predicted.grasp[index],
        squeeze=predicted.squeeze[index],
        joint_stiffness=hand.joint_stiffness,
        score=predicted.probability[index],
        residual=unknown,
        penetration=unknown,
        epsilon=unknown,
        contact_count=np.zeros(count, dtype=np.int64),
        contact_links=np.empty((count, 0), dtype=np.int64),
        contact_points=nowhere,
        contact_normals=nowhere,
        contact_forces=nowhere,
        seed_index=index,
        opening_width=opening_width(hand, predicted.grasp[index]),
        support_plane=np.full(4, np.nan) if plane is None else plane,
        locked_joints=locked_joints(hand),
        rejected=rejected,
        warnings=warnings,
    )
