"""A RealSense whose depth is aligned to its colours, and the nodes that find grasps.

Arguments of grasp.launch.py are taken as well.
"""

from launch.actions import DeclareLaunchArgument, GroupAction, IncludeLaunchDescription
from launch.conditions import IfCondition
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.substitutions import FindPackageShare

from launch import LaunchDescription

CAMERA = '/camera/camera'  # the driver's own namespace and name
ARGUMENTS = {
    'depth': (f'{CAMERA}/aligned_depth_to_color/image_raw', 'topic of the aligned depth'),
    'camera_info': (f'{CAMERA}/aligned_depth_to_color/camera_info', 'topic of its camera_info'),
    'rgb': (f'{CAMERA}/color/image_raw', 'topic of the colours that depth is aligned to'),
    'segmentation': ('true', 'topic of labels; true: label what stands on the table here'),
    'serial_no': ("''", 'which camera, where there are several: its number after an underscore'),
    'driver': ('true', "start the camera's driver; false: it runs, or a recording plays"),
}


def generate_launch_description() -> LaunchDescription:
    declared = [
        DeclareLaunchArgument(name, default_value=value, description=description)
        for name, (value, description) in ARGUMENTS.items()
    ]
    driver = GroupAction(
        [included('realsense2_camera', 'rs_launch.py')],
        # Arguments of two launch files that are called the same must not meet.
        forwarding=False,
        launch_configurations={
            'align_depth.enable': 'true',
            'enable_sync': 'true',
            'serial_no': LaunchConfiguration('serial_no'),
        },
        condition=IfCondition(LaunchConfiguration('driver')),
    )
    return LaunchDescription([*declared, driver, included('dexgrasp_ros', 'grasp.launch.py')])


def included(package: str, file: str) -> IncludeLaunchDescription:
    """Include a launch file of a package; it takes the arguments that stand in its scope."""
    path = PathJoinSubstitution([FindPackageShare(package), 'launch', file])
    return IncludeLaunchDescription(PythonLaunchDescriptionSource(path))
