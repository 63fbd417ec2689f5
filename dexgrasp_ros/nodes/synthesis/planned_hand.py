"""The hand of the best grasp where it is planned, as a robot of its own in tf, for RViz."""

from __future__ import annotations

from rclpy.node import Node
from rclpy.qos_overriding_options import QoSOverridingOptions
from std_msgs.msg import String
from tf2_msgs.msg import TFMessage

from dexgrasp_msgs.msg import Grasp
from dexgrasp_ros.bridge.planned_hand import hand_description, planned_frames
from dexgrasp_ros.bridge.qos import latched_publisher
from dexgrasp_ros.core.hand_model import HandModel


class PlannedHand:
    """Publishes `planned_hand`, a description, and frames of its links, latched.

    The frames are on `/tf_static`, since a plan stands until the next one: who comes later gets
    them, and whatever the age of the image, nothing is looked up in the past.
    """

    def __init__(self, node: Node) -> None:
        self._namespace = node.get_namespace().strip('/')
        self._descriptions = node.create_publisher(
            String,
            'planned_hand',
            latched_publisher(),
            qos_overriding_options=QoSOverridingOptions.with_default_policies(),
        )
        self._frames = node.create_publisher(TFMessage, '/tf_static', latched_publisher())
        self._shown = ''  # URDF of the hand that was described last

    def show(self, grasp: Grasp, hand: HandModel, prefix: str) -> None:
        """Place the hand at a grasp; frames are named NAMESPACE/PREFIX/LINK."""
        full = '/'.join(part for part in (self._namespace, prefix.strip('/')) if part)
        self._frames.publish(planned_frames(grasp, hand, full))
        if hand.urdf != self._shown:
            self._descriptions.publish(String(data=hand_description(hand)))
            self._shown = hand.urdf
