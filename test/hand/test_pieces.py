"""Convex pieces: what they cover, how they are shared out, and their cache."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from dexgrasp_ros.core.warp_loader import start_warp
from dexgrasp_ros.hand import decomposition, pieces
from dexgrasp_ros.hand.geometry import primitive_distance
from dexgrasp_ros.hand.mesh_copies import find_copies
from dexgrasp_ros.hand.pieces import convex_pieces


@pytest.fixture
def cache(tmp_path, monkeypatch):
    start_warp()  # its kernels stay where they are
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    return tmp_path / 'dexgrasp_ros' / 'hands'


@pytest.fixture
def solids(monkeypatch):
    """Which meshes are made solids of, the most of the work."""
    seen = []
    true = decomposition.solids_of
    monkeypatch.setattr(
        decomposition, 'solids_of', lambda mesh, cells: seen.append(mesh) or true(mesh, cells)
    )
    return seen


def boxes(*corners) -> list[trimesh.Trimesh]:
    """Boxes from their low and high corners [mm]."""
    return [trimesh.creation.box(bounds=1e-3 * np.array(bounds)) for bounds in corners]


BRACKET = ([[0, 0, 0], [60, 20, 20]], [[0, 0, 0], [20, 20, 50]])


def bracket() -> trimesh.Trimesh:
    """An L of two boxes, as one closed surface."""
    return trimesh.boolean.union(boxes(*BRACKET))


def comb(teeth: int) -> trimesh.Trimesh:
    """A bar with a tooth each 20 mm, as one closed surface: parts are the teeth and the bar."""
    bars = [[[20 * i, 0, 0], [20 * i + 10, 20, 40]] for i in range(teeth)]
    return trimesh.boolean.union(boxes([[0, 0, 0], [20 * teeth - 10, 20, 10]], *bars))


def one(mesh: trimesh.Trimesh, limit: int = 16):
    (pieces,) = convex_pieces([mesh], [1.0], limit)
    return pieces


def distance(pieces, points) -> np.ndarray:
    """Signed distance to the union, too small outside."""
    return np.min(
        [primitive_distance(4, p.half_extents, points - p.center, p.shape.planes) for p in pieces],
        axis=0,
    )


def test_a_convex_mesh_is_one_piece_with_its_own_planes(cache):
    (piece,) = one(trimesh.creation.box([0.02, 0.04, 0.06]))
    assert len(piece.shape.planes) == 6
    np.testing.assert_allclose(piece.half_extents, [0.01, 0.02, 0.03])


def test_a_thin_mesh_near_its_hull_is_one_piece(cache):
    """A bent sheet fills a third of its hull, yet is nowhere farther from it than half a mm."""
    x = np.linspace(-0.02, 0.02, 41)
    z = 0.8e-3 * (x / 0.02) ** 2  # m
    profile = np.stack([np.r_[x, x[::-1]], np.r_[z, z[::-1] + 0.2e-3]], axis=1)
    sides = [np.insert(profile, 1, y, axis=1) for y in (-0.01, 0.01)]
    around = np.arange(82)
    after = np.roll(around, -1)
    left = np.arange(40)
    ends = np.concatenate([np.c_[left, left + 1, 80 - left], np.c_[left, 80 - left, 81 - left]])
    mesh = trimesh.Trimesh(
        np.concatenate(sides),
        np.concatenate(
            [
                np.c_[around, around + 82, after],
                np.c_[after, around + 82, after + 82],
                ends,
                ends[:, ::-1] + 82,
            ]
        ),
    )
    assert mesh.is_watertight and abs(mesh.volume) < 0.4 * mesh.convex_hull.volume
    assert len(one(mesh)) == 1


def test_pieces_cover_a_bracket_and_not_its_corner(cache):
    pieces = one(bracket())
    assert len(pieces) == 2
    generator = np.random.default_rng(0)
    for bounds in BRACKET:
        inside = generator.uniform(*(1e-3 * np.array(bounds)), (500, 3))
        assert distance(pieces, inside).max() < 1e-6
    outside = generator.uniform([0.021, 0, 0.021], [0.06, 0.02, 0.05], (500, 3))
    assert (distance(pieces, outside) > 0.0).all()


def test_bodies_that_were_cut_before_are_the_pieces(cache, monkeypatch):
    monkeypatch.setattr(decomposition.Part, 'cut', None)
    pieces = one(trimesh.util.concatenate(boxes(*BRACKET)))
    sizes = sorted(tuple(np.round(2e3 * p.half_extents)) for p in pieces)
    assert sizes == [(20, 20, 50), (60, 20, 20)]


def test_a_shell_without_a_bottom_becomes_its_hull(cache):
    box = trimesh.creation.box([0.04, 0.04, 0.04])
    cup = trimesh.Trimesh(box.vertices, box.faces[box.face_normals[:, 2] > -0.5], process=False)
    (piece,) = one(cup)
    np.testing.assert_allclose(piece.half_extents, 0.02)


def test_small_gaps_do_not_add_up(cache):
    """A rack: each gap is less than a ball of 2 mm, all together are two of them."""
    gaps = [[[x, -1, 8], [x + 1, 9, 11]] for x in range(2, 10, 3)]
    rack = trimesh.boolean.difference(boxes([[0, 0, 0], [11, 8, 10]], *gaps))
    assert rack.convex_hull.volume - rack.volume == pytest.approx(48e-9)
    assert len(one(rack)) == 1


@pytest.mark.parametrize('limit', [30, 12, 5])
def test_no_more_pieces_than_the_limit_whatever_the_meshes(cache, limit):
    meshes = [comb(5), comb(4), bracket(), trimesh.creation.box([0.02, 0.03, 0.04])]
    counts = [len(own) for own in convex_pieces(meshes, [1.0] * 4, limit)]
    assert min(counts) == 1 and sum(counts) <= limit
    if limit == 30:
        assert counts == [6, 5, 2, 1]  # all that help
    else:
        assert sum(counts) == limit and counts[3] == 1


def test_more_meshes_than_the_limit_have_one_piece_each(cache):
    assert [len(own) for own in convex_pieces([comb(3), comb(4)], [1.0, 1.0], -5)] == [1, 1]


def test_meshes_that_matter_more_have_more_of_the_pieces(cache):
    meshes = [comb(5), comb(5).apply_scale(1.3)]
    counts = [
        [len(own) for own in convex_pieces(meshes, weights, 7)]
        for weights in ([1.0, 0.05], [0.05, 1.0])
    ]
    assert counts[0][0] == 6 and counts[1][1] == 6
    assert counts[0][1] == counts[1][0] == 1


def test_a_mesh_that_is_used_twice_is_cut_once_and_counts_twice(cache, solids):
    moved = comb(3)
    moved.apply_translation([0.1, 0.2, 0.3])
    first, second = convex_pieces([comb(3), moved], [1.0, 1.0], 8)
    assert len(solids) == 1
    assert len(first) == len(second) == 4
    for a, b in zip(first, second, strict=True):
        np.testing.assert_allclose(b.center - a.center, [0.1, 0.2, 0.3], atol=1e-12)
    assert [len(own) for own in convex_pieces([comb(3), moved], [1.0, 1.0], 7)] == [3, 3]


@pytest.mark.parametrize('axis', [0, 1, 2])
def test_mirrored_meshes_are_cut_once_into_mirrored_pieces(cache, solids, axis):
    signs = np.ones(3)
    signs[axis] = -1.0
    mesh = trimesh.boolean.union(boxes(*BRACKET, [[0, 0, 0], [10, 35, 10]]))
    # As another file has it: in another order.
    order = np.random.default_rng(0).permutation(len(mesh.faces))
    mirrored = trimesh.Trimesh(
        (mesh.vertices * signs)[::-1], len(mesh.vertices) - 1 - mesh.faces[order, ::-1]
    )
    assert mirrored.volume > 0.0
    first, second = convex_pieces([mesh, mirrored], [1.0, 1.0], 16)
    assert len(solids) == 1 and len(first) == 3
    for a, b in zip(first, second, strict=True):
        np.testing.assert_allclose(b.center, a.center * signs, atol=1e-12)
        np.testing.assert_allclose(b.shape.vertices, a.shape.vertices * signs, atol=1e-12)
        np.testing.assert_allclose(b.shape.planes, a.shape.planes * [*signs, 1.0], atol=1e-12)
        # Still wound outward.
        assert trimesh.Trimesh(b.shape.vertices, b.shape.faces).volume > 0.0


def test_meshes_with_the_same_corners_and_other_triangles_are_not_copies():
    """As the housings of a left and a right jaw, each open to its own side."""
    box = trimesh.creation.box([0.02, 0.03, 0.04])
    open_above, open_below, turned = (
        trimesh.Trimesh(box.vertices, box.faces[order], process=False)
        for order in (
            np.flatnonzero(box.face_normals[:, 2] < 0.5),
            np.flatnonzero(box.face_normals[:, 2] > -0.5),
            np.flatnonzero(box.face_normals[:, 2] < 0.5)[::-1],
        )
    )
    digests, copies = find_copies([open_above, open_below, turned])
    assert len(digests) == 2
    assert [copy.original for copy in copies] == [0, 1, 0]


def test_progress_names_each_mesh_and_grows_and_is_silent_from_the_cache(cache):
    told = []
    meshes = [comb(3), comb(3), bracket(), comb(4)]
    convex_pieces(meshes, [1.0] * 4, 20, lambda mesh, share: told.append((mesh, share)))
    assert {mesh for mesh, _ in told} == {0, 2, 3}  # 1 is as 0
    shares = [share for _, share in told]
    assert shares == sorted(shares) and shares[0] == 0.0 and 0.5 < shares[-1] <= 1.0
    count = len(told)
    convex_pieces(meshes, [1.0] * 4, 20, lambda mesh, share: told.append((mesh, share)))
    assert len(told) == count


def test_results_are_the_same_and_come_from_the_cache(cache):
    meshes, weights = [bracket(), comb(3), bracket()], [1.0, 0.5, 1.0]
    first = convex_pieces(meshes, weights, 9)
    (file,) = cache.glob('*.npz')
    written = file.stat().st_mtime_ns
    second = convex_pieces(meshes, weights, 9)
    assert file.stat().st_mtime_ns == written
    file.unlink()
    third = convex_pieces(meshes, weights, 9)
    for other in (second, third):
        for own, theirs in zip(first, other, strict=True):
            for a, b in zip(own, theirs, strict=True):
                np.testing.assert_array_equal(a.shape.planes, b.shape.planes)
                np.testing.assert_array_equal(a.shape.vertices, b.shape.vertices)
                np.testing.assert_array_equal(a.center, b.center)


def test_entries_of_other_code_are_not_used(cache, monkeypatch):
    box = trimesh.creation.box([0.02, 0.04, 0.06])
    one(box)
    (first,) = cache.glob('*.npz')
    first.write_bytes(b'as other code left it')
    monkeypatch.setattr(pieces, 'code_digest', lambda *names: 'other')
    one(box)
    assert len(list(cache.glob('*.npz'))) == 2
    assert first.read_bytes() == b'as other code left it'


def test_what_is_interrupted_leaves_nothing_behind(cache):
    def interrupt(mesh: int, share: float) -> None:
        if share > 0.5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        convex_pieces([comb(4)], [1.0], 20, interrupt)
    assert not list(cache.glob('*'))
    assert len(one(comb(4), 20)) == 5


@pytest.mark.parametrize('damage', [b'', b'hello', None], ids=['empty', 'text', 'cut off'])
def test_a_damaged_entry_is_made_anew(cache, damage):
    box = trimesh.creation.box([0.02, 0.04, 0.06])
    one(box)
    (file,) = cache.glob('*.npz')
    sound = file.read_bytes()
    file.write_bytes(sound[: len(sound) // 2] if damage is None else damage)
    (piece,) = one(box)
    assert len(piece.shape.planes) == 6
    assert len(np.load(file)['planes']) == 6


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path, monkeypatch):
    (tmp_path / 'file').touch()
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'file'))
    assert len(one(trimesh.creation.box([0.02, 0.04, 0.06]))) == 1
