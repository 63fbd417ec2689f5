"""`planning_scene_node`: what was seen, for MoveIt's planning scene."""
