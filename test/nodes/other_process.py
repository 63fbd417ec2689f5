"""A client of the action that imports nothing of the package but its interfaces."""

import sys

import rclpy
from rclpy.action import ActionClient

from dexgrasp_msgs.action import SynthesizeGrasps


def main() -> None:
    rclpy.init()
    node = rclpy.create_node('other_process')
    client = ActionClient(node, SynthesizeGrasps, 'synthesize_grasps')
    assert client.wait_for_server(240)
    phases = []
    goal = SynthesizeGrasps.Goal(
        source=SynthesizeGrasps.Goal.SOURCE_LIVE,
        label=int(sys.argv[1]),
        max_grasps=4,
        reference_frame='world',
    )
    sent = client.send_goal_async(goal, lambda m: phases.append(m.feedback.phase))
    rclpy.spin_until_future_complete(node, sent, timeout_sec=60)
    reply = sent.result().get_result_async()
    rclpy.spin_until_future_complete(node, reply, timeout_sec=240)
    result = reply.result().result
    print(f'status={reply.result().status}')
    print(f'error={result.error_code} {result.error_message}', file=sys.stderr)
    print(f'grasps={len(result.grasps.grasps)}')
    print(f'phases={" ".join(dict.fromkeys(phases))}')
    best = result.grasps.grasps[0]
    p, lift = best.pose.position, best.lift_pose.position
    print(f'frame={best.header.frame_id}')
    print(f'label={best.object_label}')
    print(f'position={p.x} {p.y} {p.z}')
    print(f'lift={lift.z - p.z}')


if __name__ == '__main__':
    main()
