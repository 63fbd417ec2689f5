"""A run of the generator: what is there is kept, the rest is made, failures stop nothing else."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

from dexgrasp_ros.core.errors import InputError
from dexgrasp_ros.dataset.config import DatasetConfig
from dexgrasp_ros.dataset.files import remove_leftovers
from dexgrasp_ros.dataset.generation.grasp_run import GraspRun
from dexgrasp_ros.dataset.generation.objects import find_meshes, known_names
from dexgrasp_ros.dataset.generation.overwrite import remove_outdated
from dexgrasp_ros.dataset.generation.plan import plan_units
from dexgrasp_ros.dataset.hands import portable_hand, register_hand
from dexgrasp_ros.dataset.layout import DatasetLayout, safe_name
from dexgrasp_ros.dataset.manifest import open_manifest
from dexgrasp_ros.dataset.work.executors import Executor
from dexgrasp_ros.dataset.work.report import ReportCallback, RunReport
from dexgrasp_ros.dataset.work.shares import take_share
from dexgrasp_ros.dataset.work.steps import check_retries
from dexgrasp_ros.hand import load_hand
from dexgrasp_ros.hand.xacro_files import is_xacro


def generate(
    out: Path,
    *,
    hands: Sequence[str],
    objects: Path,
    grasps_per_object: int,
    executor: Executor,
    xacro_args: Mapping[str, object] | None = None,
    config: DatasetConfig | None = None,
    license: str = 'unknown',
    shard_index: int = 0,
    shard_count: int = 1,
    retries: int = 2,
    overwrite: bool = False,
    progress: ReportCallback | None = None,
) -> RunReport:
    """Make a dataset, or what is missing of it.

    Parameters
    ----------
    out
        Folder of the dataset, new or begun, on a disk that all machines of the run see.
    hands
        As `load_hand` takes them.
    objects
        Folder of meshes, as `find_meshes` takes it.
    grasps_per_object
        By each hand.
    executor
        Where the work runs, searches on its device; the caller closes it.
    xacro_args
        Values of arguments of those hands that are xacro files.
    config
        Settings of the dataset, but for the device; the defaults without it.
    license
        Of meshes that no table tells about.
    shard_index, shard_count
        Make units `shard_index`, `shard_index` + `shard_count`, … only: those of one of several
        machines.
    retries
        How often a task that failed is tried again.
    overwrite
        Whether to make anew what was made with other settings; `remove_outdated` says what goes,
        also of hands and objects that are not named here.
    progress
        Called after each unit of work.

    Returns
    -------
    RunReport
        Its `failures` are what could not be done; another run tries it again.

    Raises
    ------
    InputError
        INVALID_INPUT: the folder holds a dataset of other settings; or as from `find_meshes` and
        `plan_units`.
    HandError
        As from `load_hand`.
    """
    out, objects = out.absolute(), objects.absolute()  # workers may stand in other folders
    layout = DatasetLayout(out)
    config = dataclasses.replace(config or DatasetConfig(), device=executor.device)
    found = find_meshes(objects, license, leave_out=out, known=known_names(layout, config))
    sources = {source.name: source for source in found}
    models = [
        load_hand(source, xacro_args=xacro_args if is_xacro(Path(source)) else None)
        for source in hands
    ]
    names = [model.name for model in models]
    if len(set(map(safe_name, names))) < len(hands) or not hands:
        raise InputError(
            f'The hands are {names or "none"}; expected one at least, and names that differ in '
            'letters, digits, dots, dashes or underscores.'
        )
    check_retries(retries)
    units = plan_units(names, list(sources), grasps_per_object, config)
    share = take_share(units, shard_index, shard_count)
    portable = [portable_hand(layout, model) for model in models]
    if overwrite:
        urdfs = {hand.record['name']: hand.record['urdf'] for hand in portable}
        remove_outdated(layout, config, grasps_per_object, urdfs)
    open_manifest(layout, config, grasps_per_object, overwrite=overwrite)
    stored = [register_hand(layout, hand, overwrite=overwrite) for hand in portable]
    remove_leftovers(layout.root)
    run = GraspRun(
        layout=layout,
        config=config,
        sources=sources,
        hands={hand.name: hand for hand in stored},
        overwrite=overwrite,
    )
    return run.run(share, executor, retries=retries, progress=progress)
