"""Runs one node that ends when its parent does: ``python -m dexgrasp_ros.nodes.child NODE``.

The parent holds the other end of standard input and never writes to it; when the parent is gone,
however that came about, reading ends.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
import threading

from dexgrasp_ros.core.errors import InputError, choices

MODULES = {
    'sim_hand_node': 'simulation.sim_hand_node',
    'sim_camera_node': 'simulation.sim_camera_node',
    'tabletop_segmentation_node': 'segmentation.tabletop_segmentation_node',
    'reconstruction_node': 'reconstruction.reconstruction_node',
    'grasp_node': 'synthesis.grasp_node',
    'hand_command_node': 'execution.hand_command_node',
    'clear_table_node': 'clearing.clear_table_node',
    'viewer_node': 'viewer.viewer_node',
    'grasp_planning_node': 'synthesis.grasp_planning_node',
    'planning_scene_node': 'planning_scene.planning_scene_node',
}


def main() -> None:
    """Run the node that the first argument names; the others are for ROS."""
    name = sys.argv.pop(1) if len(sys.argv) > 1 else ''
    if name not in MODULES:
        raise InputError(f"There is no node '{name}'; expected one of {choices(MODULES)}.")
    threading.Thread(target=_end_with_parent, name='parent', daemon=True).start()
    importlib.import_module(f'dexgrasp_ros.nodes.{MODULES[name]}').main()


def _end_with_parent() -> None:
    # Not through sys.stdin: its lock would be held while the interpreter ends.
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == '__main__':
    main()
