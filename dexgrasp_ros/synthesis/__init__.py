"""Grasp synthesis: seeds, annealed descent on the contact energy, ranking, closing."""

from dexgrasp_ros.synthesis.closing_simulation import load_closing_kernels
from dexgrasp_ros.synthesis.course import Course, trace_seed
from dexgrasp_ros.synthesis.synthesize import synthesize

__all__ = ['Course', 'load_closing_kernels', 'synthesize', 'trace_seed']
