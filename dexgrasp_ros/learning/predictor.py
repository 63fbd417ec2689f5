"""A model on ONNX Runtime: what is seen and a hand in, ranked grasps out; no PyTorch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.doors import reading
from dexgrasp_ros.core.errors import ErrorCode, InputError
from dexgrasp_ros.core.poses import matrix_to_pose, pose_to_matrix
from dexgrasp_ros.learning.decoding import POSTURES, fit_grasps
from dexgrasp_ros.learning.hand_tokens import (
    ANCHORS,
    PHASES,
    SCALE,
    HandTokens,
    grasp_anchors,
)
from dexgrasp_ros.learning.model_files import GRAPHS, ModelRecord, graph_file, read_record
from dexgrasp_ros.learning.seen import SeenObject
from dexgrasp_ros.learning.starts import draw_starts

if TYPE_CHECKING:
    import onnxruntime

SHIPPED = Path(__file__).parent / 'models' / 'default'
STEPS = 5  # of the flow: more change grasps by less than the fit of the hand does
MOST = 10_000  # grasps at a time


@dataclass(frozen=True, kw_only=True)
class PredictedGrasps:
    """N grasps, those first that are likeliest to hold; in the frame that points came in."""

    base_pose: NDArray[np.float64]  # [N, 7]
    pregrasp_base_pose: NDArray[np.float64]  # [N, 7]
    pregrasp: NDArray[np.float64]  # [N, J]
    grasp: NDArray[np.float64]  # [N, J]
    squeeze: NDArray[np.float64]  # [N, J]
    probability: NDArray[np.float64]  # [N] that each holds, by the evaluator
    misfit: NDArray[np.float64]  # [N] m, between the predicted anchors and those of the hand


class GraspPredictor:
    """A loaded model; made by `load_predictor`.

    Attributes
    ----------
    record
        What the model is, and what it was trained on.
    """

    def __init__(self, record: ModelRecord, sessions: dict[str, onnxruntime.InferenceSession]):
        self.record, self._sessions = record, sessions

    def knows(self, tokens: HandTokens) -> bool:
        """Whether the model was trained on this very hand."""
        return tokens.hand.digest in self.record['hands'].values()

    def predict(
        self, tokens: HandTokens, seen: SeenObject, count: int, *, random_seed: int = 0
    ) -> PredictedGrasps:
        """Predict grasps of a hand for what was seen.

        Parameters
        ----------
        tokens, seen
            Hand and view.
        count
            Grasps.
        random_seed
            Of the hands that the flow starts from; the same seed gives the same grasps.

        Raises
        ------
        InputError
            OUT_OF_RANGE for the count.
        """
        if not 1 <= count <= MOST:
            raise InputError(f"'count' is {count}; expected 1 to {MOST}.", ErrorCode.OUT_OF_RANGE)
        rng = np.random.default_rng(random_seed)
        memory = self._run(
            'encoder', groups=seen.groups[None], centers=seen.centers[None], table=seen.table[None]
        )
        start = draw_starts(tokens, seen, count, rng)
        state = self._flow(start.reshape(1, count, len(tokens.links), -1), tokens, memory)
        places = state.reshape(count, -1, PHASES, ANCHORS, 3).astype(np.float64) * SCALE
        fitted = fit_grasps(tokens, places)
        odds = self.judge(tokens, memory, fitted)
        order = np.argsort(-odds, kind='stable')
        to_camera = np.linalg.inv(seen.T_frame_camera)
        return PredictedGrasps(
            **{
                name: _moved(to_camera, values[order]) if name.endswith('pose') else values[order]
                for name, values in fitted.items()
            },
            probability=1.0 / (1.0 + np.exp(-odds[order])),
        )

    def judge(
        self,
        tokens: HandTokens,
        memory: NDArray[np.float32],
        fitted: Mapping[str, NDArray[np.float64]],
    ) -> NDArray[np.float64]:
        """Log odds [N] that grasps hold: of hands as they can be, not of anchors as predicted."""
        postures = {name: fitted[name] for name in POSTURES}
        places = grasp_anchors(tokens, **postures) / SCALE
        state = places.reshape(1, len(places), len(tokens.links), -1).astype(np.float32)
        odds = self._run('evaluator', state=state, features=tokens.features, memory=memory)
        return odds[0].astype(np.float64)

    def _flow(
        self, state: NDArray[np.float32], tokens: HandTokens, memory: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Follow the flow by Euler's steps: x += Δt (end − x) / (1 − t)."""
        for step in range(STEPS):
            time = np.full(state.shape[:2], step / STEPS, dtype=np.float32)
            end = self._run(
                'flow', state=state, time=time, features=tokens.features, memory=memory
            )
            state = state + (end - state) / (STEPS - step)
        return state

    def _run(self, graph: str, **inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        return self._sessions[graph].run(None, inputs)[0]


def load_predictor(folder: Path = SHIPPED, *, threads: int = 0) -> GraspPredictor:
    """Load a model.

    Parameters
    ----------
    folder
        Of the model; default: the one that comes with the package.
    threads
        Of ONNX Runtime; 0 leaves the choice to it.

    Raises
    ------
    InputError
        As from `read_record`; INVALID_INPUT: a graph that ONNX Runtime does not take.
    """
    import onnxruntime

    record = read_record(folder)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 4
    sessions = {}
    for graph in GRAPHS:
        file = graph_file(folder, graph)
        with reading(f"'{file}' is no graph that ONNX Runtime takes"):
            sessions[graph] = onnxruntime.InferenceSession(
                file.read_bytes(), options, providers=['CPUExecutionProvider']
            )
    return GraspPredictor(record, sessions)


def _moved(motion: NDArray[np.float64], poses: NDArray[np.float64]) -> NDArray[np.float64]:
    return matrix_to_pose(motion @ pose_to_matrix(poses))
