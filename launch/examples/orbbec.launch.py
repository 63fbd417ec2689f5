"""An Orbbec camera whose depth is aligned to its colours, and the nodes that find grasps.

Arguments of grasp.launch.py are taken as well.
"""

from launch.substitutions import LaunchConfiguration

from dexgrasp_ros.nodes.camera_launch import camera_launch
from launch import LaunchDescription

TOPICS = {
    'depth': '/camera/depth/image_raw',
    'camera_info': '/camera/depth/camera_info',
    'rgb': '/camera/color/image_raw',
}
ARGUMENTS = {
    'model': ('gemini_330_series', 'which launch file of orbbec_camera: femto_bolt, gemini2 …'),
}


def generate_launch_description() -> LaunchDescription:
    return camera_launch(
        'orbbec_camera',
        LaunchConfiguration('model'),
        '.launch.py',
        topics=TOPICS,
        arguments=ARGUMENTS,
        settings={'depth_registration': 'true', 'model': LaunchConfiguration('model')},
    )
