"""Images of settled objects: cameras, looks and lights by a seed, all channels, in tar shards."""

from dexgrasp_ros.dataset.render.scenes import render_scene
from dexgrasp_ros.dataset.render.settings import CameraSettings, read_camera_settings
from dexgrasp_ros.dataset.render.tasks import SceneTask

__all__ = ['CameraSettings', 'SceneTask', 'read_camera_settings', 'render_scene']
