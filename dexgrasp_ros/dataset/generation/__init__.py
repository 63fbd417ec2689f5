"""Shards of grasps: objects at rest, searches, shake tests, rows."""
