"""A RealSense whose depth is aligned to its colours, and the nodes that find grasps.

Arguments of grasp.launch.py are taken as well.
"""

from launch.substitutions import LaunchConfiguration

from dexgrasp_ros.nodes.camera_launch import camera_launch
from launch import LaunchDescription

CAMERA = '/camera/camera'  # the driver's own namespace and name
TOPICS = {
    'depth': f'{CAMERA}/aligned_depth_to_color/image_raw',
    'camera_info': f'{CAMERA}/aligned_depth_to_color/camera_info',
    'rgb': f'{CAMERA}/color/image_raw',
}
ARGUMENTS = {
    'serial_no': ("''", 'which camera, where there are several: its number after an underscore'),
}


def generate_launch_description() -> LaunchDescription:
    settings = {
        'align_depth.enable': 'true',
        'enable_sync': 'true',
        'serial_no': LaunchConfiguration('serial_no'),
    }
    return camera_launch(
        'realsense2_camera',
        'rs_launch.py',
        topics=TOPICS,
        arguments=ARGUMENTS,
        settings=settings,
    )
