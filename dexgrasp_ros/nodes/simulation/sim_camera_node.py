"""`sim_camera_node`: a depth camera with segmentation, of a scene file or of a simulated world.

With the parameter `scene` it replays a file, or the demo scene, which it renders once:
`depth/image` and `depth/camera_info`, and where the file has them `segmentation` and `rgb/image`,
with one stamp at `rate`, and on `/tf_static` the camera's pose. A scene that cannot be read is an
error in the log and nothing on the topics; set the parameter to another one.

Without it, rays are cast at what `sim_hand_node` says on `sim_objects` and tf: depth with the
noise of a sensor, the objects' labels (table and hand are 0) and, where somebody listens, colours,
all with the stamp of the state that is seen.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from rclpy.node import Node
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import CameraInfo, Image

from dexgrasp_ros.bridge.color_images import color_message
from dexgrasp_ros.bridge.geometry import header
from dexgrasp_ros.bridge.images import depth_message, label_message
from dexgrasp_ros.bridge.intrinsics import camera_info_message
from dexgrasp_ros.bridge.parameters import NodeParameters
from dexgrasp_ros.bridge.qos import standard
from dexgrasp_ros.bridge.transforms import StaticTransformPublisher
from dexgrasp_ros.core.depth_frame import DepthFrame, load_scene
from dexgrasp_ros.core.errors import DexGraspError
from dexgrasp_ros.core.poses import matrix_to_pose
from dexgrasp_ros.hand import load_hand
from dexgrasp_ros.nodes.shared.process import main_of
from dexgrasp_ros.nodes.simulation.live_scene import LiveScene
from dexgrasp_ros.nodes.simulation.parameters import DEMO_SCENE, SimCameraParameters
from dexgrasp_ros.simulation import PinholeCamera, make_demo_scene, render_depth_frame

# Reliable, so that a recorder or a subscription of either kind gets them; two frames may wait.
_IMAGE_DEPTH = 2
_WARN_PERIOD = 5.0  # s between two warnings


class SimCameraNode(Node):
    """See the module."""

    def __init__(self) -> None:
        super().__init__('sim_camera_node')
        self._parameters_of_node = NodeParameters(
            self,
            SimCameraParameters,
            check=_check_change,
            changed=self._change,
        )
        overrides = QoSOverridingOptions.with_default_policies()
        # Colours first: who takes them looks for them when the depth has come.
        self._topics = {
            topic: self.create_publisher(
                kind, topic, standard(_IMAGE_DEPTH), qos_overriding_options=overrides
            )
            for topic, kind in (
                ('rgb/image', Image),
                ('depth/image', Image),
                ('depth/camera_info', CameraInfo),
                ('segmentation', Image),
            )
        }
        self._transforms = StaticTransformPublisher(self)
        self._messages: dict[str, Image | CameraInfo] = {}
        self._live: LiveScene | None = None
        self._seen = 0  # images of the simulated world
        self._last_stamp = 0  # ns, of the state that was seen last
        self._begin()
        self._start_timer()

    def close(self) -> None:
        """Nothing is under way."""

    @property
    def _config(self) -> SimCameraParameters:
        return self._parameters_of_node.value

    def _begin(self) -> None:
        """Read the scene file, or listen to the simulated world."""
        config, self._messages = self._config, {}
        if self._live is not None:
            self._live.close()
            self._live = None
        try:
            if config.scene:
                self._replay(_scene(config.scene))
            else:
                self._listen()
        except DexGraspError as error:
            self.get_logger().error(f'Nothing to show: {error}')

    def _replay(self, frame: DepthFrame) -> None:
        self._fill(frame, 0)
        if frame.T_world_cam is not None:
            self._place(frame.T_world_cam)
        height, width = frame.depth.shape
        labels = set() if frame.labels is None else set(frame.labels.ravel().tolist()) - {0}
        self.get_logger().info(
            f"Replaying '{self._config.scene}': {width} x {height}, labels"
            f' {sorted(labels) or "none"}.'
        )

    def _listen(self) -> None:
        config = self._config
        hand = load_hand(config.hand) if config.hand else None
        self._camera = _live_camera(config)
        self._live = LiveScene(self, config.world_frame, hand)
        self._place(self._camera.T_world_cam)
        self.get_logger().info(
            f'Seeing the simulated world: {config.width} x {config.height},'
            f' {"with" if config.noisy else "without"} noise.'
        )

    def _place(self, T_world_cam: np.ndarray) -> None:
        config, stamp = self._config, self.get_clock().now().nanoseconds
        pose = matrix_to_pose(T_world_cam)
        self._transforms.publish(config.world_frame, config.camera_frame, stamp, pose)

    def _fill(self, frame: DepthFrame, stamp: int) -> None:
        """Make the messages of a frame."""
        config = self._config
        head = header(config.camera_frame, stamp)
        self._messages = {
            'depth/image': depth_message(frame.depth, head, config.depth_encoding),
            'depth/camera_info': camera_info_message(frame.intrinsics, frame.depth.shape, head),
        }
        if frame.labels is not None:
            self._messages['segmentation'] = label_message(frame.labels, head, '32SC1')
        if frame.rgb is not None:
            self._messages['rgb/image'] = color_message(frame.rgb, head)

    def _tick(self) -> None:
        if self._live is None:
            stamp = self.get_clock().now().to_msg()
            for message in self._messages.values():
                message.header.stamp = stamp
        elif not self._look():
            return
        for topic, publisher in self._topics.items():
            # Colours are the largest, and most graphs have no use for them.
            if topic in self._messages and publisher.get_subscription_count():
                publisher.publish(self._messages[topic])

    def _look(self) -> bool:
        """Take an image of the simulated world; false where there is no new state of it."""
        config = self._config
        try:
            bodies, stamp = self._live.bodies(self._camera)
        except DexGraspError as error:
            self.get_logger().warning(
                f'No image: {error}', throttle_duration_sec=_WARN_PERIOD, skip_first=True
            )
            return False
        if stamp == self._last_stamp:
            return False
        self._last_stamp = stamp
        self._seen += 1
        frame = render_depth_frame(
            bodies,
            self._camera,
            noise=config.noise if config.noisy else None,
            random_seed=config.random_seed + self._seen,
            colors=self._topics['rgb/image'].get_subscription_count() > 0,
        )
        self._fill(frame, stamp)
        return True

    def _change(self, before: SimCameraParameters, after: SimCameraParameters) -> None:
        if dataclasses.replace(after, rate=before.rate) != before:
            self._begin()
        if after.rate != before.rate:
            self.destroy_timer(self._timer)
            self._start_timer()

    def _start_timer(self) -> None:
        self._timer = self.create_timer(1.0 / self._config.rate, self._tick)


def _check_change(before: SimCameraParameters, after: SimCameraParameters) -> None:
    # The demo scene can always be rendered, and takes seconds.
    if after.scene not in (before.scene, '', DEMO_SCENE):
        load_scene(after.scene)
    if after.hand != before.hand and after.hand:
        load_hand(after.hand)


def _scene(name: str) -> DepthFrame:
    """Read a scene file, or render the package's own."""
    return make_demo_scene() if name == DEMO_SCENE else load_scene(name)


def _live_camera(config: SimCameraParameters) -> PinholeCamera:
    target = np.array([0.0, 0.0, config.target_height])
    level = np.cos(config.elevation)
    toward = np.array(
        [
            level * np.cos(config.azimuth),
            level * np.sin(config.azimuth),
            np.sin(config.elevation),
        ]
    )
    return PinholeCamera.looking_at(
        target + config.distance * toward,
        target,
        width=config.width,
        height=config.height,
        field_of_view=config.field_of_view,
    )


main = main_of(SimCameraNode)

if __name__ == '__main__':
    main()
