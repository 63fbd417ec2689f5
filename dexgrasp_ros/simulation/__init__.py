"""Ray-cast cameras, the demo scene, pictures and physics; none needs a display."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dexgrasp_ros.core.lazy import lazy_names

if TYPE_CHECKING:
    from dexgrasp_ros.simulation.bodies import Body, contact_bodies, hand_bodies
    from dexgrasp_ros.simulation.cameras import PinholeCamera, RayScene
    from dexgrasp_ros.simulation.demo_scene import make_demo_scene, save_scene
    from dexgrasp_ros.simulation.depth_camera import render_depth_frame
    from dexgrasp_ros.simulation.layout import render_panels, save_picture
    from dexgrasp_ros.simulation.near_pairs import NearPairs
    from dexgrasp_ros.simulation.panel import Panel
    from dexgrasp_ros.simulation.physics_model import PhysicsModel, build_physics
    from dexgrasp_ros.simulation.physics_settings import PhysicsSettings
    from dexgrasp_ros.simulation.picture import (
        render_course,
        render_grasp,
        render_grasps,
        render_meshes,
        render_moments,
        render_reconstruction,
        render_seen_grasps,
    )
    from dexgrasp_ros.simulation.sensor_noise import SensorNoise, add_sensor_noise
    from dexgrasp_ros.simulation.settling import RestingPose, settle
    from dexgrasp_ros.simulation.sim_world import SimWorld
    from dexgrasp_ros.simulation.standing_objects import StandingObject, stand_objects

__all__ = [
    'Body',
    'NearPairs',
    'Panel',
    'PhysicsModel',
    'PhysicsSettings',
    'PinholeCamera',
    'RayScene',
    'RestingPose',
    'SensorNoise',
    'SimWorld',
    'StandingObject',
    'add_sensor_noise',
    'build_physics',
    'contact_bodies',
    'hand_bodies',
    'make_demo_scene',
    'render_course',
    'render_depth_frame',
    'render_grasp',
    'render_grasps',
    'render_meshes',
    'render_moments',
    'render_panels',
    'render_reconstruction',
    'render_seen_grasps',
    'save_picture',
    'save_scene',
    'settle',
    'stand_objects',
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        'bodies': ('Body', 'contact_bodies', 'hand_bodies'),
        'cameras': ('PinholeCamera', 'RayScene'),
        'demo_scene': ('make_demo_scene', 'save_scene'),
        'depth_camera': ('render_depth_frame',),
        'layout': ('render_panels', 'save_picture'),
        'near_pairs': ('NearPairs',),
        'panel': ('Panel',),
        'physics_model': ('PhysicsModel', 'build_physics'),
        'physics_settings': ('PhysicsSettings',),
        'picture': (
            'render_course',
            'render_grasp',
            'render_grasps',
            'render_meshes',
            'render_moments',
            'render_reconstruction',
            'render_seen_grasps',
        ),
        'sensor_noise': ('SensorNoise', 'add_sensor_noise'),
        'settling': ('RestingPose', 'settle'),
        'sim_world': ('SimWorld',),
        'standing_objects': ('StandingObject', 'stand_objects'),
    },
)
