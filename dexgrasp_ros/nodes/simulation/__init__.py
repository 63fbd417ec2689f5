"""`sim_hand_node` and `sim_camera_node`: the simulated robot and what its camera sees."""
