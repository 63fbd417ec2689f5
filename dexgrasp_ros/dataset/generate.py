"""A run of the generator: what is there is kept, the rest is made, failures stop nothing else."""

from __future__ import annotations

import contextlib
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from dexgrasp_ros.core.errors import InputError
from dexgrasp_ros.dataset.config import DatasetConfig
from dexgrasp_ros.dataset.executors import Executor, Failed, worker_device
from dexgrasp_ros.dataset.files import read_json, remove_leftovers, write_bytes, write_json
from dexgrasp_ros.dataset.layout import DatasetLayout
from dexgrasp_ros.dataset.manifest import open_manifest, refresh_manifest, register_hand
from dexgrasp_ros.dataset.objects import PreparedObject, SourceMesh, file_digest, find_meshes
from dexgrasp_ros.dataset.plan import Unit, plan_units, take_share
from dexgrasp_ros.dataset.report import Journal, ReportCallback, RunReport
from dexgrasp_ros.dataset.schema import GRASP_COLUMNS, SCHEMA_VERSION
from dexgrasp_ros.dataset.shards import is_made, write_shard
from dexgrasp_ros.dataset.steps import Step, run_steps
from dexgrasp_ros.dataset.units import Batch, UnitRows, UnitTask
from dexgrasp_ros.hand import load_hand

_PREPARE = 'dexgrasp_ros.dataset.objects:prepare_object'
_SYNTHESIZE = 'dexgrasp_ros.dataset.units:synthesize_unit'
_EVALUATE = 'dexgrasp_ros.dataset.units:evaluate_unit'
_REFRESH = 10.0  # s between two versions of `dataset.json` while objects come to it


def generate(
    out: Path,
    *,
    hands: Sequence[str],
    objects: Path,
    grasps_per_object: int,
    executor: Executor,
    config: DatasetConfig | None = None,
    license: str = 'unknown',
    device: str = 'auto',
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
        Where the work runs; the caller closes it.
    config
        Settings of the dataset; the defaults without it.
    license
        Of meshes that no table tells about.
    device
        As in `SynthesisConfig`.
    shard_index, shard_count
        Make units `shard_index`, `shard_index` + `shard_count`, … only: those of one of several
        machines.
    retries
        How often a task that failed is tried again.
    overwrite
        Whether to make anew what was made with other settings.
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
    run = _Run(
        layout=DatasetLayout(out),
        config=config or DatasetConfig(),
        sources={s.name: s for s in find_meshes(objects, license)},
        device=worker_device(device),
        overwrite=overwrite,
    )
    models = {source: load_hand(source) for source in hands}
    names = [model.name for model in models.values()]
    if len(set(names)) < len(hands) or not hands:
        raise InputError(f'The hands are {names or "none"}; expected different ones, at least 1.')
    units = plan_units(names, list(run.sources), grasps_per_object, run.config)
    share = take_share(units, shard_index, shard_count)
    open_manifest(run.layout, run.config, grasps_per_object, overwrite=overwrite)
    remove_leftovers(run.layout.root)
    for source, model in models.items():
        run.hands[model.name] = source
        run.urdfs[model.name] = register_hand(run.layout, model)
    return run.run(share, executor, retries=retries, progress=progress)


class _Run:
    """One run over the units of one machine."""

    def __init__(
        self,
        *,
        layout: DatasetLayout,
        config: DatasetConfig,
        sources: dict[str, SourceMesh],
        device: str,
        overwrite: bool,
    ) -> None:
        self.layout, self.config, self.sources = layout, config, sources
        self._device, self._overwrite = device, overwrite
        self.hands: dict[str, str] = {}  # what `load_hand` takes, by name
        self.urdfs: dict[str, str] = {}  # digests, by name
        self._units: dict[str, list[Unit]] = defaultdict(list)  # by object
        self._refreshed = time.monotonic()

    def run(
        self,
        units: Iterable[Unit],
        executor: Executor,
        *,
        retries: int,
        progress: ReportCallback | None,
    ) -> RunReport:
        """Make what is missing of some units."""
        for unit in units:
            self._units[unit.object].append(unit)
        all_units = [unit for group in self._units.values() for unit in group]
        report = RunReport(units=len(all_units), wanted=sum(u.count for u in all_units))
        self._journal = Journal(self.layout, report, progress)
        try:
            run_steps(
                executor,
                self._steps(),
                retries=retries,
                on_failure=self._fail,
                on_wait=self._journal.tell,
            )
        finally:
            with contextlib.suppress(OSError):
                refresh_manifest(self.layout)
        self._journal.tell()
        return report

    def _steps(self) -> Iterator[Step]:
        """Yield what has to be done, object by object; those that are not prepared, first that."""
        for name in self._units:
            record = self._find_record(self.sources[name])
            if record is not None:
                yield from self._unit_steps(record)
                continue
            yield Step(
                unit=f'object/{name}',
                function=_PREPARE,
                arguments=(self.sources[name], self.config),
                kind='cpu',
                then=self._store_object,
            )

    def _find_record(self, source: SourceMesh) -> dict[str, Any] | None:
        """Find what an earlier run made of a mesh file, unless something of it is missing."""
        try:
            digest = file_digest(source.path)
            for path in sorted(self.layout.object_record('').parent.glob(f'{source.name}-*.json')):
                record = read_json(path)
                scenes = self.layout.scenes(record['mesh'])
                if (
                    record['name'] == source.name
                    and record['file_sha256'] == digest
                    and record['hash'] == self.config.digest
                    and self.layout.mesh(record['mesh']).exists()
                    and scenes.exists()
                    and read_json(scenes)['hash'] == self.config.digest
                ):
                    return record
        except OSError:
            return None  # Who prepares it meets the same error, and tells it.
        return None

    def _store_object(self, prepared: PreparedObject) -> Iterator[Step]:
        """Write down an object; its record is last, and says that the rest is there."""
        record = prepared.record
        write_bytes(self.layout.mesh(record['mesh']), prepared.mesh)
        write_json(self.layout.scenes(record['mesh']), prepared.scenes)
        write_json(self.layout.object_record(record['key']), record)
        self._journal.done(f'object/{record["name"]}', prepared.seconds)
        if time.monotonic() - self._refreshed > _REFRESH:
            refresh_manifest(self.layout)
            self._refreshed = time.monotonic()
        yield from self._unit_steps(record)

    def _unit_steps(self, record: dict[str, Any]) -> Iterator[Step]:
        """Yield the search for each unit of a prepared object that is not made yet."""
        scenes = read_json(self.layout.scenes(record['mesh']))['scenes']
        planes = tuple(tuple(scene['support_plane']) for scene in scenes)
        for unit in self._units[record['name']]:
            path = self.layout.grasps(unit.hand, record['key'], unit.part)
            try:
                if is_made(path, self._metadata(unit, record), overwrite=self._overwrite):
                    self._journal.cleared(unit.name)
                    self._count(unit, skipped=1, skipped_grasps=unit.count)
                    continue
            except InputError as error:
                self._lose([unit], unit.name, Failed(code=error.code, message=str(error)), 1)
                continue
            task = UnitTask(
                hand=self.hands[unit.hand],
                mesh=self.layout.mesh(record['mesh']),
                digest=record['mesh'],
                planes=planes,
                part=unit.part,
                count=unit.count,
                config=self.config,
                device=self._device,
            )
            yield Step(
                unit=unit.name,
                function=_SYNTHESIZE,
                arguments=(task,),
                kind='device',
                then=partial(self._evaluate, unit, record, task),
            )

    def _evaluate(
        self, unit: Unit, record: dict[str, Any], task: UnitTask, batches: list[Batch]
    ) -> list[Step]:
        step = Step(
            unit=unit.name,
            function=_EVALUATE,
            arguments=(task, batches),
            kind='cpu',
            then=partial(self._write, unit, record),
        )
        return [step]

    def _write(self, unit: Unit, record: dict[str, Any], found: UnitRows) -> list[Step]:
        first = unit.part * self.config.shard_size
        keys = [f'{unit.hand}/{record["key"]}/{first + n}' for n in range(found.count)]
        write_shard(
            self.layout.grasps(unit.hand, record['key'], unit.part),
            GRASP_COLUMNS,
            {'key': keys, **found.rows},
            self._metadata(unit, record),
            joints=found.joints,
        )
        self._journal.done(
            unit.name, found.seconds, wanted=unit.count, grasps=found.count, held=found.held
        )
        self._count(
            unit, made=1, grasps=found.count, held=found.held, short=unit.count - found.count
        )
        return []

    def _metadata(self, unit: Unit, record: dict[str, Any]) -> dict[str, Any]:
        return {
            'schema_version': SCHEMA_VERSION,
            'hash': self.config.digest,
            'hand': unit.hand,
            'urdf': self.urdfs[unit.hand],
            'object': record['key'],
            'mesh': record['mesh'],
            'part': unit.part,
            'wanted': unit.count,
        }

    def _fail(self, step: Step, failed: Failed, tries: int) -> None:
        if step.function == _PREPARE:
            lost = self._units[step.unit.partition('/')[2]]
        else:
            lost = [u for group in self._units.values() for u in group if u.name == step.unit]
        self._lose(lost, step.unit, failed, tries)

    def _lose(self, units: list[Unit], name: str, failed: Failed, tries: int) -> None:
        self._journal.failed(name, failed, tries)
        for unit in units:
            self._count(unit, lost=1)

    def _count(self, unit: Unit, **counts: int) -> None:
        report = self._journal.report
        report.wanted_done += unit.count
        for name, number in counts.items():
            setattr(report, name, getattr(report, name) + number)
        self._journal.tell()
