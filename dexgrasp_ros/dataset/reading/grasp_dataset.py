"""What `open_dataset` gives: grasps of one hand, with their meshes, scenes and images."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.errors import ErrorCode, InputError, choices
from dexgrasp_ros.core.grasp_set import GraspSet
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.core.json_files import read_json
from dexgrasp_ros.dataset.hands import StoredHand
from dexgrasp_ros.dataset.layout import DatasetLayout
from dexgrasp_ros.dataset.meshes import read_stored_mesh
from dexgrasp_ros.dataset.reading.clutter import clutter_numbers, read_clutter
from dexgrasp_ros.dataset.reading.frame_images import CHANNELS, ImageTars
from dexgrasp_ros.dataset.reading.frame_reader import find_frame, read_frames
from dexgrasp_ros.dataset.reading.grasp_rows import SET_COLUMNS, pose_in_camera, rows_to_grasps
from dexgrasp_ros.dataset.reading.row_arrays import Arrays, join_arrays, mixed_batches, read_arrays
from dexgrasp_ros.dataset.reading.selection import known_digests, known_hands
from dexgrasp_ros.dataset.reading.torch_batches import loadable, to_tensors
from dexgrasp_ros.dataset.records import Scenes


class GraspDataset:
    """The chosen rows of one hand, and the meshes, scenes and images that they are of.

    Made by `open_dataset`; it can be pickled, for processes that load data.

    Attributes
    ----------
    layout, manifest
        Paths in the folder; what `dataset.json` says.
    hand, objects
        Name of the hand, keys of the objects that were chosen.
    files
        The Parquet files with their grasps.
    """

    def __init__(
        self,
        *,
        layout: DatasetLayout,
        manifest: Mapping[str, Any],
        hand: str,
        objects: tuple[str, ...],
        files: tuple[Path, ...],
        columns: tuple[str, ...] | None,
        where: Mapping[str, Any],
        framework: str,
    ) -> None:
        self.layout, self.manifest = layout, manifest
        self.hand, self.objects, self.files = hand, objects, files
        self.columns, self.where, self.framework = columns, where, framework
        self._tars = ImageTars()

    @property
    def hands(self) -> tuple[str, ...]:
        """Names of all hands of the dataset."""
        return tuple(sorted(known_hands(self.layout, self.manifest)))

    @cached_property
    def _count(self) -> int:
        name = next(iter(self.where), 'held')
        return sum(len(self.read(file, [name])[name]) for file in self.files)

    def __len__(self) -> int:
        """Count of the chosen grasps."""
        return self._count

    def share(self, index: int, count: int) -> GraspDataset:
        """Return every `count`-th file from the `index`-th on, for one of `count` processes."""
        if not 0 <= index < count:
            raise InputError(
                f'The shard is {index} of {count}; expected 0 to {count - 1} of 1 or more.',
                ErrorCode.OUT_OF_RANGE,
            )
        return GraspDataset(
            layout=self.layout,
            manifest=self.manifest,
            hand=self.hand,
            objects=self.objects,
            files=self.files[index::count],
            columns=self.columns,
            where=self.where,
            framework=self.framework,
        )

    def batches(self, size: int, *, shuffle_seed: int | None = None) -> Iterator[dict[str, Any]]:
        """Yield rows as arrays or tensors by the names of the columns; the last may be shorter.

        Numbers are [B], joints [B, J], contacts [B, C, 3].

        Parameters
        ----------
        size
            Rows in a batch.
        shuffle_seed
            Shuffle files, and rows within 16 files at a time; default: the order on disk.

        Raises
        ------
        InputError
            OUT_OF_RANGE for the size, MISSING_KEY for a column that the files do not have.
        """
        if size < 1:
            raise InputError(
                f'A batch of {size} rows was asked for; expected 1 or more.',
                ErrorCode.OUT_OF_RANGE,
            )
        for batch in mixed_batches(
            self.files, partial(self.read, columns=self.columns), size, shuffle_seed
        ):
            yield self._given(batch)

    def loadable(self, size: int, *, shuffle: bool = False) -> Any:
        """Make what torch's `DataLoader` takes with ``batch_size=None`` and any `num_workers`."""
        return loadable(self, size, shuffle)

    def mesh(self, object: str) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Vertices [V, 3] m and faces [F, 3] of an object by its key.

        Raises
        ------
        InputError
            As `digest`.
        ObjectError
            As from `read_stored_mesh`.
        """
        return read_stored_mesh(self.mesh_path(object))

    def mesh_path(self, object: str) -> Path:
        """File of an object's mesh."""
        return self.layout.mesh(self.digest(object))

    def digest(self, object: str) -> str:
        """SHA-256 of the mesh of an object, which names its files.

        Raises
        ------
        InputError
            INVALID_INPUT: no such object; FILE_NOT_FOUND: nothing tells of its mesh.
        """
        if object not in self.objects:
            raise InputError(
                f"No object '{object}' was opened; there are {choices(self.objects)}."
            )
        if object not in self._digests:
            raise InputError(
                f"Nothing in '{self.layout.root}' tells which mesh is that of '{object}'; "
                f"expected '{self.layout.object_record(object)}'.",
                ErrorCode.FILE_NOT_FOUND,
            )
        return self._digests[object]

    @cached_property
    def _digests(self) -> dict[str, str]:
        return known_digests(self.layout, self.manifest, self.objects)

    def scenes(self, object: str) -> list[dict[str, Any]]:
        """How an object comes to rest on a table, most often first; the column `scene` counts."""
        file = self.layout.scenes(self.digest(object))
        return read_json(file, schema=Scenes)['scenes'] if file.is_file() else []

    @cached_property
    def hand_model(self) -> HandModel:
        """The hand, from the URDF and the meshes that the dataset holds."""
        record = known_hands(self.layout, self.manifest)[self.hand]
        return StoredHand.from_record(self.layout, record).load()

    def files_of(self, object: str) -> tuple[Path, ...]:
        """Those of `files` that hold grasps of one object."""
        folder = self.layout.grasps(self.hand, object, 0).parent
        return tuple(file for file in self.files if file.parent == folder)

    def rows(self, object: str, columns: Sequence[str] | None = None) -> Arrays:
        """Chosen grasps of one object as arrays; empty where none are there yet."""
        parts = [self.read(file, columns) for file in self.files_of(object)]
        return join_arrays(parts) if parts else {}

    def grasp_set(self, object: str, *, scene: int | None = None) -> GraspSet:
        """Chosen grasps of one object as a `GraspSet`, best score first.

        Parameters
        ----------
        object
            Key of the object.
        scene
            Only those of this resting pose (-1: of the free object), which then all have the same
            `support_plane`; default: all.

        Raises
        ------
        InputError
            As `digest`; INVALID_INPUT: there are no such grasps.
        """
        rows = self.rows(object, (*SET_COLUMNS, 'scene'))
        if rows and scene is not None:
            rows = {name: values[rows['scene'] == scene] for name, values in rows.items()}
        if not rows or not len(rows['score']):
            raise InputError(f"There are no such grasps of '{object}' with '{self.hand}'.")
        return rows_to_grasps(rows, self.hand_model, self.mesh_path(object))

    def frames(self, object: str | None = None, *, scene: int | None = None) -> Arrays:
        """Table of images as arrays: cameras, boxes, keys; of one object and scene, or of all."""
        return read_frames(self.layout, self.objects if object is None else (object,), scene)

    def images(
        self, frame: str | Mapping[str, Any], channels: Sequence[str] = CHANNELS
    ) -> dict[str, NDArray]:
        """Decode the images of a frame, by its key or its row of `frames`; see `ImageTars.read`.

        A key is looked for in the tables; a row is known already, which is faster.
        """
        row = self._frame(frame)
        tar = self.layout.images(row['object'], int(row['scene']))
        return self._tars.read(tar, row['key'], float(row['depth_scale']), channels)

    def grasps_in_frame(
        self, frame: str | Mapping[str, Any], columns: Sequence[str] | None = None
    ) -> Arrays:
        """Chosen grasps of what a frame shows, with the hand in the camera's optical frame.

        Parameters
        ----------
        frame
            Key or row.
        columns
            As in `open_dataset`; `base_pose_in_camera` and `pregrasp_base_pose_in_camera` [B, 7]
            are always there.
        """
        row = self._frame(frame)
        wanted = columns or self.columns
        poses = ('base_pose', 'pregrasp_base_pose')
        needed = None if wanted is None else (*wanted, *poses, 'scene')
        rows = self.rows(row['object'], needed)
        if not rows:
            return {}
        same = {name: values[rows['scene'] == row['scene']] for name, values in rows.items()}
        given = same if wanted is None else {name: same[name] for name in wanted}
        return given | {f'{name}_in_camera': pose_in_camera(row, same[name]) for name in poses}

    @property
    def cluttered(self) -> list[int]:
        """Numbers of the cluttered tables that were rendered."""
        return clutter_numbers(self.layout)

    def clutter(self, number: int) -> dict[str, Any]:
        """Tell what stands where on a cluttered table, and which grasps are free."""
        return read_clutter(self.layout, number)

    def clutter_frames(self, number: int) -> Arrays:
        """Table of its images as arrays: a row for each object of each image, as in `frames`."""
        return read_arrays(self.layout.clutter_frames(number))

    def clutter_images(
        self, row: Mapping[str, Any], channels: Sequence[str] = CHANNELS
    ) -> dict[str, NDArray]:
        """Decode the image that a row of `clutter_frames` is of; see `ImageTars.read`."""
        tar = self.layout.clutter_images(int(row['scene']))
        return self._tars.read(tar, row['key'], float(row['depth_scale']), channels)

    def _frame(self, frame: str | Mapping[str, Any]) -> Mapping[str, Any]:
        """Row of a frame with the key of its object."""
        return find_frame(self.layout, self.objects, frame) if isinstance(frame, str) else frame

    def read(self, file: Path, columns: Sequence[str] | None = None) -> Arrays:
        """Chosen grasps of one of the `files` as arrays.

        Raises
        ------
        InputError
            As from `read_arrays`.
        """
        return read_arrays(file, columns, self.where, digest=self.manifest.get('hash'))

    def _given(self, arrays: Arrays) -> dict[str, Any]:
        return to_tensors(arrays) if self.framework == 'torch' else arrays
