"""Hands made of meshes: how many groups they have, who gets them, and what is told meanwhile."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import trimesh
from manifold3d import Manifold

from dexgrasp_ros.core.warp_loader import start_warp
from dexgrasp_ros.hand import load_hand, load_hand_text, shapes
from dexgrasp_ros.hand.bodies import expected_weights
from dexgrasp_ros.hand.document import parse_document
from dexgrasp_ros.hand.tree import build_tree

BOXES, TIPS = ('a0', 'b0', 'c0'), ('a1', 'b1', 'c1')
LINK = '<link name="{0}"><collision><geometry>{1}</geometry></collision></link>'
JOINT = """<joint name="j{1}" type="revolute"><parent link="{0}"/><child link="{1}"/>
<origin xyz="{2}"/><axis xyz="1 0 0"/><limit lower="0" upper="1" effort="1" velocity="1"/>
</joint>"""


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """A palm and three fingers of two links, all but boxes made of combs with five teeth."""
    folder = tmp_path_factory.mktemp('hand')
    bar = Manifold.cube((0.09, 0.02, 0.01))
    for i in range(5):
        bar += Manifold.cube((0.01, 0.02, 0.04)).translate((0.02 * i, 0.0, 0.0))
    mesh = bar.to_mesh64()
    comb = trimesh.Trimesh(np.array(mesh.vert_properties)[:, :3], np.array(mesh.tri_verts))
    comb.export(folder / 'comb.stl')
    comb.apply_scale([1.0, 1.5, 1.2]).export(folder / 'palm.stl')
    comb = '<mesh filename="comb.stl"/>'
    box = '<box size="0.02 0.02 0.02"/>'
    text = LINK.format('palm', '<mesh filename="palm.stl"/>')
    for x, side in ((0.0, 'a'), (0.1, 'b'), (0.2, 'c')):
        text += LINK.format(f'{side}0', box) + JOINT.format('palm', f'{side}0', f'{x} 0 0.1')
        text += LINK.format(f'{side}1', comb) + JOINT.format(f'{side}0', f'{side}1', '0 0 0.05')
    (folder / 'combs.urdf').write_text(f'<robot name="combs">{text}</robot>')
    return folder


@pytest.fixture
def urdf(folder, tmp_path, monkeypatch):
    start_warp()  # its kernels stay where they are
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    return folder / 'combs.urdf'


def groups(hand) -> Counter[str]:
    return Counter(hand.link_names[link] for link in hand.geometry_links)


def test_progress_names_the_links_whose_meshes_are_cut(urdf):
    told = []
    load_hand(urdf, progress=told.append)
    assert {moment.link for moment in told} == {'palm', 'a1'}  # the others are as a1
    shares = [moment.fraction for moment in told]
    assert shares == sorted(shares) and 0.0 <= shares[0] < shares[-1] <= 1.0
    told.clear()
    load_hand(urdf, progress=told.append)
    assert not told


def test_all_pieces_that_help_fit_below_the_limit(urdf):
    hand = load_hand(urdf)
    assert groups(hand) == {'palm': 6} | dict.fromkeys(BOXES, 1) | dict.fromkeys(TIPS, 6)
    assert len(hand.group_names) == len(hand.geometry_meshes) == 27


@pytest.mark.parametrize(('limit', 'of_palm', 'of_tip'), [(22, 1, 6), (16, 1, 4), (3, 1, 1)])
def test_groups_of_all_links_keep_the_limit_and_fingertips_come_first(
    urdf, monkeypatch, limit, of_palm, of_tip
):
    monkeypatch.setattr(shapes, 'GROUP_LIMIT', limit)
    found = groups(load_hand(urdf))
    assert found == {'palm': of_palm} | dict.fromkeys(BOXES, 1) | dict.fromkeys(TIPS, of_tip)


def test_a_mirrored_hand_has_the_same_pieces_when_its_text_is_loaded(urdf):
    hand = load_hand(urdf, mirrored=True)
    told = []
    again = load_hand_text(hand.urdf, name=hand.name, root=hand.hand_frame, progress=told.append)
    assert not told
    np.testing.assert_allclose(again.geometry_poses, hand.geometry_poses, atol=1e-12)
    np.testing.assert_allclose(again.planes, hand.planes, atol=1e-12)
    assert again.group_names == hand.group_names


def test_weights_are_known_before_shapes_are(urdf):
    tree = build_tree(parse_document(urdf.read_text(), 'hand'), 'hand', root=None, locked={})
    weights = expected_weights(tree, range(7))
    hand = load_hand(urdf)
    np.testing.assert_allclose(hand.group_weights, weights[hand.geometry_links])
