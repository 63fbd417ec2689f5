"""Names of hands that robot_descriptions may have."""

from __future__ import annotations

import sys

import pytest
from arms import FINGERS

from dexgrasp_ros.core.errors import ErrorCode, HandError
from dexgrasp_ros.hand import load_hand


def test_a_module_is_a_hand_and_near_ones_are_named(tmp_path, monkeypatch):
    urdf = tmp_path / 'hand.urdf'
    urdf.write_text(f'<robot name="grip">{FINGERS}</robot>')
    catalogue = tmp_path / 'site' / 'robot_descriptions'
    catalogue.mkdir(parents=True)
    (catalogue / '__init__.py').touch()
    (catalogue / 'my_hand_description.py').write_text(f'URDF_PATH = {str(urdf)!r}\n')
    (catalogue / 'my_hand_mj_description.py').write_text('MJCF_PATH = "x"\n')
    (catalogue / 'fetches_description.py').write_text('raise AssertionError("imported")\n')
    monkeypatch.syspath_prepend(str(catalogue.parent))
    for name in [n for n in sys.modules if n.startswith('robot_descriptions')]:
        monkeypatch.delitem(sys.modules, name)
    for name in ('my_hand_description', 'robot_descriptions.my_hand_description'):
        hand = load_hand(name)
        assert hand.name == 'my_hand_description' and len(hand.joint_names) == 2
    with pytest.raises(
        HandError, match=r"URDF_PATH.*'MJCF_PATH'.*'my_hand_description'"
    ) as caught:
        load_hand('my_hand_mj_description')
    assert caught.value.code == ErrorCode.FILE_NOT_FOUND
    # What is near is named, without a look into it, which fetches.
    for name in ('my_hand', 'my_hands_description', 'robot_descriptions.my_hnd_description'):
        with pytest.raises(HandError, match=r"'my_hand_description'\.$") as caught:
            load_hand(name)
        assert caught.value.code == ErrorCode.UNKNOWN_HAND
    with pytest.raises(HandError, match="'fetches_description'"):
        load_hand('fetch_description')
    with pytest.raises(HandError, match=r'path of a URDF file\.$') as caught:
        load_hand('third_description')
    assert caught.value.code == ErrorCode.UNKNOWN_HAND


def test_without_robot_descriptions_it_is_named_to_who_may_mean_it(monkeypatch):
    monkeypatch.setitem(sys.modules, 'robot_descriptions', None)
    for name in ('leap_hand_description', 'robot_descriptions.leap'):
        with pytest.raises(HandError, match='pip install robot_descriptions') as caught:
            load_hand(name)
        assert caught.value.code == ErrorCode.UNKNOWN_HAND
    with pytest.raises(HandError, match=r'path of a URDF file\.$'):
        load_hand('hook')
