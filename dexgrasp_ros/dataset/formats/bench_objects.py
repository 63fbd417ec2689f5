"""Objects as DexGraspBench has them, whose preparation is that of github.com/JYChen18/MeshProcess.

Of that, ``src/util/proc/basic.py`` (``get_basic_info``, ``export_urdf``, ``export_*_scene_cfg``),
and the benchmark's ``assets/example_object`` at 1e7a5a6:

- A mesh is moved to the middle of its bounding box, and divided by half of that box's diagonal.
  ``obj_scale`` and ``obj_pose`` of a grasp undo that.
- ``info/simplified.json`` has mass, density and scale, of which mass / (density · scale³) is taken
  for the volume of the mesh, the centre of gravity and the extents of the oriented bounding box.
- ``urdf/meshes`` has the convex pieces, which ``urdf/coacd.urdf`` and ``.xml`` put together.
- A scene says which object it is of, how large that is and where, by paths relative to its own
  file. The world of a scene with a table has it at z = 0.

Names hold letters, digits and ``_`` only: they become those of USD prims.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dexgrasp_ros.core.convex_pieces import convex_pieces
from dexgrasp_ros.core.files import replacing, write_text
from dexgrasp_ros.core.names import path_within
from dexgrasp_ros.core.poses import compose

LIFT_HEIGHT = 0.1  # m, in the setting ``tabletop``
_SCENES = 'scene_cfg'


@dataclass(frozen=True, kw_only=True)
class BenchObject:
    """An object in the benchmark's folders."""

    name: str
    path: str  # of its folder, from that of the benchmark
    center: NDArray[np.float64]  # [3] m, of the bounding box, in the frame of the mesh
    scale: float  # m, half of the bounding box's diagonal

    def pose(self, placed: ArrayLike) -> NDArray[np.float64]:
        """Return ``obj_pose`` [7], w first, of a mesh whose frame is at `placed` [7], w last."""
        return w_first(compose(placed, [*self.center, 0.0, 0.0, 0.0, 1.0]))

    def group(self, scene: int | None) -> str:
        """Name of the scene of a resting pose, or of the free object, as the benchmark's are."""
        pose = '' if scene is None else f'_pose{scene:03d}'
        return f'scale{round(100 * self.scale):03d}{pose}'

    def scene_path(self, group: str) -> str:
        """File of a scene, from the folder of the benchmark."""
        return f'{self.path}/{_SCENES}/{group}.npy'


def write_object(
    out: Path, path: str, name: str, vertices: NDArray[np.float64], faces: NDArray[np.int64]
) -> BenchObject:
    """Write an object: mesh, convex pieces, what puts these together, and its properties.

    Parameters
    ----------
    out
        Folder that will be laid over that of the benchmark.
    path
        Of the object's folder, from there.
    name
        Of the object.
    vertices, faces
        Its mesh, [V, 3] m and [F, 3].

    Raises
    ------
    ObjectError
        As from `convex_pieces`.
    InputError
        As from `path_within`.
    """
    import trimesh

    folder = path_within(out, *path.split('/'))
    corners = np.stack([vertices.min(axis=0), vertices.max(axis=0)])
    center, scale = corners.mean(axis=0), 0.5 * float(np.linalg.norm(corners[1] - corners[0]))
    mesh = trimesh.Trimesh((vertices - center) / scale, faces, process=False)
    write_text(path_within(folder, 'mesh', 'simplified.obj'), mesh.export(file_type='obj'))
    pieces = [(piece - center) / scale for piece in convex_pieces(vertices, faces)]
    _write_pieces(path_within(folder, 'urdf'), name, pieces)
    properties = {
        'gravity_center': mesh.center_mass.tolist(),
        'obb': mesh.bounding_box_oriented.primitive.extents.tolist(),
        'scale': 1.0,
        'density': 1.0,
        'mass': float(mesh.volume),
    }
    text = json.dumps(properties, indent=1)
    write_text(path_within(folder, 'info', 'simplified.json'), text)
    return BenchObject(name=name, path=path, center=center, scale=scale)


def write_scene(
    out: Path, object: BenchObject, group: str, placed: ArrayLike, table: bool
) -> None:
    """Write the scene of an object that is free, or on a table at z = 0.

    Parameters
    ----------
    out, object
        As for and from `write_object`.
    group
        Name of the scene.
    placed
        Pose of the mesh's frame in the world [7], w last.
    table
        Whether there is one.
    """
    parts: dict[str, Any] = {
        object.name: {
            'type': 'rigid_object',
            'file_path': '../mesh/simplified.obj',
            'xml_path': '../urdf/coacd.xml',
            'urdf_path': '../urdf/coacd.urdf',
            'info_path': '../info/simplified.json',
            'scale': np.full(3, object.scale),
            'pose': object.pose(placed),
        }
    }
    task: dict[str, Any] = {'type': 'force_closure', 'obj_name': object.name}
    if table:
        parts['table'] = {
            'type': 'plane',
            'pose': np.array([0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0]),
            'size': np.array([0.0, 0.0, 1.0]),
        }
        task |= {'type': 'slide', 'axis': np.array([0.0, 0.0, 1.0]), 'distance': LIFT_HEIGHT}
    scene = {'scene': parts, 'scene_id': f'{object.name}/{group}', 'task': task}
    write_record(path_within(out, *object.scene_path(group).split('/')), scene)


def write_record(path: Path, record: dict[str, Any]) -> None:
    """Write a dictionary as the benchmark reads it."""
    with replacing(path) as temporary, temporary.open('wb') as file:
        np.save(file, np.array(record), allow_pickle=True)


def w_first(pose: ArrayLike) -> NDArray[np.float64]:
    """Pose [x y z qx qy qz qw] as [x y z qw qx qy qz]."""
    return np.asarray(pose, dtype=np.float64)[[0, 1, 2, 6, 3, 4, 5]]


def _write_pieces(folder: Path, name: str, pieces: Sequence[NDArray[np.float64]]) -> None:
    """Write convex pieces (corners [V_i, 3]), and a URDF and an MJCF of all together."""
    import trimesh

    for old in folder.glob('meshes/convex_piece_*.obj'):
        path_within(folder, 'meshes', old.name).unlink()  # the benchmark reads all that are there
    names = [f'convex_piece_{number:03d}' for number in range(len(pieces))]
    for piece, corners in zip(names, pieces, strict=True):
        file = path_within(folder, 'meshes', f'{piece}.obj')
        write_text(file, trimesh.convex.convex_hull(corners).export(file_type='obj'))
    for suffix, tree in (('urdf', _urdf(name, names)), ('xml', _mjcf(name, names))):
        ElementTree.indent(tree)
        write_text(path_within(folder, f'coacd.{suffix}'), ElementTree.tostring(tree, 'unicode'))


def _urdf(name: str, pieces: Sequence[str]) -> ElementTree.Element:
    """One link with a mesh for each piece."""
    robot = ElementTree.Element('robot', name=name)
    link = ElementTree.SubElement(robot, 'link', name='object')
    for kind in ('visual', 'collision'):
        for piece in pieces:
            geometry = ElementTree.SubElement(ElementTree.SubElement(link, kind), 'geometry')
            ElementTree.SubElement(geometry, 'mesh', filename=f'meshes/{piece}.obj')
    return robot


def _mjcf(name: str, pieces: Sequence[str]) -> ElementTree.Element:
    """One free body with a mesh for each piece."""
    model = ElementTree.Element('mujoco', model=name)
    ElementTree.SubElement(model, 'compiler', meshdir='meshes')
    assets = ElementTree.SubElement(model, 'asset')
    world = ElementTree.SubElement(model, 'worldbody')
    body = ElementTree.SubElement(world, 'body', name='object')
    ElementTree.SubElement(body, 'freejoint')
    for piece in pieces:
        ElementTree.SubElement(assets, 'mesh', name=piece, file=f'{piece}.obj')
        ElementTree.SubElement(body, 'geom', type='mesh', mesh=piece)
    return model
