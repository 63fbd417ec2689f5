"""What `--overwrite` removes: all of a dataset that other settings made, and nothing else."""

from __future__ import annotations

from pathlib import Path

from dexgrasp_ros.core.errors import InputError
from dexgrasp_ros.dataset.config import DatasetConfig
from dexgrasp_ros.dataset.files import read_json, remove_file
from dexgrasp_ros.dataset.generation.plan import grasps_in_part
from dexgrasp_ros.dataset.hands import StoredHand
from dexgrasp_ros.dataset.layout import DatasetLayout, rendered_files
from dexgrasp_ros.dataset.shards import read_metadata


def remove_outdated(
    layout: DatasetLayout, config: DatasetConfig, grasps_per_object: int, hands: list[StoredHand]
) -> None:
    """Remove what is not of these settings, so that a dataset is of one kind throughout.

    Resting poses of other settings go with the images that show them. Meshes stay: their names
    are their content. Several processes may do this at once, while others have begun to work.

    Parameters
    ----------
    layout
        Of the dataset.
    config, grasps_per_object
        What stays is of these.
    hands
        Grasps of hands of these names stay where they are of these.
    """
    if _hash_of(layout.manifest) not in (None, config.digest):
        for path in (*rendered_files(layout), layout.cameras):
            remove_file(path)
    current = {config.digest}
    for folder in ('objects', 'scenes'):
        _remove_records(layout.root / folder, current)
    for folder in ('failures', 'timing'):
        _remove_records(layout.root / folder, current | {_hash_of(layout.cameras)})
    urdfs = {hand.name: hand.digest for hand in hands}
    for path in layout.root.glob('grasps/*/*/[!.]*.parquet'):
        if not _is_current(path, config, grasps_per_object, urdfs):
            remove_file(path)


def _is_current(
    path: Path, config: DatasetConfig, grasps_per_object: int, urdfs: dict[str, str]
) -> bool:
    try:
        told = read_metadata(path)
    except (InputError, FileNotFoundError):  # broken, or removed meanwhile
        return False
    return (
        told.get('hash') == config.digest
        and told.get('wanted') == grasps_in_part(told.get('part', 0), grasps_per_object, config)
        and urdfs.get(told.get('hand', ''), told.get('urdf')) == told.get('urdf')
    )


def _remove_records(folder: Path, hashes: set[str | None]) -> None:
    for path in folder.glob('[!.]*.json'):
        if _hash_of(path) not in hashes:
            path.unlink(missing_ok=True)


def _hash_of(path: Path) -> str | None:
    """Hash that a file of JSON tells; None where there is no file, '' where it is damaged."""
    try:
        return str(read_json(path)['hash'])
    except FileNotFoundError:
        return None
    except (InputError, KeyError, TypeError):
        return ''
