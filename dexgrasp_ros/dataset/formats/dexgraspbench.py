"""Grasps as DexGraspBench reads them: a pickled dictionary in an ``.npy`` file for each grasp.

Facts of the format, from github.com/JYChen18/DexGraspBench (BODex, Chen et al. 2025) at commit
0f4f657ded782df34a7d818c3006e81308db0aa1 (``src/task/convert_format.py``: keys, quaternions, roots)
and from its history as github.com/Mingrui-Yu/DexGraspBench keeps it: 73c567e
(``src/util/hand_util.py``: how hand and object are placed), 12666ba
(``src/task/eval_func/base.py``: what is read; ``config/base.yaml``: folders) and 79d8fcc
(``assets/example_object``):

- Files are ``output/<exp>_<hand>/graspdata/<object>/<group>/<number>.npy``.
- ``pregrasp_qpos``, ``grasp_qpos``, ``squeeze_qpos`` [7 + M]: pose of the hand in the world, then
  all joints that move, those that follow others as well, in the order of the hand's MJCF.
- ``obj_pose`` [7] in the world, for which a table is z = 0 (setting ``tabletop``); ``obj_scale``,
  a number that multiplies the meshes; ``obj_path``, a folder with ``info/simplified.json`` (mass,
  density and scale, of which mass / (density · scale³) is taken for the volume of the mesh) and
  convex pieces in ``urdf/meshes``.
- Poses are x y z and a quaternion, w first, as in MuJoCo.
- The hand's frame is the world of its MJCF. In it the Allegro's palm is turned by the quaternion
  (w x y z) 0 1 0 1 (``assets/hand/allegro/right_hand.xml`` at 9c51461), and the Shadow's palm is
  34 mm along z, without forearm and wrist (``assets/hand/shadow/customized.xml`` at 019e069).

Hands that the benchmark does not have are written with their root link as the hand's frame, which
is what MuJoCo makes of a URDF. Of the keys that come here in addition, ``joint_names`` says the
order of joints, ``locked_joints`` where those are held that are not among them, and ``key`` which
row of the dataset it was; the benchmark passes over them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dexgrasp_ros.core.convex_pieces import convex_pieces
from dexgrasp_ros.core.errors import ErrorCode, InputError
from dexgrasp_ros.core.files import replacing, write_text
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.core.names import path_within, safe_name, safe_names
from dexgrasp_ros.core.poses import compose, invert
from dexgrasp_ros.dataset.reading.grasp_dataset import GraspDataset
from dexgrasp_ros.dataset.schema import FREE

_HALF = np.sqrt(0.5)
# Hand: link of ours that is the palm of the MJCF, and its pose in the world of the MJCF.
_PALMS = {
    'allegro': ('base_link', (0.0, 0.0, 0.0, _HALF, 0.0, _HALF, 0.0)),
    'shadow': ('rh_palm', (0.0, 0.0, 0.034, 0.0, 0.0, 0.0, 1.0)),
}
_COLUMNS = ('key', 'scene', 'base_pose', 'pregrasp_base_pose', 'pregrasp', 'grasp', 'squeeze')


def export_dexgraspbench(
    dataset: GraspDataset, out: Path, *, object_root: str = 'assets/dexgrasp'
) -> Iterator[tuple[str, int]]:
    """Write the chosen grasps of a dataset, and objects, to be laid over a clone of the benchmark.

    Grasps of the free object are the experiment ``dexgrasp_fc``, those on a table
    ``dexgrasp_tabletop``, for ``python src/main.py exp_name=dexgrasp_fc hand=<hand> task=eval
    setting=fc``.

    Parameters
    ----------
    dataset
        What to write.
    out
        Folder; ``assets`` and ``output`` in it are those of the benchmark.
    object_root
        Where objects are, from the folder of the benchmark.

    Yields
    ------
    tuple
        Key of each object once it is written, and how many grasps it has.
    """
    hand = dataset.hand_model
    for object in dataset.objects:
        for setting in ('fc', 'tabletop'):
            _remove_grasps(_grasps_folder(out, dataset, setting, object))
        rows = dataset.rows(object, _COLUMNS)
        if not rows or not len(rows['key']):
            continue
        name = safe_name(object)
        write_object(path_within(out / object_root, name), *dataset.mesh(object))
        for scene in np.unique(rows['scene']):
            here = np.flatnonzero(rows['scene'] == scene)
            setting = 'fc' if scene == FREE else 'tabletop'
            group = 'scale100' if scene == FREE else f'scale100_pose{scene:03d}'
            folder = path_within(_grasps_folder(out, dataset, setting, object), group)
            placed = _identity() if scene == FREE else _resting(dataset, object, scene)
            for number, row in enumerate(here):
                record = grasp_record(
                    hand, {name: values[row] for name, values in rows.items()}, placed
                )
                record['obj_path'] = f'{object_root}/{name}'
                with replacing(path_within(folder, f'{number}.npy')) as file, file.open('wb') as f:
                    np.save(f, np.array(record), allow_pickle=True)
        yield object, len(rows['key'])


def _grasps_folder(out: Path, dataset: GraspDataset, setting: str, object: str) -> Path:
    hand = safe_names(dataset.hands)[dataset.hand]
    return path_within(out, 'output', f'dexgrasp_{setting}_{hand}', 'graspdata', object)


def _remove_grasps(folder: Path) -> None:
    """Remove those of an earlier export, which may have had more."""
    for found in folder.glob('scale100*'):
        for file in path_within(folder, found.name).glob('*.npy'):
            file.unlink()


def grasp_record(hand: HandModel, row: dict[str, Any], placed: ArrayLike) -> dict[str, Any]:
    """Make the dictionary of one grasp, without the path of its object.

    Parameters
    ----------
    hand
        The hand.
    row
        Of the dataset.
    placed
        Pose of the mesh in the world [7], x y z qx qy qz qw.
    """
    from dexgrasp_ros.hand import locked_joints, moving_joint_names

    def qpos(base: str, posture: str) -> NDArray[np.float64]:
        root = compose(placed, compose(_unit(row[base]), _root(hand)))
        return np.concatenate([_w_first(root), _all_joints(hand, row[posture])])

    return {
        'obj_scale': 1.0,
        'obj_pose': _w_first(np.asarray(placed, dtype=np.float64)),
        'pregrasp_qpos': qpos('pregrasp_base_pose', 'pregrasp'),
        'grasp_qpos': qpos('base_pose', 'grasp'),
        'squeeze_qpos': qpos('base_pose', 'squeeze'),
        'joint_names': moving_joint_names(hand),
        'locked_joints': locked_joints(hand),
        'key': str(row['key']),
    }


def write_object(folder: Path, vertices: NDArray[np.float64], faces: NDArray[np.int64]) -> None:
    """Write mesh, convex pieces and properties of an object in the benchmark's folders."""
    import trimesh

    mesh = trimesh.Trimesh(vertices, faces, process=False)
    write_text(path_within(folder, 'mesh', 'simplified.obj'), mesh.export(file_type='obj'))
    for number, corners in enumerate(convex_pieces(vertices, faces)):
        piece = trimesh.convex.convex_hull(corners)
        file = path_within(folder, 'urdf', 'meshes', f'convex_piece_{number:03d}.obj')
        write_text(file, piece.export(file_type='obj'))
    properties = {
        'gravity_center': mesh.center_mass.tolist(),
        'obb': mesh.extents.tolist(),
        'scale': 1.0,
        'density': 1.0,
        'mass': float(mesh.volume),
    }
    text = json.dumps(properties, indent=1)
    write_text(path_within(folder, 'info', 'simplified.json'), text)


def _root(hand: HandModel) -> NDArray[np.float64]:
    """World of the hand's MJCF in the root link of ours [7]."""
    from dexgrasp_ros.hand import link_poses

    link, palm = _PALMS.get(hand.name, (hand.hand_frame, _identity()))
    if link not in hand.link_names:
        return _identity()
    # The palm does not move against the root, whatever the joints: any posture will do.
    ours = link_poses(hand, hand.preshape)[hand.link_names.index(link)]
    return compose(ours, invert(palm))


def _all_joints(hand: HandModel, q: ArrayLike) -> NDArray[np.float64]:
    """Positions of all joints that move [M], of actuated ones [J]."""
    moving = hand.coordinates >= 0
    own = np.asarray(q, dtype=np.float64)[hand.coordinates[moving]]
    return hand.multipliers[moving] * own + hand.offsets[moving]


def _resting(dataset: GraspDataset, object: str, scene: int) -> NDArray[np.float64]:
    scenes = dataset.scenes(object)
    if not 0 <= scene < len(scenes):
        raise InputError(
            f"Grasps of '{object}' are of the resting pose {scene}, and the dataset tells of"
            f' {len(scenes)}; expected 0 to {len(scenes) - 1}.',
            ErrorCode.OUT_OF_RANGE,
        )
    return np.array(scenes[scene]['pose'])


def _unit(pose: ArrayLike) -> NDArray[np.float64]:
    pose = np.array(pose, dtype=np.float64)
    pose[3:] /= np.linalg.norm(pose[3:])
    return pose


def _w_first(pose: NDArray[np.float64]) -> NDArray[np.float64]:
    return pose[[0, 1, 2, 6, 3, 4, 5]]


def _identity() -> NDArray[np.float64]:
    return np.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0])
