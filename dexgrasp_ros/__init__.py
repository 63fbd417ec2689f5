"""Multi-finger grasps from depth images, by differentiable contact simulation.

Works without ROS. Five lines from a mesh to grasps::

    from dexgrasp_ros import load_hand, load_object, synthesize
    hand = load_hand('allegro')
    grasps = synthesize(hand, load_object('mug.obj'))
    grasps.save('grasps.npz')
    print(grasps.score, grasps.grasp)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dexgrasp_ros.core.lazy import lazy_names

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

__version__ = '0.4.0'

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

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        'core.config': ('SynthesisConfig',),
        'core.depth_frame': ('DepthFrame', 'load_scene'),
        'core.errors': ('DexGraspError', 'ErrorCode'),
        'core.grasp_set': ('GraspSet',),
        'core.wishes': ('Region', 'Wishes'),
        'evaluation': ('Evaluation', 'evaluate'),
        'hand': ('load_hand',),
        'object': ('load_object',),
        'perception': ('reconstruct', 'segment_tabletop'),
        'synthesis': ('synthesize',),
    },
)
