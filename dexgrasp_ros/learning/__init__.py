"""A predictor of grasps that learns from the search's: ONNX Runtime predicts, PyTorch trains."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dexgrasp_ros.core.lazy import lazy_names

if TYPE_CHECKING:
    from dexgrasp_ros.learning.predict import Prediction, predict_frame
    from dexgrasp_ros.learning.predictor import GraspPredictor, load_predictor
    from dexgrasp_ros.learning.seeds import learned_seeds

__all__ = ['GraspPredictor', 'Prediction', 'learned_seeds', 'load_predictor', 'predict_frame']

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        'predict': ('Prediction', 'predict_frame'),
        'predictor': ('GraspPredictor', 'load_predictor'),
        'seeds': ('learned_seeds',),
    },
)
