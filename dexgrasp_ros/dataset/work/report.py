"""What a run has done so far, and the files that tell of failures and of time."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dexgrasp_ros.core.json_files import write_json
from dexgrasp_ros.dataset.layout import DatasetLayout
from dexgrasp_ros.dataset.work.executors import Failed


@dataclass(kw_only=True)
class Report:
    """Units of one run of one machine, counted as they end."""

    units: int = 0  # in all
    made: int = 0
    skipped: int = 0  # were there
    lost: int = 0  # could not be done
    wanted: int = 0  # grasps, or images, of all units
    wanted_done: int = 0  # of units that are made, skipped or lost
    failures: dict[str, Failed] = field(default_factory=dict)  # by unit of work
    seconds: dict[str, float] = field(default_factory=dict)  # of all processes, by stage

    @property
    def done(self) -> int:
        """Units that need no more work in this run."""
        return self.made + self.skipped + self.lost

    @property
    def there(self) -> int:
        """What was wanted of units that were there."""
        return 0

    def as_dict(self) -> dict[str, Any]:
        """Return all of it for JSON."""
        failures = {
            unit: {'code': failed.code.name, 'message': failed.message}
            for unit, failed in self.failures.items()
        }
        return vars(self) | {'failures': failures}


@dataclass(kw_only=True)
class RunReport(Report):
    """A run that makes grasps."""

    skipped_grasps: int = 0  # wanted of units that were there
    grasps: int = 0  # in the shards made now
    shaken: int = 0
    held: int = 0
    short: int = 0  # grasps that searches did not find

    @property
    def there(self) -> int:
        """Grasps wanted of units that were there."""
        return self.skipped_grasps


ReportCallback = Callable[[Any], None]  # called with the `Report` of the run


class Journal:
    """Keeps the report and the files ``failures/`` and ``timing/`` of a run.

    They are no part of the dataset's content: where they cannot be written, the run goes on.

    Parameters
    ----------
    layout
        Of the dataset.
    digest
        Of the settings of the run, which the files tell.
    report, progress
        The report, and who is told of it.
    """

    def __init__(
        self,
        layout: DatasetLayout,
        digest: str,
        report: Report,
        progress: ReportCallback | None,
    ) -> None:
        self._layout, self._digest = layout, digest
        self.report, self._progress = report, progress

    def tell(self) -> None:
        """Tell the caller where the run stands."""
        if self._progress is not None:
            self._progress(self.report)

    def done(self, unit: str, seconds: Mapping[str, float], **told: Any) -> None:
        """Note that a unit of work is done, and how long its stages took."""
        self.cleared(unit)
        for stage, value in seconds.items():
            self.report.seconds[stage] = self.report.seconds.get(stage, 0.0) + value
        with contextlib.suppress(OSError):
            write_json(
                self._layout.timing(unit),
                {'unit': unit, 'hash': self._digest, **told, 'seconds': dict(seconds)},
            )

    def cleared(self, unit: str) -> None:
        """Forget that a unit could not be done by an earlier run."""
        with contextlib.suppress(OSError):
            self._layout.failure(unit).unlink(missing_ok=True)

    def failed(self, unit: str, failed: Failed, tries: int) -> None:
        """Note that a unit of work could not be done, and why."""
        self.report.failures[unit] = failed
        with contextlib.suppress(OSError):
            write_json(
                self._layout.failure(unit),
                {
                    'unit': unit,
                    'hash': self._digest,
                    'code': failed.code.name,
                    'message': failed.message,
                    'tries': tries,
                },
            )
