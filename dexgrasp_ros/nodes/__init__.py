"""Thin ROS nodes: parameters, topics, services and the action; each is a process of its own.

What they compute stands in the folders below; `bridge` turns messages into what those take.
Each node's module has a `main`; `graph.start_graph` starts the nodes without launch.
"""

from dexgrasp_ros.nodes.graph import start_graph

__all__ = ['start_graph']
