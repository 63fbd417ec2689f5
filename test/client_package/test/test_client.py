import os
import subprocess

import pytest
from rclpy.serialization import deserialize_message, serialize_message

from dexgrasp_msgs.msg import ErrorCode, Grasp, GraspArray


@pytest.mark.parametrize(
    ('scores', 'answer'),
    [
        (['0.2', '0.9', '0.4'], f'{ErrorCode.SUCCESS} object_2'),
        ([], f'{ErrorCode.NO_GRASP_FOUND} none'),
    ],
)
def test_a_cpp_client_compiles_and_runs(scores, answer):
    done = subprocess.run(
        [os.environ['BEST_GRASP'], *scores], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == answer


def test_a_python_client_sends_and_reads_grasps():
    grasp = Grasp(hand='allegro', joint_names=['a', 'b'], grasp=[0.25, -0.5])
    grasp.quality.score = 0.75
    sent = GraspArray(grasps=[grasp])
    assert deserialize_message(serialize_message(sent), GraspArray) == sent
