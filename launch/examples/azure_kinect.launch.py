"""An Azure Kinect whose depth is brought to its colours, and the nodes that find grasps.

Its images are not rectified: the nodes do it. Arguments of grasp.launch.py are taken as well.
"""

from launch.substitutions import LaunchConfiguration

from dexgrasp_ros.nodes.camera_launch import camera_launch
from launch import LaunchDescription

TOPICS = {
    'depth': '/depth_to_rgb/image_raw',
    'camera_info': '/depth_to_rgb/camera_info',
    'rgb': '/rgb/image_raw',
}
ARGUMENTS = {
    'color_resolution': ('720P', 'of colours and depth: 720P, 1080P, 1440P, 1536P …'),
}


def generate_launch_description() -> LaunchDescription:
    settings = {
        'depth_unit': '32FC1',
        'depth_mode': 'NFOV_UNBINNED',
        'color_resolution': LaunchConfiguration('color_resolution'),
        'fps': '15',
        'point_cloud': 'false',
        'rgb_point_cloud': 'false',
        # The topic robot_description is the robot's, not the camera's.
        'overwrite_robot_description': 'false',
    }
    return camera_launch(
        'azure_kinect_ros_driver',
        'driver.launch.py',
        topics=TOPICS,
        arguments=ARGUMENTS,
        settings=settings,
    )
