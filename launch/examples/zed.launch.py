"""A ZED, whose depth is that of its left colour image, and the nodes that find grasps.

Arguments of grasp.launch.py are taken as well.
"""

from launch.substitutions import LaunchConfiguration

from dexgrasp_ros.nodes.camera_launch import camera_launch
from launch import LaunchDescription

CAMERA = '/zed/zed_node'  # the driver's own names of camera and node
TOPICS = {
    'depth': f'{CAMERA}/depth/depth_registered',
    'camera_info': f'{CAMERA}/depth/camera_info',
    'rgb': f'{CAMERA}/rgb/color/rect/image',
}
ARGUMENTS = {
    'camera_model': ('zed2i', 'which ZED: zed, zedm, zed2, zed2i, zedx …'),
}


def generate_launch_description() -> LaunchDescription:
    return camera_launch(
        'zed_wrapper',
        'zed_camera.launch.py',
        topics=TOPICS,
        arguments=ARGUMENTS,
        settings={'camera_model': LaunchConfiguration('camera_model')},
    )
