"""`grasp_node` and `grasp_planning_node`: goals in, grasps out."""
