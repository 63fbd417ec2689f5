"""Objects of `grasping_msgs` as goals; stand-ins have its fields."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import trimesh

pytest.importorskip('rclpy')

from geometry_msgs.msg import Pose
from shape_msgs.msg import SolidPrimitive

from dexgrasp_msgs.action import SynthesizeGrasps
from dexgrasp_ros.bridge.geometry import header, mesh_arrays, mesh_message
from dexgrasp_ros.bridge.grasp_planning import primitive_mesh, synthesis_goal
from dexgrasp_ros.core.errors import ErrorCode, InputError

CUBE = SolidPrimitive(type=SolidPrimitive.BOX, dimensions=[0.1, 0.1, 0.1])


def thing(**fields):
    empty = {
        'properties': [],
        'meshes': [],
        'mesh_poses': [],
        'primitives': [],
        'primitive_poses': [],
    }
    return SimpleNamespace(header=header('base', 7), **{'name': 'mug', **empty, **fields})


def test_a_mesh_is_preferred_and_placed():
    box = trimesh.creation.box([0.1, 0.1, 0.1])
    pose = Pose()
    pose.position.z = 0.3
    goal = synthesis_goal(
        thing(
            meshes=[mesh_message(box.vertices, box.faces)],
            mesh_poses=[pose],
            primitives=[SolidPrimitive()],
            primitive_poses=[Pose()],
        ),
        max_grasps=3,
    )
    assert goal.source == SynthesizeGrasps.Goal.SOURCE_MESH
    assert (goal.object_id, goal.max_grasps, goal.reference_frame) == ('mug', 3, 'base')
    assert goal.mesh_pose.header == header('base', 7) and goal.mesh_pose.pose == pose
    assert len(goal.mesh.triangles) == 12


@pytest.mark.parametrize(
    ('kind', 'sizes', 'extents', 'volume'),
    [
        (SolidPrimitive.BOX, [0.1, 0.2, 0.3], [0.1, 0.2, 0.3], 0.006),
        (SolidPrimitive.SPHERE, [0.1], [0.2, 0.2, 0.2], 4 / 3 * np.pi * 1e-3),
        (SolidPrimitive.CYLINDER, [0.3, 0.1], [0.2, 0.2, 0.3], np.pi * 0.01 * 0.3),
        (SolidPrimitive.CONE, [0.3, 0.1], [0.2, 0.2, 0.3], np.pi * 0.01 * 0.1),
    ],
)
def test_a_primitive_is_a_mesh_about_its_middle(kind, sizes, extents, volume):
    mesh = trimesh.Trimesh(
        *mesh_arrays(primitive_mesh(SolidPrimitive(type=kind, dimensions=sizes)))
    )
    assert mesh.is_watertight
    np.testing.assert_allclose(mesh.extents, extents, rtol=0.01)
    np.testing.assert_allclose(mesh.bounds.mean(axis=0), 0, atol=1e-3)
    assert mesh.volume == pytest.approx(volume, rel=0.03)


def test_a_cone_points_up():
    cone = SolidPrimitive(type=SolidPrimitive.CONE, dimensions=[0.3, 0.1])
    vertices, _ = mesh_arrays(primitive_mesh(cone))
    (tip,) = vertices[vertices[:, 2] > 0.1]
    np.testing.assert_allclose(tip, [0, 0, 0.15], atol=1e-9)


@pytest.mark.parametrize(
    ('fields', 'part'),
    [
        ({}, '0 meshes, 0 primitives'),
        ({'primitives': [SolidPrimitive(type=9)], 'primitive_poses': [Pose()]}, 'type 9'),
        ({'primitives': [SolidPrimitive(type=1, dimensions=[1.0])]}, '0 poses'),
        (
            {
                'primitives': [SolidPrimitive(type=1, dimensions=[1.0])],
                'primitive_poses': [Pose()],
            },
            'expected 3',
        ),
        (
            {
                'primitives': [SolidPrimitive(type=2, dimensions=[-1.0])],
                'primitive_poses': [Pose()],
            },
            'positive',
        ),
    ],
)
def test_what_cannot_be_planned_for_is_said(fields, part):
    with pytest.raises(InputError, match=part):
        synthesis_goal(thing(**fields))


def test_a_name_without_an_end_is_not_repeated():
    with pytest.raises(InputError, match='has 0 meshes, 0 primitives and 0 poses') as info:
        synthesis_goal(thing(name='x' * 1_000_000))
    assert len(str(info.value)) < 400


def test_properties_say_what_a_goal_can_say():
    said = {'mass': '0.06', 'friction': '0.3', 'max_force': '8', 'max_contact_force': '3e0'}
    entries = [SimpleNamespace(name=n, value=v) for n, v in {**said, 'color': 'red'}.items()]
    box = {'primitives': [CUBE], 'primitive_poses': [Pose()]}
    goal = synthesis_goal(thing(properties=entries, **box))
    assert (goal.object_mass, goal.friction) == (0.06, 0.3)
    assert (goal.max_force, goal.max_contact_force) == (8.0, 3.0)
    assert synthesis_goal(thing(**box)).max_force == 0.0
    entries[0].value = 'heavy'
    with pytest.raises(InputError, match='mass') as caught:
        synthesis_goal(thing(properties=entries, **box))
    assert caught.value.code == ErrorCode.WRONG_TYPE
