"""The digest of a hand: the same for the same hand, another one for another."""

from __future__ import annotations

import pytest
import trimesh

from dexgrasp_ros.core.resources import find_resource
from dexgrasp_ros.hand import attach, load_hand, load_hand_text, mirror_hand

HAND = """<robot name="claw">
<link name="palm"><collision><geometry><box size="0.06 0.06 0.02"/></geometry></collision></link>
<link name="finger">
  <collision><origin xyz="0 0 0.03"/><geometry><box size="0.01 0.02 0.06"/></geometry></collision>
</link>
<link name="thumb">
  <collision><geometry><mesh filename="{mesh}"/></geometry></collision>
</link>
<joint name="bend" type="revolute"><parent link="palm"/><child link="finger"/>
  <origin xyz="0.03 0.005 0.01" rpy="0 0.1 0"/><axis xyz="0 -1 0"/>
  <limit lower="-0.1" upper="1.5" effort="1" velocity="2"/></joint>
<joint name="oppose" type="revolute"><parent link="palm"/><child link="thumb"/>
  <origin xyz="-0.03 0 0.01"/><axis xyz="0 1 0"/>
  <limit lower="0" upper="1.5" effort="1" velocity="2"/></joint>
</robot>"""


@pytest.fixture
def text(tmp_path) -> str:
    trimesh.creation.box((0.01, 0.02, 0.06)).export(tmp_path / 'thumb.stl')
    return HAND.format(mesh=tmp_path / 'thumb.stl')


def digest(text: str, **options) -> str:
    return load_hand_text(text, **options).digest


def test_comments_layout_names_of_the_robot_and_of_files_have_no_part_in_it(text, tmp_path):
    own = digest(text)
    assert len(own) == 64
    assert digest(text.replace('<link', '<!-- a\n link -->\n\n <link')) == own
    assert digest(text.replace('"0.03 0.005 0.01"', '" 3e-2  5e-3 .0100"')) == own
    assert digest(text.replace('name="claw"', 'name="pincer"')) == own
    (tmp_path / 'moved').mkdir()
    (tmp_path / 'thumb.stl').rename(tmp_path / 'moved/t.stl')
    assert digest(text.replace('thumb.stl', 'moved/t.stl')) == own


@pytest.mark.parametrize(
    ('before', 'after'),
    [
        ('upper="1.5" effort', 'upper="1.4" effort'),
        ('effort="1"', 'effort="2"'),
        ('velocity="2"', 'velocity="3"'),
        ('rpy="0 0.1 0"', 'rpy="0 0.1001 0"'),
        ('<axis xyz="0 -1 0"', '<axis xyz="0 1 0"'),
        ('size="0.01 0.02 0.06"', 'size="0.01 0.02 0.05"'),
        ('thumb.stl"', 'thumb.stl" scale="1 1 0.9"'),
        ('"bend"', '"flex"'),
        ('"finger"', '"digit"'),
    ],
)
def test_joints_limits_links_and_geometry_have(text, before, after):
    assert digest(text.replace(before, after)) != digest(text)


def test_what_a_mesh_file_holds_has(text, tmp_path):
    own = digest(text)
    trimesh.creation.box((0.01, 0.02, 0.05)).export(tmp_path / 'thumb.stl')
    assert digest(text) != own


def test_a_locked_joint_is_another_hand(text):
    assert digest(text, locked_joints=['bend']) != digest(text)


@pytest.mark.parametrize('name', ['allegro', 'barrett'])
def test_left_and_right_differ_and_the_stored_description_is_of_the_same_hand(name):
    right, left = load_hand(name), load_hand(f'{name}_left')
    assert right.digest != left.digest
    assert digest(right.urdf) == right.digest and digest(left.urdf) == left.digest
    assert mirror_hand(left).digest == right.digest


def test_an_arm_above_the_hand_has_no_part_in_it():
    arm = find_resource('urdf/arms/simple_arm.urdf')
    assert digest(attach(arm, 'barrett', flange='flange')) == load_hand('barrett').digest
