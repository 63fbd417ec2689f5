"""Mesh files: where they are found, their formats, scales and units, and what missing ones say."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from dexgrasp_ros.core.errors import ErrorCode, HandError
from dexgrasp_ros.core.hand_model import GeometryType
from dexgrasp_ros.hand import load_hand, load_hand_text, mirror_hand, shapes

SIZE = np.array([0.02, 0.03, 0.08])  # m, of the finger's mesh


def urdf(mesh: str, *, visual_only: bool = False) -> str:
    tag = 'visual' if visual_only else 'collision'
    return (
        '<robot name="r"><link name="base"><collision><geometry><box size="0.1 0.1 0.02"/>'
        f'</geometry></collision></link><link name="tip.1"><{tag}><origin xyz="0 0 0.04"/>'
        f'<geometry><mesh {mesh}/></geometry></{tag}></link>'
        '<joint name="knuckle.1" type="revolute"><parent link="base"/><child link="tip.1"/>'
        '<axis xyz="0 1 0"/><limit lower="0" upper="1" effort="1" velocity="1"/></joint>'
        '<transmission name="t"><joint name="knuckle.1"><hardwareInterface/></joint>'
        '</transmission></robot>'
    )


def finger_size(hand) -> np.ndarray:
    assert hand.geometry_types[1] == GeometryType.CONVEX
    return 2.0 * hand.geometry_sizes[1]


@pytest.fixture
def package(tmp_path):
    """A package `my_hand` in a folder of another name, with urdf/ and meshes/."""
    folder = tmp_path / 'checkout'
    (folder / 'urdf').mkdir(parents=True)
    (folder / 'meshes').mkdir()
    (folder / 'package.xml').write_text('<package><name>my_hand</name></package>')
    box = trimesh.creation.box(SIZE)
    for suffix in ('stl', 'obj', 'glb', 'dae'):
        box.export(folder / 'meshes' / f'tip.{suffix}')
    (folder / 'meshes' / 'tip.stl').rename(folder / 'meshes' / 'tip.STL')
    for name in ('tip 1', 'tür', '50%', 'this & that'):
        box.export(folder / 'meshes' / f'{name}.obj')
    return folder


def load(package, mesh: str, **options):
    path = package / 'urdf' / 'hand.urdf'
    path.write_text(urdf(mesh, **options))
    return load_hand(path)


@pytest.mark.parametrize(
    'filename',
    [
        'package://my_hand/meshes/tip.STL',
        'package://my_hand/meshes/tip.stl',
        'package://my_hand/meshes/tip.obj',
        'package://my_hand/meshes/tip.dae',
        'package://my_hand/meshes/tip.glb',
        'package://checkout/meshes/tip.obj',
        '../meshes/tip.obj',
        'meshes/tip.obj',
        'file://{package}/meshes/tip.obj',
        '{package}/meshes/tip.obj',
        '/meshes/tip.obj',
        'file:///meshes/tip.obj',
        'file:../meshes/tip.obj',
        'file://../meshes/tip.obj',
        'package://my_hand/meshes/tip%201.obj',
        '../meshes/tip%201.obj',
        'file://{package}/meshes/tip%201.obj',
        '../meshes/tip 1.obj',
        '../meshes/t%C3%BCr.obj',
        '../meshes/50%25.obj',
        '../meshes/50%.obj',
        '..\\meshes\\tip.obj',
        'package://my_hand\\meshes\\tip.obj',
        '\\meshes\\tip%201.obj',
        ' ../meshes/tip.obj ',
        '../meshes/this &amp; that.obj',
    ],
)
def test_found_in_every_way_of_naming(package, filename):
    hand = load(package, f'filename="{filename.format(package=package)}"')
    np.testing.assert_allclose(finger_size(hand), SIZE, atol=1e-6)
    assert hand.warnings == ()
    # The stored text has them by their places, as names in XML.
    np.testing.assert_array_equal(load_hand_text(hand.urdf).points, hand.points)


def test_a_package_beside_the_urdfs_own_and_one_of_ament(package, tmp_path, monkeypatch):
    other = tmp_path / 'description_of_hand'
    (other / 'urdf').mkdir(parents=True)
    (other / 'urdf' / 'hand.urdf').write_text(urdf('filename="package://my_hand/meshes/tip.obj"'))
    np.testing.assert_allclose(finger_size(load_hand(other / 'urdf' / 'hand.urdf')), SIZE)
    (tmp_path / 'prefix' / 'share').mkdir(parents=True)
    (tmp_path / 'prefix' / 'share' / 'my_hand').symlink_to(package)
    monkeypatch.setenv('AMENT_PREFIX_PATH', str(tmp_path / 'prefix'))
    text = urdf('filename="package://my_hand/meshes/tip.obj"')
    np.testing.assert_allclose(finger_size(load_hand_text(text)), SIZE)


def test_scale_mirrored_scale_and_unit(package):
    scaled = load(package, 'filename="package://my_hand/meshes/tip.obj" scale="0.5 2 -1"')
    np.testing.assert_allclose(finger_size(scaled), SIZE * [0.5, 2, 1], atol=1e-6)
    mesh = scaled.geometry_meshes[1]
    assert np.linalg.det(mesh.vertices[mesh.faces]).sum() > 0.0  # outward still
    file = package / 'meshes' / 'tip.dae'
    centimetres = file.read_text().replace('<up_axis>', '<unit meter="0.01"/><up_axis>')
    file.write_text(centimetres)
    hand = load(package, 'filename="package://my_hand/meshes/tip.dae" scale="100 100 100"')
    np.testing.assert_allclose(finger_size(hand), SIZE, atol=1e-6)


@pytest.mark.parametrize(
    ('scale', 'factors'), [('', 1), ('0.5', 0.5), ('1,2,3', [1, 2, 3]), ('-1 1 1', 1)]
)
def test_scales_and_their_mirror_images(package, scale, factors):
    hand = load(package, f'filename="package://my_hand/meshes/tip.obj" scale="{scale}"')
    np.testing.assert_allclose(finger_size(hand), SIZE * factors, atol=1e-6)
    np.testing.assert_allclose(finger_size(mirror_hand(hand)), SIZE * factors, atol=1e-6)
    stored = load_hand_text(mirror_hand(hand).urdf)
    np.testing.assert_allclose(finger_size(stored), SIZE * factors, atol=1e-6)


@pytest.mark.parametrize(
    'scale', ['0 0 0', '1 1 0', '0', '1 1', '1 1 1 1', 'nan 1 1', 'inf', 'mm']
)
def test_a_scale_that_leaves_no_mesh_is_refused(package, scale, monkeypatch):
    monkeypatch.setattr(shapes, 'convex_pieces', no_cutting)
    with pytest.raises(HandError, match=rf"'tip\.1'.*scale='{scale}'") as caught:
        load(package, f'filename="package://my_hand/meshes/tip.obj" scale="{scale}"')
    assert caught.value.code == ErrorCode.INVALID_URDF


def no_cutting(mesh):
    raise AssertionError('a mesh is cut though another one cannot be used')


@pytest.mark.parametrize('name', ['none.obj', 'bad.stl'])
def test_a_mesh_that_cannot_be_used_is_told_before_any_is_cut(package, name, monkeypatch):
    (package / 'meshes' / 'bad.stl').write_bytes(b'hello')
    monkeypatch.setattr(shapes, 'convex_pieces', no_cutting)
    good, bad = (f'<mesh filename="../meshes/{n}"/>' for n in ('tip.obj', name))
    text = urdf('filename="../meshes/tip.obj"').replace('<box size="0.1 0.1 0.02"/>', good)
    last = (
        f'<link name="last"><collision><geometry>{bad}</geometry></collision></link>'
        '<joint name="end" type="fixed"><parent link="tip.1"/><child link="last"/></joint>'
    )
    with pytest.raises(HandError, match=f"'last'.*{name}"):
        load_hand_text(text.replace('</robot>', f'{last}</robot>'), base_folder=package / 'urdf')


def test_millimetres_without_a_scale_are_pointed_out(package):
    trimesh.creation.box([3000, 20, 20]).export(package / 'meshes' / 'mm.obj')
    hand = load(package, 'filename="package://my_hand/meshes/mm.obj"')
    assert any('mm.obj' in w and 'scale' in w for w in hand.warnings)


def test_metres_that_are_scaled_as_millimetres_are_pointed_out(package):
    file = 'filename="package://my_hand/meshes/tip.obj" scale='
    assert not any('scale' in w for w in load(package, file + '"0.1 0.1 0.1"').warnings)
    assert any('scale' in w for w in load(package, file + '"1e-3 1e-3 1e-3"').warnings)


def test_visual_stands_in_for_missing_collision(package):
    hand = load(package, 'filename="package://my_hand/meshes/tip.obj"', visual_only=True)
    np.testing.assert_allclose(finger_size(hand), SIZE, atol=1e-6)
    assert any("'tip.1' has no <collision>" in w for w in hand.warnings)


BROKEN = {
    'missing': ('none.obj', None, r"'tip\.1'.*none\.obj.*tip\.STL", ErrorCode.FILE_NOT_FOUND),
    'not a mesh': ('bad.stl', b'hello', r"'tip\.1'.*bad\.stl", ErrorCode.INVALID_URDF),
    'no triangles': (
        'bad.obj',
        b'v 0 0 0\n',
        r'no faces|cannot be read',
        ErrorCode.INVALID_URDF,
    ),
    'unknown format': ('bad.xyzzy', b'x', r'bad\.xyzzy.*cannot be read', ErrorCode.INVALID_URDF),
    'flat': (
        'bad.obj',
        b'v 0 0 0\nv 1 0 0\nv 0 1 0\nv 1 1 0\nf 1 2 3\nf 2 4 3\n',
        'flat',
        ErrorCode.INVALID_URDF,
    ),
}


@pytest.mark.parametrize(('name', 'content', 'words', 'code'), BROKEN.values(), ids=BROKEN)
def test_broken_collision_mesh(package, name, content, words, code):
    if content is not None:
        (package / 'meshes' / name).write_bytes(content)
    with pytest.raises(HandError, match=words) as caught:
        load(package, f'filename="package://my_hand/meshes/{name}"')
    assert caught.value.code == code


def test_a_scale_beyond_all_hands_is_refused(package):
    with pytest.raises(HandError, match=r"'tip\.1'.*at most"):
        load(package, 'filename="package://my_hand/meshes/tip.obj" scale="1e300"')
