"""Multi-finger grasps from depth images, by differentiable contact simulation."""

__version__ = '0.1.0'
