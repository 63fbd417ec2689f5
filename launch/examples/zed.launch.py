"""A ZED, whose depth is that of its left colour image, and the nodes that find grasps.

Arguments of grasp.launch.py are taken as well.
"""

from launch.actions import DeclareLaunchArgument, GroupAction, IncludeLaunchDescription
from launch.conditions import IfCondition
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.substitutions import FindPackageShare

from launch import LaunchDescription

CAMERA = '/zed/zed_node'  # the driver's own names of camera and node
ARGUMENTS = {
    'depth': (f'{CAMERA}/depth/depth_registered', 'topic of the depth'),
    'camera_info': (f'{CAMERA}/depth/camera_info', 'topic of its camera_info'),
    'rgb': (f'{CAMERA}/rgb/color/rect/image', 'topic of the rectified colours'),
    'segmentation': ('true', 'topic of labels; true: label what stands on the table here'),
    'camera_model': ('zed2i', 'which ZED: zed, zedm, zed2, zed2i, zedx …'),
    'driver': ('true', "start the camera's driver; false: it runs, or a recording plays"),
}


def generate_launch_description() -> LaunchDescription:
    declared = [
        DeclareLaunchArgument(name, default_value=value, description=description)
        for name, (value, description) in ARGUMENTS.items()
    ]
    driver = GroupAction(
        [included('zed_wrapper', 'zed_camera.launch.py')],
        # Arguments of two launch files that are called the same must not meet.
        forwarding=False,
        launch_configurations={'camera_model': LaunchConfiguration('camera_model')},
        condition=IfCondition(LaunchConfiguration('driver')),
    )
    return LaunchDescription([*declared, driver, included('dexgrasp_ros', 'grasp.launch.py')])


def included(package: str, file: str) -> IncludeLaunchDescription:
    """Include a launch file of a package; it takes the arguments that stand in its scope."""
    path = PathJoinSubstitution([FindPackageShare(package), 'launch', file])
    return IncludeLaunchDescription(PythonLaunchDescriptionSource(path))
