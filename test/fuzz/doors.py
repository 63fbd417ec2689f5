"""Every way into the library from a file: sound files, how they are spoilt, what reads them.

One more door is one more entry of `DOORS`.
"""

from __future__ import annotations

import functools
import importlib.util
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sound_dataset
from changes import BYTES, NPZ, TEXT
from sound_files import URDF, grasp_set, mesh_bytes, npz_of, scene, views

from dexgrasp_ros.core.depth_frame import load_scene
from dexgrasp_ros.core.grasp_set import GraspSet
from dexgrasp_ros.core.scene_views import load_views

Files = dict[str, bytes]  # by their paths in a folder


@dataclass(frozen=True)
class Door:
    """A reader of files."""

    name: str
    files: Callable[[], Files]
    read: Callable[[Path], Any]  # of the folder
    kinds: tuple[str, ...]  # of changes
    examples: int  # of the short run: what takes a second or two

    @functools.cached_property
    def sound(self) -> Files:
        """Files as they should be, made once."""
        return self.files()


def bytes_of(write: Callable[[Path], Any]) -> Files:
    """Files that a writer makes in a folder."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder)
        return {
            p.relative_to(folder).as_posix(): p.read_bytes()
            for p in sorted(folder.rglob('*'))
            if p.is_file()
        }


@functools.cache
def hand() -> Any:
    from dexgrasp_ros.hand import load_hand_text

    return load_hand_text(URDF)


def read_hand(folder: Path) -> None:
    from dexgrasp_ros.hand import load_hand

    load_hand(folder / 'hand.urdf')


def read_overrides(folder: Path) -> None:
    from dexgrasp_ros.hand.sources import read_overrides_file

    read_overrides_file(folder / 'hand.yaml')


OVERRIDES = b"""root: palm
palm: {position: [0.0, 0.0, 0.02], approach: [0, 0, 1], forward: [1, 0, 0]}
closing: {one_joint: 1, two_joint: -1}
preshape: {one_joint: 0.2}
contact_weights: {one: 0.5}
ignored_collisions: [[one, two]]
locked_joints: {two_joint: 0.1}
joint_stiffness: {one_joint: 5.0}
couplings: {two_joint: {follows: one_joint, multiplier: 1.0, offset: 0.0}}
"""
CAMERAS = b"""width: 64
height: 48
K: [[50, 0, 32], [0, 50, 24], [0, 0, 1]]
rig: stereo
baseline: 0.05
views: 2
radius: [0.4, 0.6]
elevation: [0.4, 1.0]
noise: kinect_v1
appearance: view
"""


def read_cameras(folder: Path) -> None:
    from dexgrasp_ros.dataset.render.settings import read_camera_settings

    read_camera_settings(folder / 'cameras.yaml')


def write_isaac(folder: Path) -> None:
    from dexgrasp_ros.dataset.formats.isaac_grasp import export_isaac_grasp

    export_isaac_grasp(grasp_set(hand()), folder / 'grasps.yaml')


def read_isaac(folder: Path) -> None:
    from dexgrasp_ros.dataset.formats.isaac_grasp import import_isaac_grasp

    import_isaac_grasp(folder / 'grasps.yaml', hand())


def read_grasps(folder: Path) -> None:
    from dexgrasp_ros.dataset.formats.isaac_grasp import export_isaac_grasp

    stored = GraspSet.load(folder / 'grasps.npz')
    with tempfile.TemporaryDirectory() as out:
        export_isaac_grasp(stored, Path(out) / 'grasps.yaml')
        stored.save(Path(out) / 'again.npz')


def write_bag(folder: Path) -> None:
    from rosbags.typesys import Stores, get_typestore

    from dexgrasp_ros.dataset.formats.bags import BagWriter

    store = get_typestore(Stores.ROS2_JAZZY)
    kind = 'std_msgs/msg/String'
    word = bytes(store.serialize_cdr(store.types[kind](data='hello' * 20), kind))
    with BagWriter(folder / 'bag') as writer:
        writer.add_topic('/a', kind, ())
        for i in range(20):
            writer.write('/a', 10**9 + i, word)


def read_bag(folder: Path) -> None:
    from dexgrasp_ros.dataset.formats.bags import BagReader

    with BagReader(folder / 'bag') as reader:
        assert reader.duration is not None and reader.topics is not None
        for _ in reader.messages():
            pass


def write_model(folder: Path) -> None:
    """The record of a model and what stands for its graphs, which it knows by their digests."""
    from dexgrasp_ros.learning.model_files import GRAPHS, graph_file, write_record

    for graph in GRAPHS:
        graph_file(folder, graph).write_bytes(graph.encode())
    write_record(folder, {'hand': 'digest'}, {'seconds': 1.0})


def read_model(folder: Path) -> None:
    from dexgrasp_ros.learning.model_files import read_record

    read_record(folder)


def mesh_door(suffix: str, kinds: tuple[str, ...], name: str = '', **options: Any) -> Door:
    def read(folder: Path) -> None:
        from dexgrasp_ros.object import read_mesh

        read_mesh(folder / f'mesh.{suffix}')

    return Door(
        name=f'mesh {name or suffix}',
        files=lambda: {f'mesh.{suffix}': mesh_bytes(suffix, **options)},
        read=read,
        kinds=kinds,
        examples=40,
    )


DOORS = (
    Door('urdf', lambda: {'hand.urdf': URDF.encode()}, read_hand, TEXT, 15),
    Door('overrides', lambda: {'hand.yaml': OVERRIDES}, read_overrides, TEXT, 150),
    Door('cameras', lambda: {'cameras.yaml': CAMERAS}, read_cameras, TEXT, 150),
    Door('isaac', lambda: bytes_of(write_isaac), read_isaac, TEXT, 100),
    Door('scene', lambda: {'x.npz': npz_of(scene())}, lambda f: load_scene(f / 'x.npz'), NPZ, 100),
    Door('views', lambda: {'x.npz': npz_of(views())}, lambda f: load_views(f / 'x.npz'), NPZ, 100),
    Door(
        'grasps',
        lambda: bytes_of(lambda folder: grasp_set(hand()).save(folder / 'grasps.npz')),
        read_grasps,
        NPZ,
        60,
    ),
    Door('model', lambda: bytes_of(write_model), read_model, (*BYTES, 'word', 'drop line'), 60),
    *(mesh_door(suffix, TEXT) for suffix in ('obj', 'off', 'dae')),
    *(mesh_door(suffix, BYTES) for suffix in ('stl', 'ply', 'glb', '3mf')),
    mesh_door('ply', TEXT, 'ply text', encoding='ascii'),
    Door(
        'dataset',
        lambda: bytes_of(sound_dataset.write),
        sound_dataset.read,
        (*BYTES, 'word', 'word', 'drop line'),
        25,
    ),
    *(
        [Door('bag', lambda: bytes_of(write_bag), read_bag, (*BYTES, 'word', 'drop line'), 40)]
        if importlib.util.find_spec('std_msgs')
        else []
    ),
)


def place(files: Files, folder: Path) -> None:
    """Write files into an empty folder."""
    shutil.rmtree(folder, ignore_errors=True)
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
