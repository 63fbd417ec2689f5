"""The hand as it is planned, for RViz's RobotModel: its description, and where its links are."""

from __future__ import annotations

from xml.etree import ElementTree

from geometry_msgs.msg import TransformStamped
from std_msgs.msg import Header
from tf2_msgs.msg import TFMessage

from dexgrasp_msgs.msg import Grasp
from dexgrasp_ros.bridge.geometry import pose_array, transform_message
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.hand import link_poses


def hand_description(hand: HandModel) -> str:
    """URDF of a hand alone, without the arm that its description may have; mesh files absolute."""
    robot = ElementTree.fromstring(hand.urdf)
    inside = set(hand.link_names)
    below = inside - {hand.hand_frame}

    def is_kept(element: ElementTree.Element) -> bool:
        if element.tag == 'joint':
            return element.find('child').get('link') in below
        return element.tag == 'material' or (
            element.tag == 'link' and element.get('name') in inside
        )

    for element in [e for e in robot if not is_kept(e)]:
        robot.remove(element)
    return ElementTree.tostring(robot, encoding='unicode')


def planned_frames(grasp: Grasp, hand: HandModel, prefix: str) -> TFMessage:
    """Frames of a hand's links at a grasp, each in the grasp's own frame.

    Parameters
    ----------
    grasp
        Of `hand`; its posture is `grasp`, as in `joint_targets`.
    hand
        The hand.
    prefix
        Before the links' names, with a slash between, as RViz's TF prefix.
    """
    poses = link_poses(hand, list(grasp.grasp), pose_array(grasp.pose))
    head = Header(frame_id=grasp.header.frame_id, stamp=grasp.header.stamp)
    return TFMessage(
        transforms=[
            TransformStamped(
                header=head, child_frame_id=f'{prefix}/{link}', transform=transform_message(pose)
            )
            for link, pose in zip(hand.link_names, poses, strict=True)
        ]
    )
