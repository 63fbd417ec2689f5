"""Multi-finger grasps from depth images, by differentiable contact simulation.

Works without ROS. Five lines from a mesh to grasps::

    from dexgrasp_ros import load_hand, load_object, synthesize
    hand = load_hand('allegro')
    grasps = synthesize(hand, load_object('mug.obj'))
    grasps.save('grasps.npz')
    print(grasps.score, grasps.grasp)
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dexgrasp_ros.core.config import SynthesisConfig
    from dexgrasp_ros.core.depth_frame import DepthFrame, load_scene
    from dexgrasp_ros.core.errors import DexGraspError, ErrorCode
    from dexgrasp_ros.core.grasp_set import GraspSet
    from dexgrasp_ros.core.wishes import Region, Wishes
    from dexgrasp_ros.evaluation import Evaluation, evaluate
    from dexgrasp_ros.hand import load_hand
    from dexgrasp_ros.object import load_object
    from dexgrasp_ros.perception import reconstruct, segment_tabletop
    from dexgrasp_ros.synthesis import synthesize

__version__ = '0.1.0'

_HOMES = {
    'DepthFrame': 'core.depth_frame',
    'DexGraspError': 'core.errors',
    'ErrorCode': 'core.errors',
    'Evaluation': 'evaluation',
    'GraspSet': 'core.grasp_set',
    'Region': 'core.wishes',
    'SynthesisConfig': 'core.config',
    'Wishes': 'core.wishes',
    'evaluate': 'evaluation',
    'load_hand': 'hand',
    'load_object': 'object',
    'load_scene': 'core.depth_frame',
    'reconstruct': 'perception',
    'segment_tabletop': 'perception',
    'synthesize': 'synthesis',
}

__all__ = [
    'DepthFrame',
    'DexGraspError',
    'ErrorCode',
    'Evaluation',
    'GraspSet',
    'Region',
    'SynthesisConfig',
    'Wishes',
    'evaluate',
    'load_hand',
    'load_object',
    'load_scene',
    'reconstruct',
    'segment_tabletop',
    'synthesize',
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: Warp and Open3D take a second to load."""
    if name not in _HOMES:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    return getattr(importlib.import_module(f'{__name__}.{_HOMES[name]}'), name)


def __dir__() -> list[str]:
    return [*__all__, '__version__']
