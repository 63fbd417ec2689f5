"""Between ROS and the package: messages ↔ core types, markers, transforms, parameters, client.

With `nodes` the only folder that imports `rclpy` or message packages. Each module is imported by
its own name (``from dexgrasp_ros.bridge.images import depth_array``).
"""

from dexgrasp_ros.bridge.client import GoalReply, GraspClient

__all__ = ['GoalReply', 'GraspClient']
