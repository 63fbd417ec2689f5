"""What `--overwrite` removes: all of a dataset that other settings made, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from dexgrasp_ros.core.errors import InputError
from dexgrasp_ros.core.files import remove_file
from dexgrasp_ros.core.json_files import read_json
from dexgrasp_ros.dataset.config import DatasetConfig
from dexgrasp_ros.dataset.generation.plan import grasps_in_part
from dexgrasp_ros.dataset.layout import DatasetLayout, rendered_files
from dexgrasp_ros.dataset.shards import BrokenShardError, read_metadata


def remove_outdated(
    layout: DatasetLayout,
    config: DatasetConfig,
    grasps_per_object: int,
    urdfs: Mapping[str, str],
) -> None:
    """Remove what is not of these settings, so that a dataset is of one kind throughout.

    Resting poses of other settings go with the images that show them, hands without any grasp
    with their grasps. Meshes and URDFs stay: their names are their content. What does not say
    that it belongs to a dataset stays, and so does everything where there is no dataset. Several
    processes may do this at once, while others have begun to work.

    Parameters
    ----------
    layout
        Of the dataset.
    config, grasps_per_object
        What stays is of these.
    urdfs
        Digests of the URDFs of this run's hands, by their names.
    """
    if not layout.manifest.exists():
        return
    is_other = _hash_of(layout.manifest) not in (None, config.digest)
    if is_other:
        for path in (*rendered_files(layout), layout.cameras):
            remove_file(path)
    current = {config.digest}
    for folder in ('objects', 'scenes'):
        _remove_records(layout.root / folder, current)
    for folder in ('failures', 'timing'):
        _remove_records(layout.root / folder, current | {_hash_of(layout.cameras)})
    for path in layout.root.glob('grasps/hand=*/object=*/part-*.parquet'):
        if not _is_current(path, config, grasps_per_object, urdfs):
            remove_file(path)
    if is_other:  # else a run of the same settings may have registered a hand just now
        for path in layout.root.glob('hands/[!.]*.json'):
            _remove_hand(layout, path, urdfs)


def _is_current(
    path: Path, config: DatasetConfig, grasps_per_object: int, urdfs: Mapping[str, str]
) -> bool:
    try:
        told = read_metadata(path)
    except (BrokenShardError, FileNotFoundError):  # or removed meanwhile
        return False
    except (InputError, OSError):  # of somebody else, or not to be read just now
        return True
    return (
        told.get('hash') == config.digest
        and told.get('wanted') == grasps_in_part(told.get('part', 0), grasps_per_object, config)
        and urdfs.get(told.get('hand', ''), told.get('urdf')) == told.get('urdf')
    )


def _remove_records(folder: Path, hashes: set[str | None]) -> None:
    for path in folder.glob('[!.]*.json'):
        if _hash_of(path) not in (None, *hashes):
            remove_file(path)


def _remove_hand(layout: DatasetLayout, path: Path, urdfs: Mapping[str, str]) -> None:
    """Remove the record of a hand that has no grasps and that this run does not use."""
    try:
        name = read_json(path, 'name', 'urdf')['name']
    except (InputError, FileNotFoundError):
        return
    if name not in urdfs and not list(layout.grasps(name, '*', 0).parent.parent.glob('*/*')):
        remove_file(path)


def _hash_of(path: Path) -> str | None:
    """Hash that a file of JSON tells; None where it tells none."""
    try:
        return str(read_json(path, 'hash')['hash'])
    except (InputError, FileNotFoundError):
        return None
