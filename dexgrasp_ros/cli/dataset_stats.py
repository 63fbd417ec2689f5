"""``dexgrasp dataset stats``: what a dataset holds, and what a larger one would take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tyro

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True, kw_only=True)
class Stats:
    """Sum up a dataset, also one in the making: success, quality, time, space, failures."""

    dataset: tyro.conf.Positional[Path]
    """Folder of the dataset."""
    json: Path | None = None
    """File to write: all numbers (.json)."""
    html: Path | None = None
    """File to write: one page with charts and pictures (.html)."""
    pictures: int = 2
    """Objects that the page shows grasps of, for each hand; 0 for none."""
    planned_grasps: int = 1_000_000
    """Grasps, by all hands together, of the dataset whose cost is estimated."""
    machines: tuple[int, ...] = (1, 100)
    """For how many machines."""
    processes: int | None = None
    """Processes that each of them runs at once; default: as many as this machine has cores."""
    grasps_per_object: int | None = None
    """Of that dataset, by all hands together; default: as many as here."""

    def run(self) -> None:
        """Read the dataset, print tables and write the files.

        Raises
        ------
        InputError
            As from `open_dataset`; OUT_OF_RANGE for a number.
        """
        from rich.console import Console
        from rich.progress import Progress

        from dexgrasp_ros.cli.files import prepare_file
        from dexgrasp_ros.cli.report import json_text
        from dexgrasp_ros.core.cores import available_cores
        from dexgrasp_ros.core.files import write_text
        from dexgrasp_ros.dataset.statistics.cost_estimate import estimate_cost
        from dexgrasp_ros.dataset.statistics.summary import dataset_statistics

        self._check()
        console = Console()
        for file in filter(None, (self.json, self.html)):
            prepare_file(file)
        with Progress(console=console, transient=True) as bar:
            task = bar.add_task('reading', total=None)

            def show(hand: str, done: int, total: int) -> None:
                bar.update(task, description=hand, completed=done, total=total)

            found = dataset_statistics(self.dataset, progress=show)
        plans = [
            estimate_cost(
                found,
                grasps=self.planned_grasps,
                machines=machines,
                processes=self.processes or available_cores(),
                grasps_per_object=self.grasps_per_object,
            )
            for machines in self.machines
        ]
        _print_tables(console, found, plans)
        if self.json is not None:
            write_text(self.json, json_text(found | {'plans': plans}) + '\n')
            console.print(f'Numbers written to {self.json}', highlight=False)
        if self.html is not None:
            write_text(self.html, self._page(found, plans))
            console.print(f'Page written to {self.html}', highlight=False)

    def _check(self) -> None:
        from dexgrasp_ros.core.errors import ErrorCode, InputError

        numbers = {
            'planned-grasps': self.planned_grasps,
            'machines': min(self.machines, default=0),
            'processes': 1 if self.processes is None else self.processes,
            'grasps-per-object': 1 if self.grasps_per_object is None else self.grasps_per_object,
            'pictures': self.pictures + 1,
        }
        for name, value in numbers.items():
            if value < 1:
                least = 0 if name == 'pictures' else 1
                raise InputError(
                    f'--{name} is {value - 1 + least}; expected {least} or more.',
                    ErrorCode.OUT_OF_RANGE,
                )

    def _page(self, found: Mapping[str, Any], plans: Sequence[Mapping[str, Any]]) -> str:
        from dexgrasp_ros.dataset.statistics.page import statistics_page
        from dexgrasp_ros.dataset.statistics.pictures import (
            data_uri,
            frame_pictures,
            grasp_pictures,
        )

        hands = [hand['hand'] for hand in found['hands'] if hand['held']]
        grasps = [
            (f'{hand}, {key}', data_uri(picture))
            for hand in hands
            for key, picture in grasp_pictures(self.dataset, hand, objects=self.pictures)
        ]
        frames = [
            (key, data_uri(picture))
            for hand in hands[:1]
            for key, picture in frame_pictures(self.dataset, hand)
        ]
        return statistics_page(found, plans, grasps, frames)


def _print_tables(
    console: Console, found: Mapping[str, Any], plans: Sequence[Mapping[str, Any]]
) -> None:
    from rich.markup import escape
    from rich.table import Table

    from dexgrasp_ros.dataset.statistics.html_parts import (
        bytes_text,
        hours_text,
        percent,
        seconds_text,
    )

    table = Table(title=escape(found['dataset']), title_justify='left')
    for name in ('hand', 'grasps', 'shaken', 'held', 'interval', 'free', 'on a table', 'ε, held'):
        table.add_column(name, justify='left' if name == 'hand' else 'right', overflow='fold')
    for hand in found['hands']:
        mean = hand['epsilon_mean_held']
        table.add_row(
            escape(hand['hand']),
            f'{hand["grasps"]:,}',
            f'{hand["shaken"]:,}',
            percent(hand['rate']),
            f'{100 * hand["low"]:.0f} – {100 * hand["high"]:.0f} %',
            percent(hand['free']['rate']),
            percent(hand['settled']['rate']),
            '–' if mean is None else f'{mean:.3f}',
        )
    console.print(table)
    console.print(
        f'{found["objects"]:,} objects, {found["frames"]:,} frames, '
        f'{bytes_text(found["bytes"]["total"])}; failed units: {len(found["failures"])}',
        highlight=False,
    )
    for stage in found['stages']:
        each = seconds_text(stage['seconds'] / max(stage['count'], 1))
        console.print(
            f'  {stage["stage"]}: {stage["seconds"]:,.1f} s for {stage["count"]:,} {stage["of"]}, '
            f'{each} each',
            highlight=False,
        )
    for plan in plans:
        console.print(
            f'{plan["grasps"]:,} grasps on {plan["machines"]:,} × {plan["processes"]} processes: '
            f'{hours_text(plan["hours"])}, '
            f'{bytes_text(plan["bytes"])}',
            highlight=False,
        )
    for text in plans[0]['assumptions'] if plans else ():
        console.print(f'  [dim]{escape(text)}[/]', highlight=False)
