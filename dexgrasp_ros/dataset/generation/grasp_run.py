"""What is to be done for the units of one machine, and what becomes of the results."""

from __future__ import annotations

import contextlib
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

from dexgrasp_ros.core.errors import InputError
from dexgrasp_ros.core.files import write_bytes
from dexgrasp_ros.core.json_files import read_json, write_json
from dexgrasp_ros.dataset.config import DatasetConfig
from dexgrasp_ros.dataset.generation.objects import PreparedObject, SourceMesh, file_digest
from dexgrasp_ros.dataset.generation.plan import Unit
from dexgrasp_ros.dataset.generation.units import Batch, UnitRows, UnitTask
from dexgrasp_ros.dataset.hands import StoredHand
from dexgrasp_ros.dataset.layout import DatasetLayout, object_key
from dexgrasp_ros.dataset.manifest import SettingsGuard, refresh_manifest
from dexgrasp_ros.dataset.schema import GRASP_COLUMNS, SCHEMA_VERSION
from dexgrasp_ros.dataset.shards import is_made, write_shard
from dexgrasp_ros.dataset.work.executors import Executor, Failed, as_failed
from dexgrasp_ros.dataset.work.report import Journal, ReportCallback, RunReport
from dexgrasp_ros.dataset.work.steps import Step, run_steps

_PREPARE = 'dexgrasp_ros.dataset.generation.objects:prepare_object'
_SYNTHESIZE = 'dexgrasp_ros.dataset.generation.units:synthesize_unit'
_EVALUATE = 'dexgrasp_ros.dataset.generation.units:evaluate_unit'
# After these a task is taken for hung [s]; a grasp takes a second, on a busy machine a few.
_PREPARE_LIMIT, _GRASP_LIMIT = 10_000.0, 10.0
_REFRESH = 10.0  # s between two versions of `dataset.json` while objects come to it


class GraspRun:
    """One run over the units of one machine; `generate` says what the settings mean."""

    def __init__(
        self,
        *,
        layout: DatasetLayout,
        config: DatasetConfig,
        sources: dict[str, SourceMesh],
        hands: dict[str, StoredHand],
        overwrite: bool,
    ) -> None:
        self.layout, self.config = layout, config
        self._sources, self._hands = sources, hands  # by name
        self._overwrite = overwrite
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
        guard = SettingsGuard(self.layout.manifest, self.config.digest)

        def on_wait() -> None:
            guard.check()
            self._journal.tell()

        all_units = [unit for group in self._units.values() for unit in group]
        report = RunReport(units=len(all_units), wanted=sum(u.count for u in all_units))
        self._journal = Journal(self.layout, self.config.digest, report, progress)
        try:
            run_steps(
                executor,
                self._steps(),
                retries=retries,
                on_failure=self._fail,
                on_wait=on_wait,
            )
        finally:
            with contextlib.suppress(OSError):
                refresh_manifest(self.layout)
        self._journal.tell()
        return report

    def _steps(self) -> Iterator[Step]:
        """Yield what has to be done, object by object; those that are not prepared, first that."""
        for name in self._units:
            record = self._find_record(self._sources[name])
            if record is not None:
                self._journal.cleared(_preparing(name))
                yield from self._unit_steps(record)
                continue
            yield Step(
                unit=_preparing(name),
                function=_PREPARE,
                arguments=(self._sources[name], self.config),
                kind='cpu',
                time_limit=_PREPARE_LIMIT,
                then=self._store_object,
            )

    def _find_record(self, source: SourceMesh) -> dict[str, Any] | None:
        """Find what an earlier run made of a mesh file, unless something of it is missing."""
        try:
            digest = file_digest(source.path)
            folder = self.layout.object_record('').parent
            for path in sorted(folder.glob(f'{object_key(source.name, "")}*.json')):
                record = read_json(path, 'key', 'name', 'mesh', 'file_sha256', 'hash')
                scenes = self.layout.scenes(record['mesh'])
                if (
                    record['name'] == source.name
                    and record['file_sha256'] == digest
                    and record['hash'] == self.config.digest
                    and self.layout.mesh(record['mesh']).exists()
                    and scenes.exists()
                    and read_json(scenes, 'hash', 'scenes')['hash'] == self.config.digest
                ):
                    return self._with_license(record, source)
        except (OSError, InputError):
            return None  # Who prepares it meets the same error, and tells it; or mends the record.
        return None

    def _with_license(self, record: dict[str, Any], source: SourceMesh) -> dict[str, Any]:
        """Take over what is told of a mesh's origin now; nothing else depends on it."""
        now = record | {'license': source.license, 'source': source.source}
        if now != record:
            write_json(self.layout.object_record(record['key']), now)
        return now

    def _store_object(self, prepared: PreparedObject) -> Iterator[Step]:
        """Write down an object; its record is last, and says that the rest is there."""
        record = prepared.record
        write_bytes(self.layout.mesh(record['mesh']), prepared.mesh)
        if prepared.colors is not None:
            write_bytes(self.layout.colors(record['mesh']), prepared.colors)
        write_json(self.layout.scenes(record['mesh']), prepared.scenes)
        write_json(self.layout.object_record(record['key']), record)
        self._journal.done(_preparing(record['name']), prepared.seconds)
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
            except (InputError, OSError) as error:
                self._lose([unit], unit.name, as_failed(error), 1)
                continue
            task = UnitTask(
                hand=self._hands[unit.hand],
                object_key=record['key'],
                mesh=self.layout.mesh(record['mesh']),
                digest=record['mesh'],
                planes=planes,
                part=unit.part,
                count=unit.count,
                config=self.config,
            )
            yield Step(
                unit=unit.name,
                function=_SYNTHESIZE,
                arguments=(task,),
                kind='device',
                time_limit=_unit_limit(unit),
                then=partial(self._evaluate, unit, record, task),
            )

    def _evaluate(
        self, unit: Unit, record: dict[str, Any], task: UnitTask, batches: list[Batch]
    ) -> list[Step]:
        step = Step(
            unit=unit.name,
            function=_EVALUATE,
            arguments=(task, batches),
            # In batches it is the devices' work, as the search is.
            kind='cpu' if self.config.physics == 'mujoco' else 'device',
            time_limit=_unit_limit(unit),
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
        told = {'grasps': found.count, 'shaken': found.shaken, 'held': found.held}
        self._journal.done(unit.name, found.seconds, wanted=unit.count, **told)
        self._count(unit, made=1, short=unit.count - found.count, **told)
        return []

    def _metadata(self, unit: Unit, record: dict[str, Any]) -> dict[str, Any]:
        return {
            'schema_version': SCHEMA_VERSION,
            'hash': self.config.digest,
            'hand': unit.hand,
            'urdf': self._hands[unit.hand].digest,
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


def _preparing(name: str) -> str:
    """Name of the unit of work that prepares an object."""
    return f'object/{name}'


def _unit_limit(unit: Unit) -> float:
    return _PREPARE_LIMIT + _GRASP_LIMIT * unit.count
