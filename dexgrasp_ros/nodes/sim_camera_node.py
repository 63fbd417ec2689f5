"""`sim_camera_node`: replays a scene file as a depth camera with segmentation.

Publishes `depth/image` and `depth/camera_info`, and where the scene has them `segmentation` and
`rgb/image`, with one stamp at `rate`, and on `/tf_static` the camera's pose. A scene that
cannot be read is an error in the log and nothing on the topics; set the parameter `scene` to
another one.
"""

from __future__ import annotations

from rclpy.node import Node
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import CameraInfo, Image

from dexgrasp_ros.bridge.camera import camera_info_message
from dexgrasp_ros.bridge.color_images import color_message
from dexgrasp_ros.bridge.geometry import header
from dexgrasp_ros.bridge.images import depth_message, label_message
from dexgrasp_ros.bridge.parameters import NodeParameters
from dexgrasp_ros.bridge.qos import standard
from dexgrasp_ros.bridge.transforms import StaticTransformPublisher
from dexgrasp_ros.core.depth_frame import DepthFrame, load_scene
from dexgrasp_ros.core.errors import DexGraspError, ErrorCode, InputError
from dexgrasp_ros.core.poses import matrix_to_pose
from dexgrasp_ros.nodes.configuration import SimCameraParameters
from dexgrasp_ros.nodes.process import main_of

# Reliable, so that a recorder or a subscription of either kind gets them; two frames may wait.
_IMAGE_DEPTH = 2


class SimCameraNode(Node):
    """See the module."""

    def __init__(self) -> None:
        super().__init__('sim_camera_node')
        self._parameters_of_node = NodeParameters(
            self,
            SimCameraParameters,
            check=_check_scene,
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
        self._replay(self._parameters_of_node.value)
        self._start_timer()

    def close(self) -> None:
        """Nothing is under way."""

    def _replay(self, config: SimCameraParameters) -> None:
        self._messages = {}
        try:
            frame = _load(config.scene)
        except DexGraspError as error:
            self.get_logger().error(f'Nothing to replay: {error}')
            return
        head = header(config.camera_frame, 0)
        self._messages = {
            'depth/image': depth_message(frame.depth, head, config.depth_encoding),
            'depth/camera_info': camera_info_message(frame.intrinsics, frame.depth.shape, head),
        }
        if frame.labels is not None:
            self._messages['segmentation'] = label_message(frame.labels, head, '32SC1')
        if frame.rgb is not None:
            self._messages['rgb/image'] = color_message(frame.rgb, head)
        if frame.T_world_cam is not None:
            stamp = self.get_clock().now().nanoseconds
            pose = matrix_to_pose(frame.T_world_cam)
            self._transforms.publish(config.world_frame, config.camera_frame, stamp, pose)
        height, width = frame.depth.shape
        labels = set() if frame.labels is None else set(frame.labels.ravel().tolist()) - {0}
        self.get_logger().info(
            f"Replaying '{config.scene}': {width} x {height}, labels {sorted(labels) or 'none'}."
        )

    def _publish(self) -> None:
        stamp = self.get_clock().now().to_msg()
        for topic, publisher in self._topics.items():
            # Colours are the largest, and most graphs have no use for them.
            if topic in self._messages and publisher.get_subscription_count():
                self._messages[topic].header.stamp = stamp
                publisher.publish(self._messages[topic])

    def _change(self, before: SimCameraParameters, after: SimCameraParameters) -> None:
        self._replay(after)
        if after.rate != before.rate:
            self.destroy_timer(self._timer)
            self._start_timer()

    def _start_timer(self) -> None:
        self._timer = self.create_timer(1.0 / self._parameters_of_node.value.rate, self._publish)


def _check_scene(before: SimCameraParameters, after: SimCameraParameters) -> None:
    if after.scene != before.scene:
        _load(after.scene)


def _load(scene: str) -> DepthFrame:
    if not scene:
        raise InputError(
            "The parameter 'scene' is empty; expected the path of a scene file (.npz).",
            ErrorCode.FILE_NOT_FOUND,
        )
    return load_scene(scene)


main = main_of(SimCameraNode)

if __name__ == '__main__':
    main()
