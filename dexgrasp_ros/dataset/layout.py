"""Where things lie in the folder of a dataset; `docs/dataset.md` draws it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dexgrasp_ros.core.names import LONGEST_NAME, safe_name, shortened


@dataclass(frozen=True)
class DatasetLayout:
    """Paths in the folder of one dataset, and never out of it, whatever names its files tell.

    Parameters
    ----------
    root
        The folder.
    """

    root: Path

    @property
    def manifest(self) -> Path:
        """`dataset.json`: configuration, versions, seeds, hands, objects, what columns mean."""
        return self.root / 'dataset.json'

    def mesh(self, digest: str) -> Path:
        """Mesh by the SHA-256 of its own bytes; grasps are in its frame, metres."""
        return self.root / 'meshes' / f'{safe_name(digest)}.ply'

    def colors(self, digest: str) -> Path:
        """Colours of a mesh that has its own, by the mesh's digest: a PLY of points, metres."""
        return self.root / 'colors' / f'{safe_name(digest)}.ply'

    def hand(self, digest: str) -> Path:
        """URDF by the SHA-256 of its own bytes."""
        return self.root / 'hands' / f'{safe_name(digest)}.urdf'

    def hand_mesh(self, name: str) -> Path:
        """Mesh that a URDF names: the SHA-256 of its own bytes, and what its kind ends with."""
        return self.root / 'hands' / 'meshes' / safe_name(name)

    def hand_record(self, name: str) -> Path:
        """One hand, as `dataset.json` tells of it: JSON."""
        return self.root / 'hands' / f'{safe_name(name)}.json'

    def object_record(self, key: str) -> Path:
        """One object, as `dataset.json` tells of it: JSON."""
        return self.root / 'objects' / f'{safe_name(key)}.json'

    def scenes(self, digest: str) -> Path:
        """How an object, by the digest of its mesh, comes to rest on a table: JSON."""
        return self.root / 'scenes' / f'{safe_name(digest)}.json'

    def grasps(self, hand: str, object_key: str, part: int) -> Path:
        """One shard of grasps; hand and object are columns by the names of the folders (Hive)."""
        folder = self.root / 'grasps' / f'hand={safe_name(hand)}'
        return folder / f'object={safe_name(object_key)}' / f'part-{part:05d}.parquet'

    @property
    def cameras(self) -> Path:
        """`cameras.json`: what decides all images, and what their channels mean."""
        return self.root / 'cameras.json'

    def images(self, object_key: str, scene: int) -> Path:
        """Images of one scene, a tar as WebDataset reads it."""
        return self.root / 'images' / f'{safe_name(object_key)}-{scene:02d}.tar'

    def frames(self, object_key: str, scene: int) -> Path:
        """Table of each image of one scene: cameras, boxes, keys in the tar."""
        folder = self.root / 'frames' / f'object={safe_name(object_key)}'
        return folder / f'scene-{scene:02d}.parquet'

    def clutter(self, number: int) -> Path:
        """One cluttered table: objects, poses, labels, and which grasps are free there; JSON."""
        return self.root / 'clutter' / f'scene-{number:05d}.json'

    def clutter_images(self, number: int) -> Path:
        """Its images, a tar as WebDataset reads it."""
        return self.clutter(number).with_suffix('.tar')

    def clutter_frames(self, number: int) -> Path:
        """Its table: a row for each object of each image."""
        return self.clutter(number).with_suffix('.parquet')

    def failure(self, unit: str) -> Path:
        """Why a unit of work could not be done at the last try; gone once it is."""
        return self.root / 'failures' / f'{_unit_name(unit)}.json'

    def timing(self, unit: str) -> Path:
        """Seconds that a unit took by stage; no part of the dataset's content."""
        return self.root / 'timing' / f'{_unit_name(unit)}.json'


def _unit_name(unit: str) -> str:
    """Name of a file for a unit of work; none of its parts has a plus."""
    return shortened('+'.join(map(safe_name, unit.split('/')))) if unit else ''


def rendered_files(layout: DatasetLayout) -> list[Path]:
    """Tables and tars of all scenes that have any."""
    of_scenes = layout.root.glob('frames/*/[!.]*.parquet'), layout.root.glob('images/[!.]*.tar')
    return [path for found in (*of_scenes, layout.root.glob('clutter/[!.]*')) for path in found]


def object_key(name: str, digest: str) -> str:
    """Name of an object in paths: its own, and enough of its mesh's digest to tell two apart."""
    short = shortened(safe_name(name), LONGEST_NAME - 9)
    return f'{short}-{digest[:8]}'
