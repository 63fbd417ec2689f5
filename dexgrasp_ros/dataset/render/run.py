"""A run of the renderer: scenes that have their images are kept, the others are rendered."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from dexgrasp_ros.core.errors import DexGraspError, ErrorCode, InputError
from dexgrasp_ros.core.files import create_bytes, remove_file, remove_leftovers
from dexgrasp_ros.core.json_files import json_bytes, read_json, write_json
from dexgrasp_ros.dataset.config import library_versions
from dexgrasp_ros.dataset.layout import DatasetLayout, rendered_files
from dexgrasp_ros.dataset.manifest import SettingsGuard
from dexgrasp_ros.dataset.render.clutter import plan_clutter
from dexgrasp_ros.dataset.render.frames import CHANNELS, DEPTH_SCALE
from dexgrasp_ros.dataset.render.settings import CameraSettings
from dexgrasp_ros.dataset.render.taking import is_rendered
from dexgrasp_ros.dataset.render.tasks import RenderTask, SceneSummary, SceneTask
from dexgrasp_ros.dataset.work.executors import Executor, Failed, Kind, as_failed
from dexgrasp_ros.dataset.work.report import Journal, Report, ReportCallback
from dexgrasp_ros.dataset.work.shares import take_share
from dexgrasp_ros.dataset.work.steps import Step, check_retries, run_steps

_FRAME_LIMIT = 100.0  # s after which a scene is taken for hung, for each image; one takes 0.2


@dataclass(kw_only=True)
class RenderReport(Report):
    """A run that makes images."""

    skipped_frames: int = 0  # of scenes that were there
    frames: int = 0  # made now
    size: int = 0  # bytes of their tars

    @property
    def there(self) -> int:
        """Images of scenes that were there."""
        return self.skipped_frames


def render(
    out: Path,
    *,
    settings: CameraSettings,
    executor: Executor,
    clutter: int = 0,
    shard_index: int = 0,
    shard_count: int = 1,
    retries: int = 2,
    overwrite: bool = False,
    progress: ReportCallback | None = None,
) -> RenderReport:
    """Render all scenes of a dataset, or those that have no images yet.

    Parameters
    ----------
    out
        Folder of a dataset that `generate` made or began, on a disk that all machines see.
    settings
        Of the cameras.
    executor
        Where the work runs, rays on its device; the caller closes it.
    clutter
        Cluttered tables beside the scenes; those that are there stay.
    shard_index, shard_count
        Render scenes `shard_index`, `shard_index` + `shard_count`, … only: those of one of several
        machines.
    retries
        How often a scene that failed is tried again.
    overwrite
        Whether to render anew what was rendered with other settings.
    progress
        Called after each scene.

    Returns
    -------
    RenderReport
        Its `failures` are what could not be done; another run tries it again.

    Raises
    ------
    InputError
        FILE_NOT_FOUND: there is no dataset, or none of its objects is prepared. INVALID_INPUT: it
        has images of other settings.
    """
    layout = DatasetLayout(out.absolute())
    tasks, damaged = plan_scenes(layout, settings, executor.device)
    every: list[RenderTask] = [*tasks, *plan_clutter(tasks, clutter)]
    share = take_share(every, shard_index, shard_count)
    check_retries(retries)
    digest = _open_cameras(layout, tasks[0], overwrite=overwrite)
    if overwrite and not damaged:  # else nobody knows what they are of
        _remove_outdated(layout, every)
    remove_leftovers(layout.root)
    report = RenderReport(units=len(share), wanted=sum(task.frame_count for task in share))
    run = _Run(Journal(layout, digest, report, progress), report, overwrite=overwrite)
    guard = SettingsGuard(layout.cameras, digest)

    def on_wait() -> None:
        guard.check()
        run.journal.tell()

    for unit, error in damaged.items():
        run.journal.failed(unit, as_failed(error), 1)
        report.units, report.lost = report.units + 1, report.lost + 1
    run_steps(
        executor,
        run.steps(share),
        retries=retries,
        on_failure=run.lose,
        on_wait=on_wait,
    )
    run.journal.tell()
    return report


def plan_scenes(
    layout: DatasetLayout, settings: CameraSettings, device: str
) -> tuple[list[SceneTask], dict[str, InputError | OSError]]:
    """All resting poses of all objects of a dataset, in an order that every machine finds.

    Returns
    -------
    tasks, damaged
        The poses, and why objects have none, by the name of their first scene; `generate` mends
        their files.

    Raises
    ------
    InputError
        FILE_NOT_FOUND: there is no dataset, or it has no scene; INVALID_INPUT: all are damaged.
    """
    if not layout.manifest.is_file():
        raise InputError(
            f"There is no dataset in '{layout.root}': no '{layout.manifest.name}'. Expected the "
            'folder that `dexgrasp dataset generate` wrote.',
            ErrorCode.FILE_NOT_FOUND,
        )
    seed = read_json(layout.manifest, 'configuration')['configuration']['random_seed']
    tasks: list[SceneTask] = []
    damaged: dict[str, InputError | OSError] = {}
    for path in sorted(layout.object_record('').parent.glob('[!.]*.json')):
        try:
            record = read_json(path, 'key', 'mesh')
            scenes = read_json(layout.scenes(record['mesh']), 'scenes')['scenes']
        except (InputError, OSError) as error:
            damaged[f'render/{path.stem}/00'] = error
            continue
        tasks += [
            SceneTask(
                root=layout.root,
                object_key=record['key'],
                digest=record['mesh'],
                scene=scene['scene'],
                pose=tuple(scene['pose']),
                settings=settings,
                random_seed=seed,
                device=device,
            )
            for scene in scenes
        ]
    if not tasks and damaged:
        raise next(iter(damaged.values()))
    if not tasks:
        raise InputError(
            f"No object of the dataset '{layout.root}' has a resting pose; expected scenes in "
            "'scenes/', which `dexgrasp dataset generate` writes.",
            ErrorCode.FILE_NOT_FOUND,
        )
    return tasks, damaged


class _Run:
    """Scenes of one machine, on their way."""

    def __init__(self, journal: Journal, report: RenderReport, *, overwrite: bool) -> None:
        self.journal, self._report, self._overwrite = journal, report, overwrite
        self._tasks: dict[str, RenderTask] = {}

    def steps(self, tasks: Iterable[RenderTask]) -> Iterator[Step]:
        """Yield what has to be rendered."""
        for task in tasks:
            self._tasks[task.name] = task
            try:
                if is_rendered(task, overwrite=self._overwrite):
                    self.journal.cleared(task.name)
                    self._count(task, skipped=1, skipped_frames=task.frame_count)
                    continue
            except (DexGraspError, OSError) as error:
                self._lose(task, as_failed(error), 1)
                continue
            kind: Kind = 'cpu' if task.device == 'cpu' else 'device'
            yield Step(
                unit=task.name,
                function=task.function,
                arguments=(task,),
                kind=kind,
                time_limit=_FRAME_LIMIT * (1 + task.frame_count),
                then=partial(self._done, task),
            )

    def lose(self, step: Step, failed: Failed, tries: int) -> None:
        """Note that a scene could not be rendered."""
        self._lose(self._tasks[step.unit], failed, tries)

    def _done(self, task: RenderTask, summary: SceneSummary) -> list[Step]:
        self.journal.done(
            task.name, summary.seconds, frames=summary.frames, tar_bytes=summary.size
        )
        self._count(task, made=1, frames=summary.frames, size=summary.size)
        return []

    def _lose(self, task: RenderTask, failed: Failed, tries: int) -> None:
        self.journal.failed(task.name, failed, tries)
        self._count(task, lost=1)

    def _count(self, task: RenderTask, **counts: int) -> None:
        self._report.wanted_done += task.frame_count
        for name, number in counts.items():
            setattr(self._report, name, getattr(self._report, name) + number)
        self.journal.tell()


def _remove_outdated(layout: DatasetLayout, tasks: Iterable[RenderTask]) -> None:
    """Remove images of scenes that the dataset has no more; those of others are overwritten."""
    known = {
        path for task in tasks for path in (task.table, task.tar, task.table.with_suffix('.json'))
    }
    for path in set(rendered_files(layout)) - known:
        remove_file(path)


def _open_cameras(layout: DatasetLayout, task: RenderTask, *, overwrite: bool) -> str:
    """Write `cameras.json`, or make sure that the one that is there says the same.

    Returns its hash, which all tasks share.
    """
    digest = task.about['hash']
    content = {
        'hash': digest,
        'cameras': task.settings.as_dict(),
        'random_seed': task.random_seed,
        'device': task.device,
        'versions': library_versions(),
        'depth_scale': DEPTH_SCALE,
        'channels': CHANNELS,
    }
    if create_bytes(layout.cameras, json_bytes(content)):
        return digest
    try:
        there = read_json(layout.cameras, 'hash')
    except InputError as error:
        if not overwrite:
            raise InputError(f'{error} With --overwrite it is written anew.') from error
        there = {}
    if there.get('hash') == digest:
        return digest
    if overwrite:
        write_json(layout.cameras, content)
        return digest
    told = ('random_seed', 'device')
    differ = [
        f"'{n}' is {content[n]!r} and there {there.get(n)!r}"
        for n in told
        if content[n] != there.get(n)
    ] + [
        f"'{name}' is {value!r} and there {there.get(part, {}).get(name)!r}"
        for part in ('cameras', 'versions')
        for name, value in json.loads(json_bytes(content[part])).items()
        if there.get(part, {}).get(name) != value
    ]
    raise InputError(
        f"The dataset '{layout.root}' has images of other settings, {str(there.get('hash'))[:12]},"
        f' than these, {digest[:12]}: {"; ".join(differ)}. Expected the'
        ' same, another dataset, or --overwrite to render everything again.'
    )
