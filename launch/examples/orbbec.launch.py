"""An Orbbec camera whose depth is aligned to its colours, and the nodes that find grasps.

Arguments of grasp.launch.py are taken as well.
"""

from launch.actions import DeclareLaunchArgument, GroupAction, IncludeLaunchDescription
from launch.conditions import IfCondition
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.substitutions import FindPackageShare

from launch import LaunchDescription

ARGUMENTS = {
    'depth': ('/camera/depth/image_raw', 'topic of the depth, which the driver aligns'),
    'camera_info': ('/camera/depth/camera_info', 'topic of its camera_info'),
    'rgb': ('/camera/color/image_raw', 'topic of the colours that depth is aligned to'),
    'segmentation': ('true', 'topic of labels; true: label what stands on the table here'),
    'model': ('gemini_330_series', 'which launch file of orbbec_camera: femto_bolt, gemini2 …'),
    'driver': ('true', "start the camera's driver; false: it runs, or a recording plays"),
}


def generate_launch_description() -> LaunchDescription:
    declared = [
        DeclareLaunchArgument(name, default_value=value, description=description)
        for name, (value, description) in ARGUMENTS.items()
    ]
    driver = GroupAction(
        [included('orbbec_camera', LaunchConfiguration('model'), '.launch.py')],
        # Arguments of two launch files that are called the same must not meet.
        forwarding=False,
        launch_configurations={
            'depth_registration': 'true',
            'model': LaunchConfiguration('model'),
        },
        condition=IfCondition(LaunchConfiguration('driver')),
    )
    return LaunchDescription([*declared, driver, included('dexgrasp_ros', 'grasp.launch.py')])


def included(package: str, *file: str | LaunchConfiguration) -> IncludeLaunchDescription:
    """Include a launch file of a package; it takes the arguments that stand in its scope."""
    path = [PathJoinSubstitution([FindPackageShare(package), 'launch', '']), *file]
    return IncludeLaunchDescription(PythonLaunchDescriptionSource(path))
