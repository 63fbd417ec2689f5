"""Grasp synthesis: seeds, annealed descent on the contact energy, ranking, closing."""

from dexgrasp_ros.synthesis.course import Course, trace_seed
from dexgrasp_ros.synthesis.synthesize import synthesize

__all__ = ['Course', 'synthesize', 'trace_seed']
