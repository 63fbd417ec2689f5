"""Objects that are let go come to rest where statics says."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from scipy.spatial.transform import Rotation

from dexgrasp_ros.core.errors import ErrorCode, InputError
from dexgrasp_ros.core.poses import transform_points
from dexgrasp_ros.object import ObjectConfig, load_object
from dexgrasp_ros.simulation import PhysicsSettings, settle
from dexgrasp_ros.simulation.unwarned import unwarned

BOX = np.array([0.05, 0.07, 0.1])


def tilted(angle: float, axis=(1.0, 0.0, 0.0)) -> np.ndarray:
    """Direction z as the box sees it once it is turned by `angle` [deg] about `axis`."""
    return Rotation.from_rotvec(np.radians(angle) * np.array(axis)).inv().apply([0.0, 0, 1])


def solid(mesh: trimesh.Trimesh):
    """Object, and the one convex piece that it is."""
    obj = load_object((mesh.vertices, mesh.faces), config=ObjectConfig(max_nodes=20_000))
    return obj, [obj.vertices]


@pytest.fixture(scope='module')
def box():
    return solid(trimesh.creation.box(BOX))


def angle_between(plane, direction) -> float:
    return np.degrees(np.arccos(np.clip(plane[:3] @ np.asarray(direction), -1, 1)))


def test_a_box_that_lies_flat_stays(box):
    found = settle(*box)
    assert found.at_rest
    assert angle_between(found.support_plane, [0, 0, 1]) < 0.1
    assert found.support_plane[3] == pytest.approx(0.05, abs=1e-4)
    assert found.displacement < 5e-4
    assert np.degrees(found.rotation) < 0.2


@pytest.mark.parametrize('angle', [20.0, -20.0])
def test_a_tilted_box_falls_back_on_its_face(box, angle):
    """The box on its 7 cm wide foot topples at atan(7 / 10) = 35°."""
    found = settle(*box, up=tilted(angle))
    assert found.at_rest
    assert angle_between(found.support_plane, [0, 0, 1]) < 0.5
    assert np.degrees(found.rotation) == pytest.approx(20.0, abs=0.5)


def test_a_box_that_is_tilted_too_far_falls_over(box):
    found = settle(*box, up=tilted(50.0))
    assert found.at_rest
    assert angle_between(found.support_plane, [0, 1, 0]) < 0.5
    assert found.support_plane[3] == pytest.approx(0.035, abs=1e-4)


def test_a_box_does_not_stay_on_its_edge(box):
    """Exactly balanced: the line from edge to centre is vertical."""
    found = settle(*box, up=np.array([0.0, 0.035, 0.05]) / np.hypot(0.035, 0.05))
    assert found.at_rest
    faces = [angle_between(found.support_plane, d) for d in ([0, 1, 0], [0, 0, 1])]
    assert min(faces) < 0.5


def test_a_cylinder_that_stands_stays():
    found = settle(*solid(trimesh.creation.cylinder(radius=0.03, height=0.1, sections=64)))
    assert found.at_rest
    assert angle_between(found.support_plane, [0, 0, 1]) < 0.1
    assert found.displacement < 5e-4


def test_a_cylinder_on_its_side_comes_to_rest():
    cylinder = solid(trimesh.creation.cylinder(radius=0.03, height=0.1, sections=64))
    found = settle(*cylinder, up=[0.6, 0.8, 0.05])
    assert found.at_rest
    assert angle_between(found.support_plane, [0, 0, 1]) == pytest.approx(90.0, abs=0.5)
    assert found.support_plane[3] == pytest.approx(0.03, abs=3e-4)


def test_a_sphere_comes_to_rest():
    found = settle(*solid(trimesh.creation.icosphere(subdivisions=4, radius=0.04)))
    assert found.at_rest
    assert found.support_plane[3] == pytest.approx(0.04, abs=2e-4)


def test_an_angle_of_two_pieces_rests_on_both():
    """An L that is let go on one leg's end, beside its centre of mass, falls on a flat side."""
    legs = [
        trimesh.creation.box(bounds=[[0, 0, 0], [0.02, 0.03, 0.1]]),
        trimesh.creation.box(bounds=[[0.02, 0, 0], [0.1, 0.03, 0.02]]),
    ]
    whole = trimesh.boolean.union(legs, engine='manifold')
    obj, _ = solid(whole)
    pieces = [leg.vertices for leg in legs]
    standing = settle(obj, pieces)
    assert standing.at_rest
    assert angle_between(standing.support_plane, [0, 0, 1]) < 0.2
    # With +x down the foot is the end of the short leg, 2 cm wide, from z = 0 to 0.02; the centre
    # of mass, at z = (10 · 5 + 8 · 1) / 18 = 3.2 cm, is beside it.
    fallen = settle(obj, pieces, up=[-1, 0, 0])
    assert fallen.at_rest
    assert np.degrees(fallen.rotation) > 30.0
    assert _is_stable(fallen, obj, whole)
    # The hollow between the legs is bridged: the ends of both carry it.
    corners = transform_points(fallen.pose, np.concatenate(pieces))
    heights = corners @ fallen.floor[:3] + fallen.floor[3]
    assert [heights[:8].min(), heights[8:].min()] == pytest.approx([0, 0], abs=5e-4)


def _is_stable(found, obj, mesh) -> bool:
    """Whether the plane is one of those that the statics of the mesh's hull allow."""
    transforms, _ = mesh.compute_stable_poses(center_mass=obj.center_of_mass)
    return any(angle_between(found.support_plane, t[2, :3]) < 0.5 for t in transforms)


def test_the_plane_is_the_floor_in_the_frame_of_the_mesh(box):
    obj, pieces = box
    found = settle(obj, pieces, up=tilted(20.0, axis=[0.6, 0.8, 0]))
    assert np.linalg.norm(found.support_plane[:3]) == pytest.approx(1.0, abs=1e-9)
    np.testing.assert_allclose(found.floor[:3], tilted(20.0, axis=[0.6, 0.8, 0]), atol=1e-9)
    own = obj.vertices @ found.support_plane[:3] + found.support_plane[3]
    there = transform_points(found.pose, obj.vertices) @ found.floor[:3] + found.floor[3]
    np.testing.assert_allclose(own, there, atol=1e-9)
    assert own.min() == pytest.approx(0.0, abs=1e-12)
    moved = transform_points(found.pose, obj.center_of_mass[None])[0] - obj.center_of_mass
    assert found.displacement == pytest.approx(np.linalg.norm(moved))


def test_where_the_mesh_has_its_origin_does_not_matter(box):
    obj, _ = box
    shift = np.array([0.3, -0.2, 0.5])
    far, pieces = solid(trimesh.Trimesh(obj.vertices + shift, obj.faces))
    one, other = settle(*box, up=tilted(20.0)), settle(far, pieces, up=tilted(20.0))
    assert other.displacement == pytest.approx(one.displacement, abs=2e-3)
    assert angle_between(other.support_plane, [0, 0, 1]) < 0.5
    assert other.support_plane[3] == pytest.approx(0.05 - 0.5, abs=1e-3)


def test_the_same_input_gives_the_same_output(box):
    one, other = (settle(*box, up=[0.3, 0.5, 0.8]) for _ in range(2))
    np.testing.assert_array_equal(one.pose, other.pose)
    np.testing.assert_array_equal(one.support_plane, other.support_plane)
    assert one.seconds == other.seconds


def test_what_still_falls_is_not_at_rest(box):
    found = settle(*box, up=tilted(20.0), time_limit=0.1)
    assert not found.at_rest
    assert found.seconds == pytest.approx(0.1, abs=0.021)


@pytest.mark.parametrize('up', [[0, 0.3, 1.0], [0, 1.0, 0], [0, 0.2, -1.0]])
def test_a_screwdriver_comes_to_rest_where_statics_says(data_dir, up):
    obj = load_object(data_dir / 'objects' / '043_phillips_screwdriver.obj')
    mesh = trimesh.Trimesh(obj.vertices, obj.faces)
    found = settle(obj, [mesh.convex_hull.vertices], up=up)
    assert found.at_rest
    assert _is_stable(found, obj, mesh)


@pytest.mark.parametrize(
    ('settings', 'options'),
    [
        (PhysicsSettings(gravity=9.81), {'up': [0, 0, 0]}),
        (PhysicsSettings(gravity=9.81), {'up': [0, np.nan, 1]}),
        (PhysicsSettings(gravity=9.81), {'up': [0, 1]}),
        (PhysicsSettings(), {}),
        (PhysicsSettings(gravity=9.81), {'time_limit': 0.0}),
    ],
)
def test_wrong_input_is_refused(box, settings, options):
    with pytest.raises(InputError) as refused:
        settle(*box, settings, **options)
    assert refused.value.code == ErrorCode.OUT_OF_RANGE


def test_mujoco_prints_nothing_about_a_simulation_that_blows_up(capfd, tmp_path, monkeypatch):
    """Its own words would go to the terminal, and to a file in the present folder."""
    import mujoco

    monkeypatch.chdir(tmp_path)
    text = '<mujoco><worldbody><body><freejoint/><geom size="1"/></body></worldbody></mujoco>'
    model = mujoco.MjModel.from_xml_string(text)

    def blow_up() -> None:
        data = mujoco.MjData(model)
        data.qvel[:] = np.inf
        mujoco.mj_step(model, data)
        assert data.warning.number.sum() > 0

    heard: list[str] = []
    with unwarned():
        blow_up()
    mujoco.set_mju_user_warning(heard.append)  # what somebody else set stays theirs
    try:
        with unwarned(), unwarned():
            blow_up()
        assert not heard
        blow_up()
        assert heard
    finally:
        mujoco.set_mju_user_warning(None)
    assert capfd.readouterr() == ('', '')
    assert not list(tmp_path.iterdir())
