"""``dexgrasp dataset failures``: what the machines that worked on a dataset could not do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Failures:
    """Tell which units of work failed at the last try, and why; the next run tries them again."""

    out: Path
    """Folder of the dataset."""
    json: bool = False
    """End with one line of JSON."""

    def run(self) -> None:
        """Print a table of the folder ``failures/``.

        Raises
        ------
        InputError
            FILE_NOT_FOUND: there is no dataset.
        """
        from rich.console import Console
        from rich.markup import escape

        from dexgrasp_ros.cli.report import narrow_table, print_json
        from dexgrasp_ros.dataset.layout import DatasetLayout
        from dexgrasp_ros.dataset.reading.selection import read_manifest
        from dexgrasp_ros.dataset.statistics.file_statistics import failures

        layout = DatasetLayout(self.out)
        read_manifest(layout)  # says so where there is no dataset
        told = failures(layout)
        console = Console(stderr=self.json)
        if told:
            table = narrow_table()
            for name in ('unit', 'code', 'message'):
                table.add_column(name, overflow='fold')
            for failure in told:
                words = (str(failure[n]) for n in ('unit', 'code', 'message'))
                table.add_row(*map(escape, words))
            console.print(table)
        else:
            console.print('Nothing failed.')
        if self.json:
            print_json({'failures': told})
