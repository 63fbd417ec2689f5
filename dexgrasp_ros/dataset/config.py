"""What decides the content of a dataset's shards, and the digest of it."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any, Literal

import dexgrasp_ros
from dexgrasp_ros.core.config import SynthesisConfig, check_ranges, setting
from dexgrasp_ros.core.convex_pieces import FINE
from dexgrasp_ros.core.errors import ErrorCode, InputError, choices
from dexgrasp_ros.dataset.schema import SCHEMA_VERSION
from dexgrasp_ros.evaluation.inputs import PHYSICS

# Whose versions count: other versions find other grasps, or write other bytes.
_LIBRARIES = (
    *('coacd', 'manifold3d', 'mujoco', 'numpy', 'open3d', 'pyarrow', 'scipy', 'trimesh'),
    'warp-lang',
)
DEVICES = ('cpu', 'cuda')
# Settings of the search that the dataset's own settings, or its plan, decide.
# Datasets are what a model learns from, and start from geometry.
PLANNED = ('device', 'max_grasps', 'random_seed', 'seed_count', 'seed_source', 'time_limit')


@dataclass(frozen=True, kw_only=True)
class DatasetConfig:
    """Settings that all shards of a dataset share; `dataset.json` records them.

    Raises
    ------
    InputError
        OUT_OF_RANGE, from the constructor.
    """

    device: str = 'cpu'  # of the searches, 'cpu' or 'cuda': these find different grasps
    random_seed: int = setting(0, '1', 'start of every random number', 0, 2**31 - 1)
    shard_size: int = setting(1000, '1', 'grasps in a shard at most', 1, 100_000)
    settled_share: float = setting(
        0.5, '1', 'grasps of the object on a table; the others are of the free object', 0.0, 1.0
    )
    scale: float = setting(1.0, '1', 'of the meshes; 0.001 for millimetres', 1e-6, 1e6)

    # Searches
    round_seeds: int = setting(2048, '1', 'candidates of one search at most', 1, 1_000_000)
    # Of the Allegro hand's about three in four become distinct grasps; where it is fewer, the next
    # search knows. What is found beyond what is wanted was in vain.
    seeds_per_grasp: float = setting(
        1.3, '1', 'candidates for each wanted grasp in the first search', 1.0, 1000.0
    )
    max_rounds: int = setting(16, '1', 'searches for one pose of an object at most', 1, 10_000)

    # Resting poses
    directions: int = setting(24, '1', 'ways up in which an object is let go', 1, 10_000)
    max_scenes: int = setting(5, '1', 'resting poses kept, the most frequent ones', 0, 100)
    scene_angle: float = setting(0.17, 'rad', 'resting poses closer than this are one', 0.0, 3.2)

    # Shake test
    shaken_share: float = setting(
        1.0, '1', 'of the grasps that are shaken, by lot; all are measured', 0.0, 1.0
    )
    piece_threshold: float = setting(
        FINE, '1', 'concavity of the convex pieces in physics', 0.01, 1.0
    )
    physics: Literal['mujoco', 'mujoco_warp'] = setting(
        'mujoco',
        '-',
        "what shakes: on the CPU, or in batches where searches run (extra 'gpu')",
        allowed=PHYSICS,
    )

    search: SynthesisConfig = field(default_factory=SynthesisConfig)

    def __post_init__(self) -> None:
        """Check every range, and that the search decides nothing that the plan does."""
        check_ranges(self)
        if self.device not in DEVICES:
            raise InputError(
                f"'device' is {self.device!r}; expected one of {choices(DEVICES)}.",
                ErrorCode.OUT_OF_RANGE,
            )
        defaults = SynthesisConfig()
        for name in PLANNED:
            value = getattr(self.search, name)
            if value != getattr(defaults, name):
                raise InputError(
                    f"'search.{name}' is {value!r}; the plan of a dataset decides it, expected "
                    'that it is left out.',
                    ErrorCode.OUT_OF_RANGE,
                )

    def as_dict(self) -> dict[str, Any]:
        """Return the settings for JSON; of the search all but what the plan decides."""
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        search = dataclasses.asdict(self.search)
        if self.physics == PHYSICS[0]:
            del values['physics']  # datasets that knew no other are of the same settings
        values['search'] = {n: v for n, v in search.items() if n not in PLANNED}
        return values

    @property
    def digest(self) -> str:
        """SHA-256 of the settings, the schema's version and those of the libraries."""
        content = {
            'schema_version': SCHEMA_VERSION,
            'configuration': self.as_dict(),
            'versions': library_versions(),
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def library_versions() -> dict[str, str]:
    """Versions of this package and of the libraries that the content depends on."""
    libraries = {name: version(name) for name in _LIBRARIES}
    return {'dexgrasp_ros': dexgrasp_ros.__version__, **libraries}


def derive_seed(*parts: object) -> int:
    """Seed from 0 to 2^31 - 1 by a hash of `parts`, the same wherever it is computed."""
    text = '\0'.join(map(str, parts))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], 'big') >> 1
