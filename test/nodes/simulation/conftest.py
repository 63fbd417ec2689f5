"""A simulated hand and a box on its table, as the graph sees them."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

pytest.importorskip('rclpy')

from sensor_msgs.msg import CameraInfo, Image, JointState
from trajectory_msgs.msg import JointTrajectory, MultiDOFJointTrajectory

from dexgrasp_ros.bridge.camera import depth_frame
from dexgrasp_ros.bridge.qos import sensor_data, standard
from dexgrasp_ros.bridge.simulation_watch import SimulationWatch
from dexgrasp_ros.bridge.transforms import transform_listener
from dexgrasp_ros.hand import load_hand

SIZE = np.array([0.05, 0.06, 0.12])  # m, of the box


@pytest.fixture(scope='module')
def box(tmp_path_factory):
    """A file that has no convex pieces to be searched for."""
    path = tmp_path_factory.mktemp('mesh') / 'carton.obj'
    trimesh.creation.box(SIZE).export(path)
    return path


@pytest.fixture(scope='session')
def simulated_robot():
    return SimulatedRobot


class SimulatedRobot:
    """Hears what the simulation says and tells it where to go."""

    def __init__(self, client, log):
        self.client, self.log, self.node = client, log, client.node
        self.hand = load_hand('allegro')
        self.watch = SimulationWatch(self.node, self.hand)
        self.transforms = transform_listener(self.node)
        self.states, self.images = [], {}
        self.node.create_subscription(JointState, 'joint_states', self.states.append, 10)
        for topic, kind in (
            ('depth/image', Image),
            ('depth/camera_info', CameraInfo),
            ('segmentation', Image),
        ):
            self.node.create_subscription(
                kind, topic, lambda m, t=topic: self.images.update({t: m}), sensor_data()
            )
        self.fingers = self.node.create_publisher(JointTrajectory, 'joint_trajectory', standard())
        self.wrist = self.node.create_publisher(
            MultiDOFJointTrajectory, 'wrist_trajectory', standard()
        )
        self.watch.wait(lambda: bool(self.watch.objects), 240, 'the objects')
        self.watch.wait(lambda: self.fingers.get_subscription_count() > 0, 60, 'the hand')
        self.watch.wait(lambda: self.wrist.get_subscription_count() > 0, 60, 'the hand')

    def start_anew(self):
        self.watch.reset()
        self.log.clear()

    def wrist_pose(self):
        return self.watch.link_poses()[0]

    def frame(self):
        """An image of which all parts are of one moment that is still to come."""
        self.watch.wait_for_image()

        def whole():
            stamps = {(m.header.stamp.sec, m.header.stamp.nanosec) for m in self.images.values()}
            return len(self.images) == 3 and len(stamps) == 1

        self.watch.wait(whole, 60, 'an image')
        parts = ('depth/image', 'depth/camera_info', 'segmentation')
        return depth_frame(*(self.images[p] for p in parts))
