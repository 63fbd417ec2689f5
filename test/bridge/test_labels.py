"""Names of labels; the messages themselves where vision_msgs is installed."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

pytest.importorskip('rclpy')

from dexgrasp_ros.bridge.labels import label_names


def test_names_by_label():
    entries = [(3, 'mug'), (7, ''), (8, 'x' * 201), (65535, 'UNLABELED')]
    message = SimpleNamespace(
        class_map=[SimpleNamespace(class_id=n, class_name=name) for n, name in entries]
    )
    assert label_names(message) == {3: 'mug', 65535: 'UNLABELED'}


def test_names_of_the_real_message():
    messages = pytest.importorskip('vision_msgs.msg')
    info = messages.LabelInfo(class_map=[messages.VisionClass(class_id=3, class_name='mug')])
    assert label_names(info) == {3: 'mug'}
