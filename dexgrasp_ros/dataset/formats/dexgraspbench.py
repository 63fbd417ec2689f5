"""Grasps as DexGraspBench reads them: a pickled dictionary in an ``.npy`` file for each grasp.

Facts of the format, from github.com/JYChen18/DexGraspBench (BODex, Chen et al. 2025) at 1e7a5a6
(``src/util/hand_util.py``: how hand and object are placed; ``src/task/eval_func/base.py``: what is
read; ``config/base.yaml``: folders; ``src/task/convert_format.py``: scenes):

- Files are ``output/<exp>_<hand>/graspdata/<object>/<scene>/<number>.npy``. What stands in
  ``evaluation`` and ``succgrasp`` beside ``graspdata`` is not evaluated again.
- ``pregrasp_qpos``, ``grasp_qpos``, ``squeeze_qpos`` [7 + M]: pose of the hand in the world, then
  all joints that move, those that follow others as well, in the order of the hand's MJCF.
- ``obj_pose`` [7] in the world, for which a table is z = 0 (setting ``tabletop``); ``obj_scale``,
  a number that multiplies the meshes; ``obj_path``, the folder of the object, see `bench_objects`;
  ``scene_path``, the scene.
- Poses are x y z and a quaternion, w first, as in MuJoCo.

Hands that the benchmark does not have (`bench_hands`) are written with their root link as the
hand's frame, which is what MuJoCo makes of a URDF. Of the keys that come here in addition,
``joint_names`` says the order of joints, ``locked_joints`` where those are held that are not among
them, and ``key`` which row of the dataset it was; the benchmark passes over them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dexgrasp_ros.core.errors import ErrorCode, InputError
from dexgrasp_ros.core.grasp_set import GraspSet
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.core.names import path_within, safe_name, word_names
from dexgrasp_ros.core.object_model import ObjectModel
from dexgrasp_ros.core.poses import compose
from dexgrasp_ros.dataset.formats.bench_objects import (
    BenchObject,
    w_first,
    write_object,
    write_record,
    write_scene,
)
from dexgrasp_ros.dataset.reading.grasp_dataset import GraspDataset
from dexgrasp_ros.dataset.schema import FREE
from dexgrasp_ros.evaluation.bench_hands import BenchFit, fit_bench_hand

SETTINGS = ('fc', 'tabletop')
_RESULTS = ('evaluation', 'succgrasp')
_POSTURES = ('base_pose', 'pregrasp_base_pose', 'pregrasp', 'grasp', 'squeeze')
_COLUMNS = ('key', 'scene', *_POSTURES)
_AT_HOME = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0)


@dataclass(frozen=True)
class BenchExport:
    """Where grasps of one hand go, in a folder to be laid over a clone of the benchmark.

    Grasps of the free object are the experiment ``dexgrasp_fc``, those on a table
    ``dexgrasp_tabletop``.
    """

    out: Path  # ``assets`` and ``output`` in it are those of the benchmark
    hand: HandModel
    label: str = ''  # of the experiments, where several hands may be one there
    object_root: str = 'assets/dexgrasp'  # where objects are, from the folder of the benchmark

    @cached_property
    def fit(self) -> BenchFit | None:
        """Joints and palm of the benchmark's hand in this one; None: it has no such hand."""
        return fit_bench_hand(self.hand)

    @property
    def bench_name(self) -> str:
        """Name of the hand for the benchmark's option ``hand=``."""
        return self.fit.bench.name if self.fit else safe_name(self.hand.name)

    def command(self, setting: str, task: str) -> str:
        """Command line that does a task with an experiment, from the folder of the benchmark."""
        experiment = f'exp_name=dexgrasp_{setting}{self.label} hand={self.bench_name}'
        return f'python src/main.py task={task} {experiment} setting={setting} n_worker=4'

    def experiment(self, setting: str) -> Path:
        """Folder of an experiment."""
        return path_within(self.out, 'output', f'dexgrasp_{setting}{self.label}_{self.bench_name}')

    def earlier(self) -> dict[str, tuple[str, ...]]:
        """Experiments that are there already, and the names of their objects.

        Raises
        ------
        InputError
            INVALID_INPUT: a link stands among these.
        """
        found = {}
        for folder in map(self.experiment, SETTINGS):
            names = sorted(file.name for file in folder.glob('graspdata/*'))
            for name in names:
                path_within(folder, 'graspdata', name)
            if folder.is_dir():
                found[f'output/{folder.name}'] = tuple(names)
        return found

    def results(self) -> list[Path]:
        """Folders with what the benchmark has found, and would not look at again."""
        folders = [self.experiment(setting) / name for setting in SETTINGS for name in _RESULTS]
        return [folder for folder in folders if folder.is_dir()]

    def place(self, name: str, vertices: NDArray, faces: NDArray) -> BenchObject:
        """Write an object, and remove grasps of it from an earlier export, which may be more."""
        self.remove(name)
        return write_object(self.out, f'{self.object_root}/{name}', name, vertices, faces)

    def remove(self, name: str) -> None:
        """Remove the grasps of an object."""
        for setting in SETTINGS:
            folder = path_within(self.experiment(setting), 'graspdata', name)
            for found in folder.glob('*/*.npy'):
                path_within(folder, found.parent.name, found.name).unlink()

    def write(
        self,
        object: BenchObject,
        rows: Mapping[str, NDArray],
        *,
        scene: int | None = None,
        placed: ArrayLike = _AT_HOME,
    ) -> None:
        """Write grasps of one scene, and the scene.

        Parameters
        ----------
        object
            From `place`.
        rows
            Columns of the grasps.
        scene
            Number of the resting pose; None: the object is free.
        placed
            Pose of the mesh in the world [7], x y z qx qy qz qw.
        """
        setting, group = ('fc' if scene is None else 'tabletop'), object.group(scene)
        write_scene(self.out, object, group, placed, table=scene is not None)
        thing = {
            'obj_scale': object.scale,
            'obj_pose': object.pose(placed),
            'obj_path': object.path,
            'scene_path': object.scene_path(group),
        }
        folder = path_within(self.experiment(setting), 'graspdata', object.name, group)
        for number in range(len(rows['key'])):
            row = {name: values[number] for name, values in rows.items()}
            record = _record(self.hand, self.fit, row, placed)
            write_record(path_within(folder, f'{number}.npy'), record | thing)


def dataset_export(dataset: GraspDataset, out: Path) -> BenchExport:
    """Make the export of a dataset's hand; experiments of several hands are told apart."""
    export = BenchExport(out, dataset.hand_model)
    name = safe_name(dataset.hand)
    if len(dataset.hands) == 1 or export.bench_name == name:
        return export
    return BenchExport(out, dataset.hand_model, f'_{name}')


def export_dexgraspbench(dataset: GraspDataset, out: Path) -> Iterator[tuple[str, int]]:
    """Write the chosen grasps of a dataset, and objects, to be laid over a clone of the benchmark.

    Parameters
    ----------
    dataset
        What to write.
    out
        Folder; ``assets`` and ``output`` in it are those of the benchmark.

    Yields
    ------
    tuple
        Key of each object once it is written, and how many grasps it has.

    Raises
    ------
    InputError
        As from `fit_bench_hand`; INVALID_INPUT: links stand in the folder.
    """
    export, names = dataset_export(dataset, out), word_names(dataset.objects)
    export.earlier()
    for key in dataset.objects:
        rows = dataset.rows(key, _COLUMNS)
        if not rows or not len(rows['key']):
            export.remove(names[key])
            continue
        written = export.place(names[key], *dataset.mesh(key))
        for scene in np.unique(rows['scene']).tolist():
            here = {name: values[rows['scene'] == scene] for name, values in rows.items()}
            if scene == FREE:
                export.write(written, here)
            else:
                export.write(written, here, scene=scene, placed=_resting(dataset, key, scene))
        yield key, len(rows['key'])


def export_set(export: BenchExport, grasps: GraspSet, obj: ObjectModel) -> str:
    """Write the grasps of one search, on a table where they have a support plane.

    Parameters
    ----------
    export
        Where to.
    grasps, obj
        What to write, and the object that they are of.

    Returns
    -------
    str
        The benchmark's setting for them.
    """
    export.earlier()
    (name,) = word_names([obj.name]).values()
    written = export.place(name, obj.vertices, obj.faces)
    rows = {column: getattr(grasps, column) for column in _POSTURES}
    rows['key'] = np.array([f'{export.hand.name}/{name}/{n}' for n in range(len(grasps))])
    if np.isnan(grasps.support_plane).any():
        export.write(written, rows)
        return 'fc'
    export.write(written, rows, scene=0, placed=_above_zero(grasps.support_plane))
    return 'tabletop'


def grasp_record(hand: HandModel, row: Mapping[str, Any], placed: ArrayLike) -> dict[str, Any]:
    """Make the dictionary of one grasp, without what it says of the object.

    Parameters
    ----------
    hand
        The hand.
    row
        Of the dataset.
    placed
        Pose of the mesh in the world [7], x y z qx qy qz qw.

    Raises
    ------
    InputError
        As from `fit_bench_hand`.
    """
    return _record(hand, fit_bench_hand(hand), row, placed)


def _record(
    hand: HandModel, fit: BenchFit | None, row: Mapping[str, Any], placed: ArrayLike
) -> dict[str, Any]:
    from dexgrasp_ros.hand import locked_joints, moving_joint_names

    def qpos(base: str, posture: str) -> NDArray[np.float64]:
        pose = compose(placed, _unit(row[base]))
        if fit:
            return fit.qpos(hand, pose, row[posture])
        return np.concatenate([w_first(pose), _moving(hand, row[posture])])

    names = [name for name, _ in fit.bench.joints] if fit else moving_joint_names(hand)
    return {
        'pregrasp_qpos': qpos('pregrasp_base_pose', 'pregrasp'),
        'grasp_qpos': qpos('base_pose', 'grasp'),
        'squeeze_qpos': qpos('base_pose', 'squeeze'),
        'joint_names': names,
        'locked_joints': locked_joints(hand),
        'key': str(row['key']),
    }


def _moving(hand: HandModel, q: ArrayLike) -> NDArray[np.float64]:
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


def _above_zero(plane: NDArray[np.float64]) -> NDArray[np.float64]:
    """Pose [7] of a mesh in a world whose z = 0 is the plane n, d [4], z towards its free side."""
    from scipy.spatial.transform import Rotation

    normal = plane[:3] / np.linalg.norm(plane[:3])
    turn, _ = Rotation.align_vectors([[0.0, 0.0, 1.0]], [normal])
    return np.array([0.0, 0.0, plane[3], *turn.as_quat()])


def _unit(pose: ArrayLike) -> NDArray[np.float64]:
    pose = np.array(pose, dtype=np.float64)
    pose[3:] /= np.linalg.norm(pose[3:])
    return pose
