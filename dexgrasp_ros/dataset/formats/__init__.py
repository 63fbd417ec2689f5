"""Grasps and recordings in the file formats of other software."""
