"""A dataset holds its hands whole, wherever they came from."""

from __future__ import annotations

import dataclasses
import re
import shutil

import numpy as np
import pytest
import trimesh
from inline_work import InlineExecutor
from mesh_hands import write_gripper

from dexgrasp_ros.core.config import SynthesisConfig
from dexgrasp_ros.core.errors import ErrorCode, HandError, InputError
from dexgrasp_ros.dataset import open_dataset
from dexgrasp_ros.dataset.config import DatasetConfig
from dexgrasp_ros.dataset.files import read_json
from dexgrasp_ros.dataset.generation.generate import generate
from dexgrasp_ros.dataset.hands import StoredHand, portable_hand, register_hand
from dexgrasp_ros.dataset.layout import DatasetLayout
from dexgrasp_ros.hand import load_hand


def store(layout, hand, *, overwrite=False):
    return register_hand(layout, portable_hand(layout, hand), overwrite=overwrite)


def same_hand(one, other):
    for f in dataclasses.fields(one):
        if f.name not in ('urdf', 'warnings', 'meshes', 'geometry_meshes'):
            mine, theirs = getattr(one, f.name), getattr(other, f.name)
            np.testing.assert_array_equal(mine, theirs, err_msg=f.name)
    return True


@pytest.mark.parametrize('ending', ['stl', 'gltf', 'obj'])
def test_a_hand_needs_its_own_files_no_more(tmp_path, ending):
    """Those of glTF keep their triangles in another file."""
    hand = load_hand(write_gripper(tmp_path / 'maker', ending=ending))
    first = store(DatasetLayout(tmp_path / 'set'), hand)
    shutil.rmtree(tmp_path / 'maker')
    shutil.move(tmp_path / 'set', tmp_path / 'moved')
    layout = DatasetLayout(tmp_path / 'moved')
    record = read_json(layout.hand_record('gripper'))
    again = StoredHand.from_record(layout, record)
    assert again.digest == first.digest and same_hand(again.load(), hand)
    assert str(tmp_path) not in again.urdf.read_text()
    assert len(record['meshes']) == 2


def test_the_same_hand_from_another_folder_is_the_same(tmp_path):
    layout = DatasetLayout(tmp_path / 'set')
    digests = [
        store(layout, load_hand(write_gripper(tmp_path / name))).digest
        for name in ('one', 'other')
    ]
    assert digests[0] == digests[1]


def test_another_mesh_is_another_hand(tmp_path):
    layout = DatasetLayout(tmp_path / 'set')
    store(layout, load_hand(write_gripper(tmp_path / 'one')))
    other = load_hand(write_gripper(tmp_path / 'other', width=0.02))
    with pytest.raises(InputError, match=r"another hand in .*'gripper'.*--overwrite"):
        store(layout, other)
    stored = store(layout, other, overwrite=True)
    assert read_json(layout.hand_record('gripper'))['urdf'] == stored.digest


@pytest.mark.parametrize('name', ['allegro', 'barrett_left', 'shadow'])
def test_the_packages_hands_are_what_they_were(tmp_path, name):
    hand = load_hand(name)
    stored = store(DatasetLayout(tmp_path), hand).load()
    assert stored.urdf == hand.urdf
    if not name.endswith('_left'):  # its palm is derived from the mirror image anew
        assert same_hand(stored, hand)
    for field in ('joint_names', 'link_names', 'closing', 'geometry_links'):
        np.testing.assert_array_equal(getattr(stored, field), getattr(hand, field))


def test_what_is_missing_is_told(tmp_path):
    layout = DatasetLayout(tmp_path / 'set')
    hand = load_hand(write_gripper(tmp_path / 'maker'))
    stored = store(layout, hand)
    mesh = read_json(layout.hand_record('gripper'))['meshes'][0]
    layout.hand_mesh(mesh).unlink()
    with pytest.raises(HandError, match=re.escape(mesh)) as caught:
        stored.load()
    assert caught.value.code == ErrorCode.FILE_NOT_FOUND
    stored.urdf.unlink()
    with pytest.raises(InputError, match=r"hand 'gripper'.*has no") as caught:
        stored.load()
    assert caught.value.code == ErrorCode.FILE_NOT_FOUND


def test_a_dataset_of_such_a_hand_can_be_carried_away(inline, tmp_path):
    """Its workers and its readers load what is stored; the same mesh twice is no grasp twice."""
    for name in ('box', 'copy'):
        (tmp_path / 'meshes').mkdir(exist_ok=True)
        trimesh.creation.box((0.05, 0.04, 0.06)).export(tmp_path / 'meshes' / f'{name}.stl')
    with InlineExecutor() as executor:
        report = generate(
            tmp_path / 'set',
            hands=[str(write_gripper(tmp_path / 'maker'))],
            objects=tmp_path / 'meshes',
            grasps_per_object=4,
            executor=executor,
            config=DatasetConfig(
                **{'directions': 4, 'max_scenes': 1, 'max_rounds': 2},
                search=SynthesisConfig(iterations=80),
            ),
        )
    assert not report.failures and report.grasps
    shutil.rmtree(tmp_path / 'maker')
    shutil.move(tmp_path / 'set', tmp_path / 'moved')
    dataset = open_dataset(tmp_path / 'moved')
    assert dataset.hand_model.joint_names == ('move_left', 'move_right')
    one, copy = (dataset.rows(key) for key in dataset.objects)
    assert len(one['seed']) and not set(one['seed']) & set(copy['seed'])
    assert dataset.grasp_set(dataset.objects[0]).hand == 'gripper'


def test_arguments_of_xacro_go_to_the_hands_that_are_xacro_files(tmp_path):
    """The hands are read before the work begins, which equal names then end."""
    trimesh.creation.box((0.05, 0.05, 0.05)).export(tmp_path / 'box.stl')
    plain = write_gripper(tmp_path / 'gripper')
    text = plain.read_text().replace('upper="0.05"', 'upper="$(arg stroke)"')
    plain.with_suffix('.xacro').write_text(text)
    run = {'objects': tmp_path, 'grasps_per_object': 1, 'executor': InlineExecutor()}
    hands = (str(plain), str(plain.with_suffix('.xacro')))
    with pytest.raises(HandError, match='stroke'):
        generate(tmp_path / 'out', hands=hands, **run)
    with pytest.raises(InputError, match='names that differ'):
        generate(tmp_path / 'out', hands=hands, xacro_args={'stroke': 0.04}, **run)
