"""Evaluation of grasps: wrench metrics, geometry on the true mesh, and the shake test.

`evaluate` is the one call; the rest are its parts.
"""

from dexgrasp_ros.evaluation.coverage import touched_share
from dexgrasp_ros.evaluation.evaluate import evaluate
from dexgrasp_ros.evaluation.growth import grow_surface
from dexgrasp_ros.evaluation.inputs import check_threshold
from dexgrasp_ros.evaluation.intervals import wilson_interval
from dexgrasp_ros.evaluation.perturbation import Perturbation
from dexgrasp_ros.evaluation.protocols import Protocol, find_protocol
from dexgrasp_ros.evaluation.result import Evaluation
from dexgrasp_ros.evaluation.shake_test import Cause, Motion
from dexgrasp_ros.evaluation.verify import synthesize_verified
from dexgrasp_ros.evaluation.wrenches import contact_wrenches, hull_quality

__all__ = [
    'Cause',
    'Evaluation',
    'Motion',
    'Perturbation',
    'Protocol',
    'check_threshold',
    'contact_wrenches',
    'evaluate',
    'find_protocol',
    'grow_surface',
    'hull_quality',
    'synthesize_verified',
    'touched_share',
    'wilson_interval',
]
