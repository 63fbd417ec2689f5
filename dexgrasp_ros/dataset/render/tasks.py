"""What is rendered at once, as plain data that pickles: a resting pose, or a cluttered table."""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dexgrasp_ros.dataset.config import library_versions
from dexgrasp_ros.dataset.layout import DatasetLayout
from dexgrasp_ros.dataset.render.settings import CameraSettings
from dexgrasp_ros.dataset.schema import SCHEMA_VERSION


@dataclass(frozen=True, kw_only=True)
class RenderTask(ABC):
    """Images that are taken at once, and how."""

    root: Path  # of the dataset, on a disk that all machines of the run see
    settings: CameraSettings
    random_seed: int  # of the dataset
    device: str = 'cpu'  # of the rays, 'cpu' or 'cuda': their images differ a little

    @property
    @abstractmethod
    def name(self) -> str:
        """For messages and the names of files."""

    @property
    @abstractmethod
    def function(self) -> str:
        """What renders it: ``'package.module:name'``, called with the task."""

    @property
    @abstractmethod
    def table(self) -> Path:
        """Its table of frames, written last."""

    @property
    @abstractmethod
    def tar(self) -> Path:
        """Its images."""

    @property
    @abstractmethod
    def seeds(self) -> tuple[int | str, ...]:
        """What all its random numbers are derived from."""

    @property
    @abstractmethod
    def content(self) -> dict[str, Any]:
        """What is seen in it, for `about`."""

    @property
    def frame_count(self) -> int:
        """Images of the scene."""
        return self.settings.views * len(self.settings.eyes)

    @property
    def about(self) -> dict[str, Any]:
        """What the scene's files are made from; they say so, and others are not mixed in."""
        digest = render_digest(self.settings, self.random_seed, self.device)
        return {'schema_version': SCHEMA_VERSION, 'hash': digest, **self.content}


@dataclass(frozen=True, kw_only=True)
class SceneTask(RenderTask):
    """One resting pose of one object, and how it shall be looked at."""

    object_key: str
    digest: str  # of the mesh
    scene: int
    pose: tuple[float, ...]  # [7] of the mesh in the world, table z = 0

    @property
    def name(self) -> str:
        """See the base."""
        return f'render/{self.object_key}/{self.scene:02d}'

    @property
    def function(self) -> str:
        """See the base."""
        return 'dexgrasp_ros.dataset.render.scenes:render_scene'

    @property
    def table(self) -> Path:
        """See the base."""
        return DatasetLayout(self.root).frames(self.object_key, self.scene)

    @property
    def tar(self) -> Path:
        """See the base."""
        return DatasetLayout(self.root).images(self.object_key, self.scene)

    @property
    def seeds(self) -> tuple[int | str, ...]:
        """See the base."""
        return self.random_seed, self.object_key, self.scene

    @property
    def content(self) -> dict[str, Any]:
        """See the base."""
        return {
            'object': self.object_key,
            'mesh': self.digest,
            'scene': self.scene,
            'pose': list(self.pose),
        }


@dataclass(frozen=True, kw_only=True)
class ClutterTask(RenderTask):
    """One cluttered table, and how it shall be looked at."""

    number: int
    objects: tuple[SceneTask, ...]  # resting poses of what is put there
    piece_threshold: float  # of the convex pieces that fall
    grasps_hash: str  # SHA-256 of what the objects' grasps, of all hands, were made from

    @property
    def name(self) -> str:
        """See the base."""
        return f'clutter/{self.number:05d}'

    @property
    def function(self) -> str:
        """See the base."""
        return 'dexgrasp_ros.dataset.render.clutter:render_clutter'

    @property
    def table(self) -> Path:
        """See the base; a row for each object of each image."""
        return DatasetLayout(self.root).clutter_frames(self.number)

    @property
    def tar(self) -> Path:
        """See the base."""
        return DatasetLayout(self.root).clutter_images(self.number)

    @property
    def seeds(self) -> tuple[int | str, ...]:
        """See the base."""
        return self.random_seed, 'clutter', self.number

    @property
    def content(self) -> dict[str, Any]:
        """See the base."""
        return {
            'clutter': self.number,
            'objects': [[o.object_key, o.digest, o.scene] for o in self.objects],
            'piece_threshold': self.piece_threshold,
            'grasps_hash': self.grasps_hash,
        }


@dataclass(frozen=True, kw_only=True)
class SceneSummary:
    """What came of a scene."""

    frames: int
    size: int  # bytes of the tar
    seconds: dict[str, float]


def render_digest(settings: CameraSettings, random_seed: int, device: str) -> str:
    """SHA-256 of all that decides the images: settings, seed, device, versions."""
    content = {
        'schema_version': SCHEMA_VERSION,
        'cameras': settings.as_dict(),
        'random_seed': random_seed,
        'device': device,
        'versions': library_versions(),
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
