"""Which way of listening to tf a node takes, beside what else is installed."""

from __future__ import annotations

import sys

import pytest

pytest.importorskip('rclpy')

from dexgrasp_ros.bridge.transforms import transform_listener
from dexgrasp_ros.core.errors import ErrorCode, PerceptionError


@pytest.mark.parametrize(
    'source',
    [
        'from tf2_msgs.action import OfAnotherRos',
        'raise RuntimeError("built for another numpy")',
    ],
)
def test_a_tf2_ros_that_cannot_be_imported_is_told_and_done_without(
    node, source, tmp_path, monkeypatch, capfd
):
    (tmp_path / 'tf2_ros').mkdir()
    (tmp_path / 'tf2_ros' / '__init__.py').write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, 'tf2_ros', raising=False)
    listener = transform_listener(node)
    with pytest.raises(PerceptionError) as raised:
        listener.lookup('a', 'b', 0)
    assert raised.value.code == ErrorCode.TRANSFORM_UNAVAILABLE
    assert 'tf2_ros' in capfd.readouterr().err
    listener.close()


def test_tf2_msgs_has_all_that_tf2_ros_imports():
    """Nodes beside a real tf2_ros find whichever of two comes first."""
    from tf2_msgs.action import LookupTransform
    from tf2_msgs.msg import TF2Error, TFMessage
    from tf2_msgs.srv import FrameGraph

    assert LookupTransform.Result().error == TF2Error(error=TF2Error.NO_ERROR)
    assert (TFMessage().transforms, FrameGraph.Response().frame_yaml) == ([], '')
