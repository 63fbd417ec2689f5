"""An Azure Kinect whose depth is brought to its colours, and the nodes that find grasps.

Its images are not rectified: the nodes do it. Arguments of grasp.launch.py are taken as well.
"""

from launch.actions import DeclareLaunchArgument, GroupAction, IncludeLaunchDescription
from launch.conditions import IfCondition
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.substitutions import FindPackageShare

from launch import LaunchDescription

ARGUMENTS = {
    'depth': ('/depth_to_rgb/image_raw', 'topic of the depth in the pixels of the colours'),
    'camera_info': ('/depth_to_rgb/camera_info', 'topic of its camera_info'),
    'rgb': ('/rgb/image_raw', 'topic of the colours'),
    'segmentation': ('true', 'topic of labels; true: label what stands on the table here'),
    'color_resolution': ('720P', 'of colours and depth: 720P, 1080P, 1440P, 1536P …'),
    'driver': ('true', "start the camera's driver; false: it runs, or a recording plays"),
}


def generate_launch_description() -> LaunchDescription:
    declared = [
        DeclareLaunchArgument(name, default_value=value, description=description)
        for name, (value, description) in ARGUMENTS.items()
    ]
    driver = GroupAction(
        [included('azure_kinect_ros_driver', 'driver.launch.py')],
        # Arguments of two launch files that are called the same must not meet.
        forwarding=False,
        launch_configurations={
            'depth_unit': '32FC1',
            'depth_mode': 'NFOV_UNBINNED',
            'color_resolution': LaunchConfiguration('color_resolution'),
            'fps': '15',
            'point_cloud': 'false',
            'rgb_point_cloud': 'false',
            # The topic robot_description is the robot's, not the camera's.
            'overwrite_robot_description': 'false',
        },
        condition=IfCondition(LaunchConfiguration('driver')),
    )
    return LaunchDescription([*declared, driver, included('dexgrasp_ros', 'grasp.launch.py')])


def included(package: str, file: str) -> IncludeLaunchDescription:
    """Include a launch file of a package; it takes the arguments that stand in its scope."""
    path = PathJoinSubstitution([FindPackageShare(package), 'launch', file])
    return IncludeLaunchDescription(PythonLaunchDescriptionSource(path))
