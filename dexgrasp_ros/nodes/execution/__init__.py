"""`hand_command_node` and what carries a grasp out: the gate, the phases, the watch."""
