"""Pictures: what is asked for is seen, where it is."""

import numpy as np
import pytest
import trimesh
from PIL import Image

from dexgrasp_ros.core.errors import InputError
from dexgrasp_ros.core.object_model import ObservedObject
from dexgrasp_ros.hand import link_poses, load_hand
from dexgrasp_ros.simulation import (
    Body,
    Panel,
    PinholeCamera,
    contact_bodies,
    hand_bodies,
    render_course,
    render_grasp,
    render_grasps,
    render_meshes,
    render_panels,
    render_reconstruction,
    save_picture,
)
from dexgrasp_ros.simulation.bodies import point_body
from dexgrasp_ros.simulation.panel import render_panel
from dexgrasp_ros.simulation.shading import to_display

FLOOR = np.array([0.0, 0.0, 1.0, 0.05])


@pytest.fixture(scope='module')
def hand():
    return load_hand('allegro')


def cube(color=(0.7, 0.05, 0.05), **kwargs):
    mesh = trimesh.creation.box(extents=[0.1, 0.1, 0.1])
    return Body(vertices=mesh.vertices, faces=mesh.faces, color=color, **kwargs)


def camera(size=100):
    return PinholeCamera.looking_at([0.6, 0, 0.25], [0, 0, 0], width=size, height=size)


def redness(image):
    image = image.astype(float)
    return image[..., 0] - image[..., 1:].mean(axis=-1)


def test_solid_hides_and_glass_lets_through():
    inner = Body(vertices=0.4 * cube().vertices, faces=cube().faces, color=(0, 0.6, 0))
    green = []
    for panel in (
        Panel(solid=(inner,)),
        Panel(solid=(inner,), glass=(cube(),), opacity=0.5),
        Panel(solid=(inner, cube())),
    ):
        pixel = render_panel(panel, camera())[50, 50].astype(float)
        green.append(pixel[1] - pixel[0])
    assert green[0] > 80 and green[2] < -80
    assert green[0] - 40 > green[1] > green[2] + 40


def test_table_gets_a_shadow_and_fades():
    panel = Panel(solid=(cube(),), support_plane=FLOOR)
    image = render_panel(panel, camera(200)).astype(float)
    # The sun stands on the left and behind the camera: the shadow falls right and away.
    pixels, _ = camera(200).project([[-0.02, -0.065, -0.05], [-0.02, 0.065, -0.05]])
    left, right = (image[round(v), round(u)].mean() for u, v in pixels)
    assert left > right + 30
    above = render_panel(Panel(solid=(cube(),)), camera(200))[:5, :5]
    np.testing.assert_allclose(image[:5, :5], above, atol=3)


def test_table_is_left_out_where_it_would_hide_everything():
    below = PinholeCamera.looking_at([0.6, 0, -0.4], [0, 0, 0], width=80, height=80)
    image = render_panel(Panel(solid=(cube(),), support_plane=FLOOR), below)
    assert redness(image)[40, 40] > 60


def test_marks_are_seen_through_everything():
    mark = contact_bodies([[0.0, 0.0, 0.0]], radius=0.02, color=(0.0, 0.0, 0.9))
    plain = render_panel(Panel(solid=(cube(),)), camera())
    marked = render_panel(Panel(solid=(cube(),), marks=tuple(mark)), camera())
    assert int(marked[50, 50, 2]) - int(plain[50, 50, 2]) > 60
    np.testing.assert_array_equal(marked[:20], plain[:20])


def test_points_before_a_solid_are_seen_and_behind_it_not():
    grid = np.stack(np.meshgrid([0.0], np.linspace(-0.03, 0.03, 20), np.linspace(-0.03, 0.03, 20)))
    grid = grid.reshape(3, -1).T
    before, beyond = (grid + np.array([x, 0, 0]) for x in (0.055, -0.055))
    blue = cube(color=(0.05, 0.05, 0.7))
    front = Panel(solid=(blue,), points=before, point_size=0.006)
    behind = Panel(solid=(blue,), points=beyond, point_size=0.006)
    window = np.s_[40:60, 40:60]
    assert redness(render_panel(front, camera()))[window].mean() > 20
    assert redness(render_panel(behind, camera()))[window].mean() < -20


def test_edges_are_smooth():
    image = render_panel(Panel(solid=(cube(color=(0, 0, 0)),)), camera()).astype(int)
    grey = image.max(axis=2)
    row = grey[50]
    assert ((row > row.min() + 40) & (row < row.max() - 40)).any()


def test_contact_arrows_end_at_the_contact():
    point, normal = np.array([0.1, 0.2, 0.3]), np.array([0.0, 0.6, -0.8])
    ball, arrow = contact_bodies([point, [np.nan] * 3], [normal, normal], radius=0.003)
    np.testing.assert_allclose(ball.vertices.mean(axis=0), point, atol=1e-9)
    along = (arrow.vertices - point) @ normal
    assert along.max() <= 1e-9 and along.min() < -0.02
    np.testing.assert_allclose(arrow.vertices[along.argmax()], point, atol=1e-3)


def test_point_body_is_one_closed_outward_octahedron_for_each_point():
    body = point_body(np.array([[0, 0, 0], [0.1, 0, 0]]), size=0.02, color=(1, 0, 0))
    mesh = trimesh.Trimesh(body.vertices, body.faces, process=False)
    assert mesh.is_volume and mesh.body_count == 2
    np.testing.assert_allclose(mesh.volume, 2 * 4 / 3 * 0.01**3)


def test_hand_bodies_follow_the_links(hand):
    poses = link_poses(hand, hand.preshape)
    bodies = hand_bodies(hand, poses)
    assert len(bodies) == len(hand.meshes)
    moved = hand_bodies(hand, link_poses(hand, hand.preshape, [0.1, 0.2, 0.3, 0, 0, 0, 1]))
    for a, b in zip(bodies, moved, strict=True):
        np.testing.assert_allclose(
            b.posed_vertices() - a.posed_vertices(), [[0.1, 0.2, 0.3]] * len(a.vertices), atol=1e-9
        )


def test_pictures_have_the_size_asked_for_and_are_written(hand, tmp_path):
    box = trimesh.creation.box(extents=[0.05, 0.05, 0.1])
    vertices, faces = np.array(box.vertices), np.array(box.faces)
    poses = link_poses(hand, hand.preshape, [0.1, 0, 0, 0, 0, 0, 1])
    contacts = np.array([[0.025, 0, 0], [np.nan] * 3])
    image = render_grasp(
        hand,
        poses,
        vertices,
        faces,
        points=box.sample(500, seed=0),
        support_plane=FLOOR,
        contact_points=contacts,
        contact_normals=-contacts / 0.025,
        toward_viewer=[1, 0, 1],
        caption='a caption',
        size=(320, 180),
    )
    assert image.shape == (180, 320, 3) and image.dtype == np.uint8
    assert image.std() > 20
    grid = render_grasps(hand, np.stack([poses] * 3), vertices, faces, size=(300, 120))
    assert grid.shape == (120, 300, 3)
    save_picture(image, tmp_path / 'grasp.png')
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / 'grasp.png')), image)


def test_moments_of_a_course_are_seen_through_one_camera(hand):
    """The object stands still in all panels, though the hand goes away and turns."""
    box = trimesh.creation.box(extents=[0.05, 0.05, 0.1])
    far, near = [0.16, 0, 0.05, 0, 0, 0, 1], [0.10, 0, 0, 0, 0, 0.6, 0.8]
    poses = np.stack([link_poses(hand, hand.preshape, at) for at in (far, near, far)])
    image = render_course(
        hand,
        poses,
        np.array(box.vertices),
        np.array(box.faces),
        contact_points=[[[np.nan] * 3], [[0.025, 0, 0]], []],
        captions=['first', 'second'],
        size=(602, 260),
    )
    assert image.shape == (260, 602, 3)
    first, second, third = (image[:, k : k + 198].astype(int) for k in (0, 202, 404))
    band = np.flatnonzero((third == 255).all(axis=(1, 2)))  # under the panel with no caption
    assert len(band) > 20
    view = np.s_[: band[0]]
    np.testing.assert_array_equal(first[view], third[view])
    assert (first[band] < 100).any() and (third[band] == 255).all()
    red = [(redness(panel) > 100).sum() for panel in (first, second, third)]
    assert red[1] > 5 and red[0] == red[2] == 0


def test_reconstruction_is_seen_from_where_the_camera_stood():
    box = trimesh.creation.box(extents=[0.05, 0.05, 0.1]).apply_translation([0, 0, 0.7])
    seen = ObservedObject(
        label=1,
        name='box',
        frame_id='camera',
        stamp=0,
        vertices=np.array(box.vertices),
        faces=np.array(box.faces),
        points=np.column_stack(
            [*np.random.default_rng(0).uniform(-0.02, 0.02, (2, 800)), np.full(800, 0.65)]
        ),
        support_plane=np.array([0, -0.8, -0.6, 0.5]),
    )
    image = render_reconstruction(seen, size=(400, 200))
    orange = (redness(image) > 60).sum(axis=0)
    assert orange[:200].sum() > 500  # the left half is the camera's side
    assert orange[:200].sum() > 3 * orange[200:].sum()


def test_nothing_to_draw_is_an_error_and_one_body_a_picture(tmp_path):
    with pytest.raises(InputError, match='nothing to draw'):
        render_panels([], [])
    image = render_meshes([cube()], support_plane=FLOOR, size=(120, 90))
    assert redness(image)[45, 60] > 40


def test_display_encoding_is_srgb():
    # 0.5 linear is 188 in sRGB, 0.0031308 the end of its linear part (10.3).
    np.testing.assert_array_equal(to_display(np.array([-1, 0, 0.0031308, 0.5, 1, 2])),
                                  [0, 0, 10, 188, 255, 255])  # fmt: skip
