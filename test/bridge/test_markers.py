import numpy as np
import pytest

pytest.importorskip('rclpy')

import trimesh
from std_msgs.msg import Header
from visualization_msgs.msg import Marker

from dexgrasp_msgs.msg import Object
from dexgrasp_ros.bridge.geometry import mesh_message, pose_message
from dexgrasp_ros.bridge.grasps import grasp_messages
from dexgrasp_ros.bridge.markers import (
    drawn_hand,
    grasp_markers,
    hand_triangles,
    object_markers,
)
from dexgrasp_ros.core.coarse_mesh import coarse_mesh
from dexgrasp_ros.hand import link_poses, load_hand_text

BAR = """<link name="{}">
    <visual><origin xyz="0 0 0.04"/><geometry><box size="0.01 0.01 0.08"/></geometry></visual>
    <collision>
      <origin xyz="0 0 0.04"/><geometry><box size="0.01 0.01 0.08"/></geometry>
    </collision>
  </link>"""
URDF = """<robot name="pincer">
  <link name="palm"><visual><geometry><box size="0.02 0.1 0.02"/></geometry></visual>
    <collision><geometry><box size="0.02 0.1 0.02"/></geometry></collision></link>
  {finger}
  {thumb}
  <joint name="left" type="revolute"><parent link="palm"/><child link="finger"/>
    <origin xyz="0 0.045 0.01"/><axis xyz="1 0 0"/>
    <limit lower="-0.5" upper="1.2" velocity="2" effort="1"/></joint>
  <joint name="right" type="revolute"><parent link="palm"/><child link="thumb"/>
    <origin xyz="0 -0.045 0.01"/><axis xyz="-1 0 0"/>
    <limit lower="-0.5" upper="1.2" velocity="2" effort="1"/></joint>
</robot>""".format(finger=BAR.format('finger'), thumb=BAR.format('thumb'))


@pytest.fixture(scope='module')
def hand():
    return load_hand_text(URDF, name='pincer')


@pytest.fixture
def grasps(grasp_set):
    return grasp_messages(
        grasp_set,
        np.array([0.0, 0, 1, 0, 0, 0, 1]),
        header=Header(frame_id='camera'),
        object_id='can',
        label=1,
        lift=np.zeros(3),
    )


@pytest.fixture
def can():
    mesh = trimesh.creation.cylinder(radius=0.03, height=0.1)
    return Object(
        header=Header(frame_id='camera'),
        id='can',
        mesh=mesh_message(mesh.vertices, mesh.faces),
        pose=pose_message([0, 0, 1, 0, 0, 0, 1]),
    )


def draw(grasps, hand, objects, top_k=2):
    return grasp_markers(
        grasps, hand, objects, header=Header(frame_id='camera'), top_k=top_k, friction=0.5
    ).markers


def points(marker):
    return np.array([(p.x, p.y, p.z) for p in marker.points])


def test_what_was_shown_is_deleted_first_and_all_ids_differ(grasps, hand, can):
    markers = draw(grasps, hand, [can])
    assert markers[0].action == Marker.DELETEALL
    assert all(m.action == Marker.ADD for m in markers[1:])
    ids = [(m.ns, m.id) for m in markers[1:]]
    assert len(set(ids)) == len(ids)
    assert {ns for ns, _ in ids} == {'hand', 'contacts', 'friction_cones', 'object', 'scores'}
    assert all(m.header.frame_id == 'camera' for m in markers)


def test_only_the_best_are_shown(grasps, hand, can):
    assert sum(m.ns == 'hand' for m in draw(grasps, hand, [can], top_k=1)) == 1
    assert [m.ns for m in draw(grasps, hand, [can], top_k=0)] == ['', 'object']
    assert [m.ns for m in draw([], hand, [])] == ['']


def test_the_hand_is_drawn_where_its_links_are(grasps, hand):
    drawn = points(next(m for m in draw(grasps, hand, []) if m.ns == 'hand'))
    base = np.array([0.1, 0, 1, 0, 0, 0, 1.0])
    poses = link_poses(hand, np.array([grasps[0].grasp]), base[None])[0]
    finger = poses[hand.link_names.index('finger')]
    from scipy.spatial.transform import Rotation

    tip = finger[:3] + Rotation.from_quat(finger[3:]).apply([0.005, 0.005, 0.08])
    assert np.linalg.norm(drawn - tip, axis=1).min() < 1e-9


def test_lists_hold_whole_triangles_of_finite_numbers(grasps, hand, can):
    for marker in draw(grasps, hand, [can]):
        if marker.type == Marker.TRIANGLE_LIST and marker.action == Marker.ADD:
            assert len(marker.points) > 0
            assert len(marker.points) % 3 == 0
        assert np.isfinite(points(marker)).all()
        if marker.action == Marker.ADD and marker.type == Marker.TRIANGLE_LIST:
            assert vars_of(marker.scale) == (1.0, 1.0, 1.0)


def vars_of(scale):
    return scale.x, scale.y, scale.z


def test_a_friction_cone_opens_by_the_friction_angle_into_the_object(grasps, hand):
    cone = points(next(m for m in draw(grasps, hand, []) if m.ns == 'friction_cones'))
    contact = grasps[0].contacts[0]
    tip = np.array([contact.point.x, contact.point.y, contact.point.z])
    normal = np.array([contact.normal.x, contact.normal.y, contact.normal.z])
    arms = cone[: len(cone) // 2] - tip
    arms = arms[np.linalg.norm(arms, axis=1) > 1e-9]
    along = arms @ normal
    across = np.linalg.norm(arms - along[:, None] * normal, axis=1)
    np.testing.assert_allclose(across / along, 0.5)


def test_an_object_is_drawn_in_its_own_frame_at_its_pose(can):
    _, mesh, name = object_markers([can], can.header).markers
    assert (mesh.ns, mesh.pose.position.z) == ('object', 1.0)
    np.testing.assert_allclose(np.abs(points(mesh)[:, 2]).max(), 0.05)
    assert (name.text, round(name.pose.position.z, 9)) == ('can', 1.0)


def test_a_coarse_mesh_has_the_shape_of_the_fine_one(hand):
    fine = trimesh.creation.icosphere(subdivisions=5, radius=0.05)
    vertices, faces = coarse_mesh(fine.vertices, fine.faces, 500)
    assert len(faces) <= 500
    np.testing.assert_allclose(np.linalg.norm(vertices, axis=1), 0.05, rtol=0.03)
    same = drawn_hand(hand)
    q, base = np.zeros(2), np.array([0.0, 0, 0, 0, 0, 0, 1])
    np.testing.assert_allclose(hand_triangles(same, q, base), hand_triangles(hand, q, base))
